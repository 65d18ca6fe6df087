// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/data/cache_file.h"
#include "spikemix/data/report.h"

namespace spikemix {

/// A sample in the cache.
struct CachedSample {
  std::string source;
  int64_t label = 0;
  bool test = false;
  SensorSize sensor = {};  ///< its own: RecordingInfo
  bool says_sensor = false;
  int64_t events = 0, first_t = 0, last_t = 0;
  int64_t left_out = 0;            ///< events of its file beyond the sensor; 0 except in the file's first sample
  int x_bits = 0, y_bits = 0;      ///< in EventWords
  uint64_t offset = 0, words = 0;  ///< first byte in the file; number of 32-bit words
  uint32_t checksum = 0;           ///< CRC-32 of the words
};

/// The compact copy of an event data set: a cache (cache_file.h) of words (event_words.h).
class EventCache {
 public:
  /// The index is checked here, and each sample when it is first read.
  EventCache(const std::filesystem::path& file, uint64_t fingerprint);

  CacheFile::State state() const { return file_.state(); }
  const std::vector<std::string>& classes() const { return classes_; }
  const std::vector<CachedSample>& samples() const { return samples_; }
  /// Recordings of a split that were left out because they are damaged (data.skip_bad).
  const std::vector<std::string>& damaged(Split split) const { return damaged_[split == Split::kTest]; }
  const DataReport& report() const { return report_; }
  /// Thread-safe. @throws RunError if the words have changed since they were written
  std::vector<Event> events(size_t i) const;

 private:
  bool read_index();

  CacheFile file_;
  std::vector<std::string> classes_;
  std::vector<CachedSample> samples_;
  std::array<std::vector<std::string>, 2> damaged_;  ///< training, test
  DataReport report_;
  mutable std::vector<uint8_t> checked_;  ///< by sample; a race only checks twice
};

class EventCacheWriter {
 public:
  /// @throws CacheUnwritable
  EventCacheWriter(const std::filesystem::path& file, uint64_t fingerprint);
  /// Adds events in order of time; fills in the fields of `sample` that describe them. @returns its number
  size_t add(CachedSample sample, std::span<const Event> events);
  std::vector<CachedSample>& samples() { return samples_; }
  /// Moves the file to its final name, with the samples in their present state. @throws CacheUnwritable
  /// @param damaged  recordings of the training and of the test data that were left out
  void commit(const std::vector<std::string>& classes, const std::array<std::vector<std::string>, 2>& damaged,
              const DataReport& report);

 private:
  CacheWriter file_;
  std::vector<CachedSample> samples_;
};

}  // namespace spikemix
