// SPDX-License-Identifier: MIT
#include "spikemix/scaling/scaling.h"

#include <algorithm>
#include <cmath>

#include "spikemix/base/error.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/scaling/mixer_cost.h"
#include "spikemix/scaling/model_cost.h"

namespace spikemix {
namespace {

using Of = ScalingRow::Of;

// The mixers' names are checked first, rather than refused minutes later.
void check(const ScalingTask& task) {
  for (const std::string& mixer : task.mixers) parse_mixer_spec(mixer);
  for (const int64_t tokens : task.tokens) {
    const int64_t side = std::llround(std::sqrt(double(tokens)));
    if (tokens < 1 || side * side != tokens)
      throw input_error("{} tokens are not a square grid: {} or {} are", tokens, side * side,
                        side * side < tokens ? (side + 1) * (side + 1) : (side - 1) * (side - 1));
  }
}

std::vector<ScalingRow> rows_of_mixer(const ScalingTask& task, const std::string& mixer,
                                      const std::function<void(const std::string&)>& told) {
  std::vector<ScalingRow> rows;
  std::vector<ScalingPoint> refused;
  for (const int64_t tokens : task.tokens) {
    told(fmt::format("{}, {} tokens", mixer, tokens));
    try {
      for (MixerBench::Cost& cost : MixerBench(task, mixer, tokens).costs()) {
        auto row = std::ranges::find(rows, cost.what, &ScalingRow::what);
        if (row == rows.end()) row = rows.insert(row, {cost.of, mixer, cost.what, {}});
        row->points.push_back(std::move(cost.point));
      }
    } catch (const InputError& error) {
      refused.push_back({tokens, 0, 0, 0, false, error.what()});
    }
  }
  if (rows.empty()) rows.push_back({Of::kMixer, mixer, "", {}});
  for (ScalingRow& row : rows) {
    row.points.insert(row.points.end(), refused.begin(), refused.end());
    std::ranges::sort(row.points, {}, &ScalingPoint::tokens);
  }
  return rows;
}

ScalingRow row_of_model(const ScalingTask& task, const std::string& mixer, ModelBench& bench,
                        const std::function<void(const std::string&)>& told) {
  ScalingRow row{Of::kModel, mixer, "", {}};
  for (const int64_t tokens : task.tokens) {
    told(fmt::format("the model with {}, {} tokens", mixer, tokens));
    try {
      row.points.push_back(bench.measure(mixer, tokens));
    } catch (const InputError& error) {
      row.points.push_back({tokens, 0, 0, 0, false, error.what()});
    }
  }
  return row;
}

}  // namespace

PowerLaw ScalingRow::fit(double ScalingPoint::*value) const {
  std::vector<double> tokens, values;
  for (const ScalingPoint& point : points) {
    if (!point.refused.empty()) continue;
    tokens.push_back(double(point.tokens)), values.push_back(point.*value);
  }
  return fit_power_law(tokens, values);
}

std::vector<ScalingRow> measure_scaling(const ScalingTask& task, const std::function<void(const std::string&)>& told) {
  check(task);
  std::vector<ScalingRow> rows;
  for (const std::string& mixer : task.mixers)
    std::ranges::move(rows_of_mixer(task, mixer, told), std::back_inserter(rows));
  ModelBench bench(task);
  for (const std::string& mixer : task.mixers) rows.push_back(row_of_model(task, mixer, bench, told));
  return rows;
}

}  // namespace spikemix
