// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace spikemix {

/// Where a dense product finds the inputs of its rows, without a copy for each row: a row's *window* is `runs` runs of
/// consecutive values. A token has one run. The 3x3 neighbourhood of a pixel has three, if the image lies in memory
/// with a border of zeros, channels last: pixels beside each other share six of their nine neighbours.
template <class X>
struct Windows {
  const X* values = nullptr;       // row r has its window at values + r / width * line + r % width * step
  int64_t run = 0;                 // consecutive values
  int64_t runs = 1, run_step = 0;  // from one run to the next
  int64_t width = 1, step = 0, line = 0;
};

/// n tokens of `run` values each, `line` apart.
template <class X>
Windows<X> token_windows(const X* values, int64_t run, int64_t line) {
  return {.values = values, .run = run, .line = line};
}

/// The windows of row `row` and of those that follow, one by one.
template <class X>
class WindowWalk {
 public:
  WindowWalk(const Windows<X>& windows, int64_t row)
      : windows_(windows), line_(windows.values + row / windows.width * windows.line), at_(row % windows.width) {}
  const X* next() {
    const X* const window = line_ + at_ * windows_.step;
    if (++at_ == windows_.width) at_ = 0, line_ += windows_.line;
    return window;
  }

 private:
  const Windows<X>& windows_;
  const X* line_;
  int64_t at_;
};

}  // namespace spikemix
