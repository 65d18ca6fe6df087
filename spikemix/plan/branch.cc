// SPDX-License-Identifier: MIT
#include "spikemix/plan/branch.h"

#include <utility>

namespace spikemix {

MapNames Branch::names(const std::string& part, bool bias) const {
  const std::string name = prefix_ + part;
  return {
      .name = name, .weight = name + style_.map_suffix, .norm = name + "_bn", .neuron = name + "_lif", .bias = bias};
}

void Branch::neurons_in_front(const std::string& part) {
  if (style_.neurons_first()) x_ = plan_.neurons(x_, prefix_ + part, prefix_ + part);
}

void Branch::neurons_behind(const std::string& part) {
  if (!style_.neurons_first()) x_ = plan_.neurons(x_, prefix_ + part, prefix_ + part);
}

void Branch::linear(const std::string& part, int64_t channels, int64_t trailing) {
  const MapNames map = names(part, /*bias=*/true);
  neurons_in_front(part + "_lif");
  x_ = plan_.linear(x_, {map}, channels, trailing, fires());
}

void Branch::depthwise(const std::string& part, int64_t kernel) {
  const std::string name = prefix_ + part;
  const MapNames map{.name = name, .weight = name, .norm = name + "_bn", .neuron = name + "_neuron", .bias = true};
  neurons_in_front(part + "_neuron");
  const Window window{.kernel = kernel, .stride = 1, .padding = kernel / 2, .depthwise = true};
  x_ = plan_.convolution(x_, map, window, shape().channels, fires());
}

void Branch::transform(const std::string& text, std::shared_ptr<const Mixer> mixer, int64_t coefficients,
                       bool mixes_time) {
  neurons_in_front("lif");
  x_ = plan_.transform(x_, own_name(), prefix_, text, std::move(mixer), coefficients, mixes_time, fires());
}

void Branch::gated(const std::string& text, std::shared_ptr<const GatedTransform> transform,
                   std::vector<int64_t> gate_shape) {
  neurons_in_front("lif");
  x_ = plan_.gated(x_, own_name(), prefix_, text, std::move(transform), std::move(gate_shape), fires());
}

void Branch::max_pool() {
  neurons_in_front("lif");
  x_ = plan_.max_pool(x_, prefix_ + "pool", {.kernel = 3, .stride = 1, .padding = 1});
  x_ = plan_.norm(x_, own_name(), prefix_ + "bn", prefix_ + "lif", fires());
}

void Branch::attention(const std::vector<std::string>& parts, Attention kind, int64_t heads, double scale,
                       const std::string& front, size_t frozen) {
  const int64_t D = shape().channels;
  neurons_in_front(front);
  std::vector<MapNames> maps;
  for (const std::string& part : parts) {
    maps.push_back(names(part, style_.qkv_bias));
    maps.back().frozen = maps.size() <= frozen;
  }
  x_ = plan_.linear(x_, maps, D, style_.attention_trailing, PlanBuilder::Fires::kYes);
  x_ = plan_.attention(x_, prefix_ + "attn", prefix_ + "attn_lif", kind, heads, scale);
  x_ = plan_.linear(x_, {names("proj", /*bias=*/true)}, D, style_.attention_trailing, fires());
}

int64_t add_mlp(PlanBuilder& plan, const BlockStyle& style, int64_t x, const std::string& prefix, int64_t ratio) {
  const int64_t D = plan.value(x).channels;
  Branch first(plan, style, x, prefix);
  first.linear(style.mlp_layer + "1", ratio * D, style.mlp_trailing);
  int64_t hidden = first.value();
  if (style.adds_behind_fc1 && ratio == 1) x = hidden = plan.merge(x, hidden, style.merge());
  Branch second(plan, style, hidden, prefix);
  second.linear(style.mlp_layer + "2", D, style.mlp_trailing);
  return plan.merge(x, second.value(), style.merge());
}

}  // namespace spikemix
