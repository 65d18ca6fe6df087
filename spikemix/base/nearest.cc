// SPDX-License-Identifier: MIT
#include "spikemix/base/nearest.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace spikemix {
namespace {

// Levenshtein distance, one row at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, std::span<const std::string> candidates) {
  // Nobody mistypes that much, and comparing a file's longest names with every candidate would take minutes.
  constexpr size_t kLongest = 200;
  if (name.size() > kLongest) return {};
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    // For a key without its section ("lr" for "train.lr"), the full key is the nearest possible.
    const bool is_tail = candidate.ends_with("." + std::string(name));
    const size_t distance = is_tail ? 0 : edit_distance(name, candidate);
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  return best;
}

std::string unknown_name(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string near = nearest(name, candidates);
  if (!near.empty()) return fmt::format("'{}'; did you mean '{}'?", name, near);
  return fmt::format("'{}'; known: {}", name, fmt::join(candidates, ", "));
}

}  // namespace spikemix
