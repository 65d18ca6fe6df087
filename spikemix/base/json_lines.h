#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spikemix {

/// An append-only log of one JSON document a line: a run's metrics. Each line is one write(2), so a killed program
/// leaves whole lines; a power cut may leave half of one, which writer and reader drop.
class JsonLines {
 public:
  /// Creates the file, or appends after its last whole line. @throws InputError or RunError if it cannot be opened for
  /// writing
  explicit JsonLines(const std::filesystem::path& path);
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;
  ~JsonLines();

  /// @throws RunError on a full disk; the lines before stay whole
  void append(const nlohmann::json& document);

  /// Bytes of the log, all of them on the disk when it returns: what a checkpoint stores.
  int64_t sync();
  /// Drops what was logged after the checkpoint that stored `bytes`, and a line that they end in: somebody has changed
  /// the log. One that is shorter (somebody cleared it) stays as it is: a run does not depend on it.
  void truncate(int64_t bytes);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

/// The log's documents, without a last half line.
/// @param cut  set where there was one
/// @throws InputError naming the file and line of any other that is wrong
std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path, bool* cut = nullptr);

}  // namespace spikemix
