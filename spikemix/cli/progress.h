#pragma once

#include <cstdint>
#include <string>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// Progress of a count of images on stderr, if that is a terminal: "  1,024 / 10,000".
class CountPrinter {
 public:
  explicit CountPrinter(int64_t total);
  ~CountPrinter();
  void operator()(int64_t done);

 private:
  const int64_t total_;
  const bool terminal_;
};

/// Prints on stderr what the opening of a data set tells: its notes, and how many pictures are decoded, once that takes
/// more than a second.
OpenListener opening_printer();

/// A bar of `width` characters, `done` (0 to 1) of it full.
std::string progress_bar(double done, int width = 24);

/// Goes back to the beginning of a terminal's line and empties it.
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace spikemix
