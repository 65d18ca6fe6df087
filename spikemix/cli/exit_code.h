// SPDX-License-Identifier: MIT
#pragma once

namespace spikemix {

/// How a command ends. Thrown errors become kInputWrong or kFailed in main.cc.
enum ExitCode { kDone = 0, kFailed = 1, kInputWrong = 2, kInterrupted = 130 };

/// For commands that end early without an error, such as a training stopped by Ctrl-C.
struct Exit {
  ExitCode code;
};

}  // namespace spikemix
