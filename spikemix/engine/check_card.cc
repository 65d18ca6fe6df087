#include "spikemix/engine/check_card.h"

#include <cmath>

#include "spikemix/core/error.h"

namespace spikemix {

void check_card(const ModelCard& card, const std::string& where) {
  const auto limit = [&](const char* key, int64_t value, int64_t most) {
    if (value < 1 || value > most)
      throw input_error("{}: model.{} = {}: the engine takes 1 to {}", where, key, value, most);
  };
  const ModelConfig& m = card.model;
  limit("T", m.T, 256), limit("height", m.height, 1024), limit("width", m.width, 1024);
  limit("channels", m.channels, 64), limit("classes", m.classes, 1 << 20), limit("heads", m.heads, 4096);
  // 16-bit indices: 9 x 4096 inputs of a convolution, 15 x 4096 hidden values.
  limit("embed_dim", m.embed_dim, 4096), limit("mlp_ratio", m.mlp_ratio, 15);
  limit("depth", m.depth, 126);  // the residual stream's sums are bytes: network.h, largest_count()
  limit("T x height x width", m.T * m.height * m.width, int64_t{1} << 22);
  limit("tokens (height x width after the pools)", m.tokens(), int64_t{1} << 16);

  const NeuronConfig& n = card.neuron;
  for (const double value : {n.tau, n.v_threshold, n.v_reset, m.ssa_scale}) {
    if (!(std::abs(value) < 1e30))
      throw input_error("{}: neuron.tau, neuron.v_threshold, neuron.v_reset or model.ssa_scale is {}", where, value);
  }
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

}  // namespace spikemix
