// SPDX-License-Identifier: MIT
#include "spikemix/engine/check_card.h"

#include <string_view>

#include "spikemix/base/error.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

// A key of the config is the file's ("its model.T"); a mixer's message is complete by itself.
InputError placed(const std::string& where, std::string_view message) {
  const bool key = message.starts_with("model.") || message.starts_with("neuron.");
  return input_error("{}: {}{}", where, key ? "its " : "", message);
}

void check_card(const ModelCard& card, const std::string& where) {
  const ModelConfig& m = card.model;
  if (card.neuron.kind == "relu")
    throw input_error("{}: its neuron.kind = relu: the engine runs spikes; spikemix eval MODEL --engine torch tests it",
                      where);
  if (m.classes < 1) throw input_error("{}: its model.classes = {}: expected 1 or more", where, m.classes);
  if (!card.classes.empty() && int64_t(card.classes.size()) != m.classes)
    throw input_error("{}: names {} classes, model.classes is {}", where, card.classes.size(), m.classes);
  for (const auto* values : {&card.mean, &card.std}) {
    if (!values->empty() && int64_t(values->size()) != m.channels)
      throw input_error("{}: its mean or std has {} values, model.channels is {}", where, values->size(), m.channels);
  }
  for (const double std : card.std) {
    if (!(std > 0)) throw input_error("{}: its std holds {}, expected more than 0", where, std);
  }
}

// What no kernel does: it can only come from an architecture that the engine does not know.
void check_layer(const Plan& plan, const LayerPlan& layer, const std::string& where) {
  if (layer.merge == Merge::kAdd && plan.values[size_t(layer.merges)].range.is_real() != layer.makes.is_real())
    throw input_error("{}: its {} adds spikes and potentials", where, layer.name);
  const bool merges = layer.merge != Merge::kNone;
  if (plan.values[size_t(layer.writes)].range.is_signed() && (!layer.signed_neurons || merges))
    throw input_error("{}: its {} produces negative numbers", where, layer.name);
  // Layers that add up spikes or counts take no negative numbers.
  if (plan.values[size_t(layer.reads)].range.is_signed() && layer.map != Map::kTransform)
    throw input_error("{}: its {} reads negative numbers, which only transforms can", where, layer.name);
  if (layer.mixes_time && plan.values[size_t(layer.reads)].still)
    throw input_error("{}: its {} mixes a value over time that is the same at every step", where, layer.name);
  const Window& w = layer.window;
  const bool around = w.kernel == 3 && w.stride == 1 && w.padding == 1, alone = w.kernel == 1 && w.padding == 0;
  const bool real = plan.values[size_t(layer.reads)].range.is_real();
  if (layer.map == Map::kConvolution && !real && !w.depthwise && !around && !alone)
    throw input_error("{}: its {} is a convolution of size {} and stride {} of spikes", where, layer.name, w.kernel,
                      w.stride);
}

}  // namespace

Plan checked_plan(const ModelCard& card, const std::string& where) {
  Plan plan;
  try {
    plan = make_plan(card.model, card.neuron);
  } catch (const InputError& error) {
    throw placed(where, error.what());
  }
  check_card(card, where);
  for (const LayerPlan& layer : plan.layers) check_layer(plan, layer, where);
  return plan;
}

}  // namespace spikemix
