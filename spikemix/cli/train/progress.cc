#include "spikemix/cli/train/progress.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "spikemix/cli/progress.h"

namespace spikemix {
std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "-:--";
  const auto s = int64_t(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

ProgressPrinter::ProgressPrinter(std::string title) : title_(std::move(title)), terminal_(isatty(STDERR_FILENO)) {}

void ProgressPrinter::begin(const Conditions& c) {
  std::string text = c.ranks == 1 ? fmt::format("batch {}", c.batch)
                                  : fmt::format("{} ranks x {} images = batch {}", c.ranks, c.batch / c.ranks, c.batch);
  if (c.accumulate > 1)
    text += fmt::format(", accumulated {} times: {} images an optimiser step", c.accumulate, c.batch * c.accumulate);
  fmt::print(stderr, "{}  {}  lr up to {:.3g}  {} thread{}{}\n", title_, text, c.peak_learning_rate, c.threads,
             c.threads == 1 ? "" : "s", c.ranks == 1 ? "" : " each");
}

void ProgressPrinter::step(const Progress& p) {
  const Clock::time_point now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  if (now - last_ < pause && last_ != Clock::time_point{}) return;
  last_ = now;
  const std::string text =
      fmt::format("{} epoch {}/{} {} {}/{}  loss {:.3f}  lr {:.2g}  {:.0f} img/s  ETA {}", title_, p.epoch + 1,
                  p.epochs, progress_bar(double(p.step) / double(p.steps), terminal_ ? 24 : 0), p.step, p.steps, p.loss,
                  p.lr, p.images_per_second, duration(p.eta_seconds));
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

}  // namespace spikemix
