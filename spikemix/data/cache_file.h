// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "spikemix/base/file.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

/// A copy of a data set in the form in which it is used: data, then an index, then the index's place, its checksum and
/// the fingerprint of the source. CacheWriter writes it completely or not at all; this class maps it into memory. The
/// data and their checksums are the caller's: event_cache.h, image_cache.h.
class CacheFile {
 public:
  /// Stale: made from other files, or by another version. Whole: tail and index are unchanged.
  enum class State { kMissing, kStale, kDamaged, kWhole };

  /// `magic` names the contents and their version; at most 24 bytes.
  CacheFile(const std::filesystem::path& file, std::string_view magic, uint64_t fingerprint);

  State state() const { return state_; }
  const std::filesystem::path& path() const { return path_; }
  const nlohmann::json& index() const { return index_; }
  std::span<const std::byte> data() const { return data_; }
  /// Call it once the index has been read and is no longer needed; `good` says whether it made sense.
  void drop_index(bool good);

 private:
  State read(std::string_view magic, uint64_t fingerprint);

  std::filesystem::path path_;
  std::unique_ptr<MappedFile> file_;
  nlohmann::json index_;
  std::span<const std::byte> data_;
  State state_ = State::kMissing;
};

/// A cache's folder cannot be written to, or the disk is full. The caller then works without the cache.
class CacheUnwritable : public RunError {
 public:
  using RunError::RunError;
};

/// Writes files for CacheFile.
class CacheWriter {
 public:
  /// @param bytes how much will be written, if known; otherwise 0
  /// @throws CacheUnwritable, also if the disk has no room for them
  CacheWriter(const std::filesystem::path& file, std::string_view magic, uint64_t fingerprint, uint64_t bytes = 0);
  /// @returns the offset of these bytes in the data. @throws CacheUnwritable
  uint64_t write(std::span<const std::byte> bytes);
  /// Moves the file to its final name. @throws CacheUnwritable
  void commit(const nlohmann::json& index);

 private:
  std::unique_ptr<AtomicFile> file_;
  std::string magic_;
  uint64_t fingerprint_, size_ = 0;
};

/// Held while a cache is made, so that two trainings that begin together make it only once. The kernel releases it when
/// the process ends, for whatever reason.
class CacheLock {
 public:
  /// Makes the file's folder; waits, and reports it, while another process holds the lock. @throws CacheUnwritable
  CacheLock(const std::filesystem::path& file, const OpenListener& listener);
  CacheLock(const CacheLock&) = delete;
  CacheLock& operator=(const CacheLock&) = delete;
  ~CacheLock();

 private:
  int descriptor_;
};

/// Is it a list of integers? nlohmann's conversions take any number, with any loss.
bool holds_whole_numbers(const nlohmann::json& list);

/// CRC-32.
uint32_t checksum_of(std::span<const std::byte> bytes);

/// data.cache, or if that is empty $SPIKEMIX_CACHE, $XDG_CACHE_HOME/spikemix or ~/.cache/spikemix.
std::filesystem::path cache_folder(const DataConfig& data);

/// data.cache = "off": nothing is kept.
bool cache_is_off(const DataConfig& data);

/// The path of a data set's cache: its name, a hash of its path and format, then `ending`.
std::filesystem::path cache_path(const DataConfig& data, const DataFormat& format, const std::string& ending);

/// Calls `open`, and if it finds no valid cache, `build` and `open` again; tells `listener` what was done.
/// @throws CacheUnwritable, and whatever the two throw
void open_or_build(const std::filesystem::path& file, const OpenListener& listener,
                   const std::function<CacheFile::State()>& open, const std::function<void()>& build);

}  // namespace spikemix
