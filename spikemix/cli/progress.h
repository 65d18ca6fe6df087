// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/cli/terminal.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

/// Progress of a count on standard error: "1024 / 10000 images".
class CountPrinter {
 public:
  explicit CountPrinter(int64_t total, const char* what = "images");
  void operator()(int64_t done);

 private:
  const int64_t total_;
  const char* const what_;
  ProgressLine line_;
};

/// Reports while a data set is opened: its notes, and how many pictures are decoded if that takes more than a second.
OpenListener opening_printer();

}  // namespace spikemix
