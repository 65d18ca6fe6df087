// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/events/time_steps.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The engine's answer after a time step.
struct StreamStep {
  TimeStep step;
  int64_t step_in_window = 0;  ///< 1 to T: the model looks at T steps, then restarts
  std::vector<float> logits;
  double latency_ms = 0;  ///< from the step's end to the answer
  double compute_ms = 0;  ///< the engine's part of it
};

struct StreamSummary {
  int64_t steps = 0, dropped = 0, events = 0, windows = 0;
  double seconds = 0;
  double latency_p50 = 0, latency_p99 = 0, compute_p50 = 0, compute_p99 = 0;  ///< ms
};

/// Shows a stream: bars on a terminal, otherwise a line for each window, or JSON lines. The bars show the last complete
/// window, with the scores of the current one next to them: after one step a model knows next to nothing.
class StreamDisplay {
 public:
  StreamDisplay(const ModelCard& card, bool json);

  /// @param verdict  the last step of the last complete window; null during the first
  void show(const StreamStep& step, const StreamStep* verdict, int64_t dropped);
  /// Reports steps that were dropped because the engine (or the reader of its answers) was too slow.
  void drop(int64_t first, int64_t count);
  /// @param verdict  null: there was no step. It may be of an incomplete window, if none is complete.
  void finish(const StreamSummary& summary, const StreamStep* verdict);

 private:
  void draw(const StreamStep& step, const StreamStep& bars, int64_t dropped);
  std::string name(int64_t label) const;

  const ModelCard& card_;
  const bool json_, terminal_;
  int lines_ = 0;  // lines drawn before, to be overwritten
};

}  // namespace spikemix
