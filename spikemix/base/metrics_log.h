// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace spikemix {

/// A line of a run's metrics.jsonl.
struct MetricsLine {
  std::string where;  ///< "runs/a/metrics.jsonl, line 3"
  std::string type;   ///< "step", "epoch", "test"
  nlohmann::json values;

  bool has(const char* key) const { return values.contains(key); }
  /// @throws InputError naming the line and the key unless its value is a finite number
  double number(const char* key) const;
  /// The same for a whole number that is not negative.
  int64_t whole(const char* key) const;
  /// The same for a text.
  std::string text(const char* key) const;
};

struct MetricsLog {
  std::vector<MetricsLine> lines;
  bool cut = false;  ///< the file ended with half a line, as after a power cut: it is not in `lines`
};

/// Every line of the log; none if there is no such file. Nothing is skipped.
/// @throws InputError naming a line that is not JSON, or not an object with a type
MetricsLog read_metrics(const std::filesystem::path& file);

}  // namespace spikemix
