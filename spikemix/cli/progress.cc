#include "spikemix/cli/progress.h"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace spikemix {

std::string progress_bar(double done, int width) {
  const int filled = int(std::lround(done * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? "█" : "░";
  return text;
}

CountPrinter::CountPrinter(int64_t total) : total_(total), terminal_(isatty(STDERR_FILENO)) {}

CountPrinter::~CountPrinter() {
  if (terminal_) fmt::print(stderr, "{}", kClearLine);
}

void CountPrinter::operator()(int64_t done) {
  if (!terminal_) return;
  fmt::print(stderr, "{}{} {} / {} images", kClearLine, progress_bar(double(done) / double(total_)), done, total_);
  std::fflush(stderr);
}

}  // namespace spikemix
