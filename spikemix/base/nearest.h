// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix {

/// The candidate with the smallest edit distance to `name`; empty if none is close enough to be a misspelling of it.
std::string nearest(std::string_view name, std::span<const std::string> candidates);

/// "'fft3d'; did you mean 'fft2d'? (one of: a, b, c)": the second half of every "unknown name" error.
std::string unknown_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace spikemix
