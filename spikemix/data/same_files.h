// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace spikemix {

/// A file's contents, compared by reading as little as possible.
struct FileContents {
  /// For a separate file: read only if another has the same size.
  explicit FileContents(const std::filesystem::path& file);
  /// For bytes in memory.
  explicit FileContents(std::span<const uint8_t> bytes);

  std::filesystem::path file;                ///< empty for bytes whose hashes are known
  uint64_t size = 0, middle = 0, whole = 0;  ///< middle: the hash of a page in the middle
};

/// Pairs (i, j) where a[i] and b[j] are the same, one for each such j.
std::vector<std::pair<size_t, size_t>> same_files(std::vector<FileContents> a, std::vector<FileContents> b);

}  // namespace spikemix
