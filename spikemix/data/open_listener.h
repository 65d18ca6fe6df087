#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace spikemix {

/// What became of a data set's cache (cache_file.h) when it was opened.
struct CacheReport {
  enum class State { kFound, kBuilt, kUnwritable };
  State state = State::kFound;
  std::filesystem::path file = {};
  uint64_t bytes = 0;
  double build_seconds = 0;
};

/// What the opening of a data set tells; the library prints nothing. All optional.
struct OpenListener {
  /// A line for people: a cache that is damaged, large, or cannot be written. Also later, from any thread.
  std::function<void(const std::string&)> note = {};
  /// Pictures put into the cache. What it throws ends the opening, and leaves no cache.
  std::function<void(int64_t done, int64_t total)> progress = {};
  /// Data that have no cache tell none.
  std::function<void(const CacheReport&)> cache = {};
};

}  // namespace spikemix
