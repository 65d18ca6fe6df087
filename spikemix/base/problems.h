// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace spikemix {

/// The most problems of a file that are listed: a few are as informative as all.
inline constexpr size_t kListedProblems = 6;

/// "a; b; c", or the first kListedProblems "; and 31 more".
std::string list_of(const std::vector<std::string>& problems);

}  // namespace spikemix
