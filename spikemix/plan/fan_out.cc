// SPDX-License-Identifier: MIT
#include "spikemix/plan/fan_out.h"

#include <numeric>

namespace spikemix {

std::vector<int64_t> fan_out(const Window& window, int64_t size) {
  std::vector<int64_t> reads(size_t(size), 0);
  for (int64_t o = 0; o < window.out(size); ++o) {
    for (int64_t k = 0; k < window.kernel; ++k) {
      const int64_t i = o * window.stride + k - window.padding;
      if (i >= 0 && i < size) ++reads[size_t(i)];
    }
  }
  return reads;
}

std::vector<double> fan_outs(const Plan& plan, const LayerPlan& layer) {
  const ValuePlan& from = plan.values[size_t(layer.reads)];
  // For one group of channels, if there are several.
  const double outputs =
      layer.window.depthwise ? 1 : double(plan.values[size_t(layer.writes)].channels) / double(layer.groups);
  std::vector<double> fan(size_t(from.rows()), layer.has_weights() ? outputs : 0);
  if (layer.map != Map::kConvolution) return fan;
  const std::vector<int64_t> rows = fan_out(layer.window, from.height), columns = fan_out(layer.window, from.width);
  for (int64_t place = 0; place < from.rows(); ++place) {
    fan[size_t(place)] = outputs * double(rows[size_t(place / from.width)] * columns[size_t(place % from.width)]);
  }
  return fan;
}

double spike_additions(const Plan& plan, const LayerPlan& layer) {
  const ValuePlan& from = plan.values[size_t(layer.reads)];
  if (from.range.is_real() || from.range.is_signed() || layer.window.depthwise) return 0;
  const std::vector<double> fan = fan_outs(plan, layer);
  return std::accumulate(fan.begin(), fan.end(), 0.0) * double(from.channels) * double(layer.parts.size());
}

std::vector<double> spike_shares(const Plan& plan) {
  std::vector<double> shares;
  for (const LayerPlan& layer : plan.layers) shares.push_back(spike_additions(plan, layer));
  const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (all > 0) {
    for (double& share : shares) share /= all;
  }
  return shares;
}

}  // namespace spikemix
