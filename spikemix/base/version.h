// SPDX-License-Identifier: MIT
#pragma once

namespace spikemix {

extern const char* const kVersion;
/// Commit of the source tree at build time, with "-dirty" if it had changes; "unknown" outside a checkout.
extern const char* const kGitCommit;

}  // namespace spikemix
