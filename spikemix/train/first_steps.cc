// SPDX-License-Identifier: MIT
#include "spikemix/train/first_steps.h"

#include <algorithm>
#include <span>

#include "spikemix/base/error.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/metrics_log.h"

namespace spikemix {
namespace {

void add_some(Hash& hash, const std::vector<float>& values) {
  constexpr size_t kMost = 4096;
  const size_t count = std::min(kMost, values.size());
  hash.add(int64_t(values.size()));
  for (size_t k = 0; k < count; ++k) hash.add(std::as_bytes(std::span(&values[values.size() * k / count], 1)));
}

bool follows(const FirstStep& step, const std::vector<FirstStep>& before) {
  if (before.empty()) return step.epoch == 0 && step.step == 1;
  const FirstStep& last = before.back();
  return (step.epoch == last.epoch && step.step == last.step + 1) || (step.epoch == last.epoch + 1 && step.step == 1);
}

FirstStep first_step_of(const MetricsLine& line) {
  return {.epoch = line.whole("epoch"),
          .step = line.whole("step"),
          .loss = line.number("loss"),
          .inputs = line.text("inputs")};
}

}  // namespace

std::string hash_of_inputs(const Batch& batch) {
  Hash hash;
  add_some(hash, batch.images);
  add_some(hash, batch.targets);
  return hash.text();
}

std::vector<FirstStep> read_first_steps(const std::filesystem::path& metrics, int64_t most) {
  std::vector<FirstStep> steps;
  for (const MetricsLine& line : read_metrics(metrics).lines) {
    if (line.type != "step") continue;
    if (int64_t(steps.size()) == most) break;
    const FirstStep place{.epoch = line.whole("epoch"), .step = line.whole("step")};
    // Lines of later steps have no inputs, nor have those of earlier versions of spikemix.
    if (!line.has("inputs") && (steps.empty() || !follows(place, steps))) continue;
    FirstStep step = first_step_of(line);
    if (!follows(step, steps))
      throw input_error(
          "{}: step {} of epoch {} does not follow {}: are lines missing?", line.where, step.step, step.epoch + 1,
          steps.empty() ? "the start" : fmt::format("step {} of epoch {}", steps.back().step, steps.back().epoch + 1));
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace spikemix
