// SPDX-License-Identifier: MIT
#include "spikemix/cli/stream_display.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "spikemix/cli/picture.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"
#include "spikemix/engine/session.h"

namespace spikemix {
namespace {

double rate(const TimeStep& step) {
  return 1e6 * double(step.events) / double(std::max<int64_t>(1, step.end_t - step.begin_t));
}

void print_line(const nlohmann::ordered_json& json) {
  answer_json(json, /*indent=*/-1);
  flush_answer();
}

int64_t best_of(const StreamStep& s) { return std::ranges::max_element(s.logits) - s.logits.begin(); }

}  // namespace

StreamDisplay::StreamDisplay(const ModelCard& card, bool json)
    : card_(card), json_(json), terminal_(takes_escape_codes(STDOUT_FILENO)) {}

std::string StreamDisplay::name(int64_t label) const {
  return card_.classes.empty() ? fmt::format("class {}", label) : card_.classes[size_t(label)];
}

void StreamDisplay::show(const StreamStep& s, const StreamStep* verdict, int64_t dropped) {
  if (!json_ && terminal_) return draw(s, verdict ? *verdict : s, dropped);
  const int64_t best = best_of(s);
  const double probability = softmax(s.logits)[size_t(best)];
  if (json_) {
    print_line({{"step", s.step.number},
                {"t", s.step.end_t},
                {"events", s.step.events},
                {"events_per_second", rate(s.step)},
                {"step_in_window", s.step_in_window},
                {"label", name(best)},
                {"probability", probability},
                {"logits", s.logits},
                {"latency_ms", s.latency_ms},
                {"compute_ms", s.compute_ms}});
  } else if (s.step_in_window == card_.model.T) {
    answer("{:>10.3f} s  {:<24} {:5.1f} %  {:>9.0f} events/s  {:.2f} ms\n", 1e-6 * double(s.step.end_t), name(best),
           100 * probability, rate(s.step), s.latency_ms);
    flush_answer();
  }
}

void StreamDisplay::draw(const StreamStep& s, const StreamStep& bars, int64_t dropped) {
  constexpr const char* kToLineEnd = "\x1b[K\n";
  const std::vector<double> probability = softmax(bars.logits), now = softmax(s.logits);
  std::vector<int64_t> shown(s.logits.size());
  std::iota(shown.begin(), shown.end(), int64_t{0});
  if (shown.size() > 12) {  // the likeliest, in class order
    std::ranges::stable_sort(shown, std::greater{}, [&](int64_t c) { return probability[size_t(c)]; });
    shown.resize(12);
    std::ranges::sort(shown);
  }
  int width = 0;
  for (const int64_t c : shown) width = std::max(width, width_of(printable(name(c))));
  std::string text = lines_ > 0 ? fmt::format("\x1b[{}A", lines_) : "";
  const int columns = columns_of(STDOUT_FILENO) - 1;  // a line that wraps takes two, and the next picture would scroll
  const auto line = [&](const std::string& content) { text += cut(content, columns) + kToLineEnd; };
  line(fmt::format("{:.3f} s   step {:>2} of {}   {:.0f} events/s   {:.2f} ms after its end{}",
                   1e-6 * double(s.step.end_t), s.step_in_window, card_.model.T, rate(s.step), s.latency_ms,
                   dropped > 0 ? fmt::format("   {} steps dropped", dropped) : ""));
  for (const int64_t c : shown) {
    line(fmt::format("  {:>{}}  {} {:5.1f} %{}", printable(name(c)), width, bar(probability[size_t(c)], 30),
                     100 * probability[size_t(c)],
                     &bars == &s ? "" : fmt::format("   now {:5.1f} %", 100 * now[size_t(c)])));
  }
  lines_ = 1 + int(shown.size());
  answer_text(text);
  flush_answer();
}

void StreamDisplay::drop(int64_t first, int64_t count) {
  if (json_) {
    print_line({{"dropped", count}, {"first_step", first}});
  } else if (!terminal_) {
    say("too slow: dropped {} steps from number {} on", count, first);
  }
}

void StreamDisplay::finish(const StreamSummary& s, const StreamStep* verdict) {
  const int64_t best = verdict ? best_of(*verdict) : 0;
  const double probability = verdict ? softmax(verdict->logits)[size_t(best)] : 0;
  if (json_) {
    nlohmann::ordered_json json = {{"steps", s.steps},
                                   {"dropped", s.dropped},
                                   {"events", s.events},
                                   {"windows", s.windows},
                                   {"seconds", s.seconds},
                                   {"latency_ms_p50", s.latency_p50},
                                   {"latency_ms_p99", s.latency_p99},
                                   {"compute_ms_p50", s.compute_p50},
                                   {"compute_ms_p99", s.compute_p99}};
    if (verdict) {
      json.update({{"label", name(best)},
                   {"probability", probability},
                   {"logits", verdict->logits},
                   {"t", verdict->step.end_t},
                   {"step_in_window", verdict->step_in_window}});
    }
    return print_line({{"summary", json}});
  }
  answer(
      "{} steps, {} dropped, {} events in {:.2f} s; a step is answered {:.2f} ms after its end (median), {:.2f} ms "
      "(99th percentile); the engine takes {:.2f} and {:.2f} ms of that\n",
      s.steps, s.dropped, s.events, s.seconds, s.latency_p50, s.latency_p99, s.compute_p50, s.compute_p99);
  if (!verdict) return;
  answer("{}  {:.1f} %, {}\n", name(best), 100 * probability,
         s.windows > 0
             ? fmt::format("by the last whole window of {} steps, which ended at {:.3f} s", card_.model.T,
                           1e-6 * double(verdict->step.end_t))
             : fmt::format("by {} of the {} steps that the model looks at", verdict->step_in_window, card_.model.T));
}

}  // namespace spikemix
