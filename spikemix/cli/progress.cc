// SPDX-License-Identifier: MIT
#include "spikemix/cli/progress.h"

#include <memory>
#include <string>

#include <fmt/format.h>

#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

double share(int64_t done, int64_t total) { return total > 0 ? double(done) / double(total) : 1; }

}  // namespace

CountPrinter::CountPrinter(int64_t total, const char* what) : total_(total), what_(what) { line_.wait(); }

void CountPrinter::operator()(int64_t done) {
  if (line_.due()) line_.show("", share(done, total_), fmt::format("{} / {} {}", done, total_, what_));
}

OpenListener opening_printer() {
  struct State {
    ProgressLine line;
    Clock::time_point first = Clock::now() + std::chrono::seconds(1);
  };
  const auto state = std::make_shared<State>();
  OpenListener listener;
  listener.note = [=](const std::string& line) {
    state->line.clear();
    say("{}", line);
  };
  listener.progress = [=](int64_t done, int64_t total) {
    if (done == total) return state->line.clear();
    if (Clock::now() < state->first || !state->line.due()) return;
    state->line.show("decoding, once:", share(done, total), fmt::format("{} / {} pictures", done, total));
  };
  return listener;
}

}  // namespace spikemix
