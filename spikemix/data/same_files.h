#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace spikemix {

/// A file's contents, told apart by as little of them as will do.
struct FileContents {
  /// Of a file that lies by itself: read only where its size is another's too.
  explicit FileContents(const std::filesystem::path& file);
  /// Of bytes at hand.
  explicit FileContents(std::span<const uint8_t> bytes);

  std::filesystem::path file;                ///< empty: bytes, whose hashes are known
  uint64_t size = 0, middle = 0, whole = 0;  ///< middle: the hash of a page there
};

/// Pairs (i, j) of a[i] and b[j] that are the same, one for each such j.
std::vector<std::pair<size_t, size_t>> same_files(std::vector<FileContents> a, std::vector<FileContents> b);

}  // namespace spikemix
