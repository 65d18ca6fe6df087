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
  /// @throws InputError naming the line and the key unless it has a finite number
  double number(const char* key) const;
  /// The same of a whole number that is not negative.
  int64_t whole(const char* key) const;
  /// The same of a text.
  std::string text(const char* key) const;
};

struct MetricsLog {
  std::vector<MetricsLine> lines;
  bool cut = false;  ///< half a line stood at the end, as a power cut leaves it: it is not in `lines`
};

/// Every line of the log; none where there is no such file. Nothing is passed over.
/// @throws InputError naming the line that is no JSON, or no object with a type
MetricsLog read_metrics(const std::filesystem::path& file);

}  // namespace spikemix
