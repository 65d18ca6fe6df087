#include "spikemix/cli/train/progress.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace spikemix {
namespace {

constexpr const char* kClearLine = "\r\x1b[K";

std::string bar(double done, int width = 24) {
  const int filled = int(std::lround(done * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? "█" : "░";
  return text;
}

}  // namespace

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "-:--";
  const auto s = int64_t(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

ProgressPrinter::ProgressPrinter(std::string title) : title_(std::move(title)), terminal_(isatty(STDERR_FILENO)) {}

void ProgressPrinter::step(const Progress& p) {
  const Clock::time_point now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  if (now - last_ < pause && last_ != Clock::time_point{}) return;
  last_ = now;
  const std::string text = fmt::format("{} epoch {}/{} {} {}/{}  loss {:.3f}  lr {:.2g}  {:.0f} img/s  ETA {}", title_,
                                       p.epoch + 1, p.epochs, bar(double(p.step) / double(p.steps), terminal_ ? 24 : 0),
                                       p.step, p.steps, p.loss, p.lr, p.images_per_second, duration(p.eta_seconds));
  fmt::print(stderr, "{}{}{}", terminal_ ? kClearLine : "", text, terminal_ ? "" : "\n");
  std::fflush(stderr);
}

void ProgressPrinter::epoch(const EpochResult& r) {
  std::string text = fmt::format("{} epoch {}/{}  train loss {:.3f}  {:.0f} img/s", title_, r.epoch + 1, r.epochs,
                                 r.train_loss, r.images_per_second);
  if (r.tested)
    text += fmt::format("  test loss {:.3f}  top-1 {:.2f} %{}", r.test_loss, r.test_top1, r.best ? "  *" : "");
  fmt::print(stderr, "{}{}\n", terminal_ ? kClearLine : "", text);
}

CountPrinter::CountPrinter(int64_t total) : total_(total), terminal_(isatty(STDERR_FILENO)) {}

CountPrinter::~CountPrinter() {
  if (terminal_) fmt::print(stderr, "{}", kClearLine);
}

void CountPrinter::operator()(int64_t done) {
  if (!terminal_) return;
  fmt::print(stderr, "{}{} {} / {} images", kClearLine, bar(double(done) / double(total_)), done, total_);
  std::fflush(stderr);
}

}  // namespace spikemix
