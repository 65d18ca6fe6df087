#include "spikemix/train/first_steps.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "spikemix/base/error.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/json_lines.h"

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

FirstStep first_step_of(const nlohmann::json& line, const std::string& where) {
  for (const char* key : {"epoch", "step"}) {
    if (!line.contains(key) || !line[key].is_number_integer())
      throw input_error("{}: a line of a step has no '{}' that is a whole number: damaged?", where, key);
  }
  FirstStep step{.epoch = line["epoch"], .step = line["step"]};
  const auto loss = line.find("loss");
  if (loss == line.end() || !loss->is_number() || !std::isfinite(loss->get<double>()))
    throw input_error("{}: step {} of epoch {} has no loss that is a number: damaged?", where, step.step,
                      step.epoch + 1);
  step.loss = *loss;
  if (line["inputs"].is_string()) step.inputs = line["inputs"];
  return step;
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
  if (!std::filesystem::exists(metrics)) return steps;
  for (const nlohmann::json& line : read_json_lines(metrics)) {
    if (!line.is_object() || line.value("type", nlohmann::json()) != "step" || !line.contains("inputs")) continue;
    FirstStep step = first_step_of(line, metrics.string());
    if (int64_t(steps.size()) == most || !follows(step, steps)) break;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace spikemix
