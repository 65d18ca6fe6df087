// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spikemix {

/// An append-only log with one JSON document on each line: a run's metrics. Each line is one write(2), so a killed
/// program leaves complete lines; a power cut may leave half a line, which writer and reader drop.
class JsonLines {
 public:
  /// Creates the file, or appends after its last complete line. @throws InputError or RunError if it cannot be opened
  /// for writing
  explicit JsonLines(const std::filesystem::path& path);
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;
  ~JsonLines();

  /// @throws RunError on a full disk; earlier lines stay complete
  void append(const nlohmann::json& document);

  /// Bytes of the log, all of them on disk when it returns: checkpoints store this.
  int64_t sync();
  /// Drops what was logged after the checkpoint that stored `bytes`, and a line that straddles that place, if somebody
  /// has changed the log. A shorter log (somebody cleared it) stays as it is: a run does not depend on it.
  void truncate(int64_t bytes);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

/// The log's documents, without a half line at the end.
/// @param cut  set if there was one
/// @throws InputError naming the file and line of any other fault
std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path, bool* cut = nullptr);

}  // namespace spikemix
