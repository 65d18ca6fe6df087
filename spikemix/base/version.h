#pragma once

namespace spikemix {

extern const char* const kVersion;
/// Commit of the source tree at build time, "-dirty" if it held changes; "unknown" outside a checkout.
extern const char* const kGitCommit;

}  // namespace spikemix
