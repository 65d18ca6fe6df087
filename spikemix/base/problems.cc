// SPDX-License-Identifier: MIT
#include "spikemix/base/problems.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace spikemix {

std::string list_of(const std::vector<std::string>& problems) {
  const size_t listed = std::min(problems.size(), kListedProblems), rest = problems.size() - listed;
  return fmt::format("{}{}", fmt::join(std::span(problems).first(listed), "; "),
                     rest ? fmt::format("; and {} more", rest) : "");
}

}  // namespace spikemix
