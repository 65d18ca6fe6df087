// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

namespace spikemix {

/// The user's file, flag, config key or tensor is wrong. cli/main.cc prints one line and exits with 2. The text says
/// where, what was found, what was expected, and what to do.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The machine or the run failed: a full disk, a loss that is not a number. One line, exit code 1.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace spikemix
