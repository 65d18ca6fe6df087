#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace spikemix {

/// How many problems of a file are listed: a few say as much as all.
inline constexpr size_t kListedProblems = 6;

/// "a; b; c", or the first kListedProblems "; and 31 more".
std::string list_of(const std::vector<std::string>& problems);

}  // namespace spikemix
