// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace spikemix {

/// What happened to a data set's cache (cache_file.h) when it was opened.
struct CacheReport {
  enum class State { kFound, kBuilt, kUnwritable };
  State state = State::kFound;
  std::filesystem::path file = {};
  uint64_t bytes = 0;
  double build_seconds = 0;
};

/// Callbacks while a data set is opened; the library prints nothing. All are optional.
struct OpenListener {
  /// A line for the user: a cache that is damaged, large, or cannot be written. Can also come later, from any thread.
  std::function<void(const std::string&)> note = {};
  /// Progress of writing pictures into the cache. An exception ends the opening, and leaves no cache.
  std::function<void(int64_t done, int64_t total)> progress = {};
  /// Not called for data without a cache.
  std::function<void(const CacheReport&)> cache = {};
};

}  // namespace spikemix
