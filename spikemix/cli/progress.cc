#include "spikemix/cli/progress.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "spikemix/core/clock.h"

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

OpenListener opening_printer() {
  const bool terminal = isatty(STDERR_FILENO);
  // Said next when that much time has gone.
  const auto next = std::make_shared<Clock::time_point>(Clock::now() + std::chrono::seconds(1));
  OpenListener listener;
  listener.note = [](const std::string& line) { fmt::print(stderr, "spikemix: {}\n", line); };
  listener.progress = [=](int64_t done, int64_t total) {
    if (Clock::now() >= *next && done < total) {
      fmt::print(stderr, "{}decoding, once: {} {} / {} pictures{}", terminal ? kClearLine : "",
                 progress_bar(double(done) / double(total), terminal ? 24 : 0), done, total, terminal ? "" : "\n");
      std::fflush(stderr);
      *next = Clock::now() + (terminal ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000));
    }
    if (done == total && terminal) fmt::print(stderr, "{}", kClearLine);
  };
  return listener;
}

}  // namespace spikemix
