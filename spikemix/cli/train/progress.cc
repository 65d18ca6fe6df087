// SPDX-License-Identifier: MIT
#include "spikemix/cli/train/progress.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

// Prints a line that stays.
void say_line(const std::string& title, const std::string& text) {
  say_text(fmt::format("{}{}\n", printable(title), text));
}

std::string text_of(const std::optional<SpikePrice>& spikes) {
  if (!spikes) return "";
  return fmt::format("  spikes {:.1f} % of dense, cost {:.3f}, density {:.1f} %", 100 * spikes->operations,
                     spikes->cost, 100 * spikes->density);
}

}  // namespace

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "-:--";
  const auto s = int64_t(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

ProgressPrinter::ProgressPrinter(std::string title) : title_(std::move(title)) {}

void ProgressPrinter::begin(const Conditions& c) {
  std::string text = c.ranks == 1 ? fmt::format("batch {}", c.batch)
                                  : fmt::format("{} ranks x {} images = batch {}", c.ranks, c.batch / c.ranks, c.batch);
  if (c.accumulate > 1)
    text += fmt::format(", accumulated {} times: {} images an optimiser step", c.accumulate, c.batch * c.accumulate);
  line_.clear();
  say_line(title_, fmt::format("  {}  lr up to {:.3g}  {} thread{}{}", text, c.peak_learning_rate, c.threads,
                               c.threads == 1 ? "" : "s", c.ranks == 1 ? "" : " each"));
}

void ProgressPrinter::step(const Progress& p) {
  if (!line_.due()) return;
  line_.show(
      title_, double(p.step) / double(p.steps),
      fmt::format("epoch {}/{} {}/{}  loss {:.3f}{}  lr {:.2g}  {:.0f} img/s  ETA {}", p.epoch + 1, p.epochs, p.step,
                  p.steps, p.loss, text_of(p.spikes), p.lr, p.images_per_second, duration(p.eta_seconds)));
}

void ProgressPrinter::test(int64_t done, int64_t images) {
  if (!line_.due()) return;
  line_.show(title_, double(done) / double(images), fmt::format("testing {}/{} images", done, images));
}

void ProgressPrinter::epoch(const EpochResult& r) {
  std::string text = fmt::format(" epoch {}/{}  train loss {:.3f}{}  {:.0f} img/s", r.epoch + 1, r.epochs, r.train_loss,
                                 text_of(r.spikes), r.images_per_second);
  if (r.tested)
    text += fmt::format("  {} loss {:.3f}  top-1 {:.2f} %{}", r.tested_on, r.loss, r.top1, r.best ? "  *" : "");
  line_.clear();
  say_line(title_, text);
}

}  // namespace spikemix
