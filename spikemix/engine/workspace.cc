// SPDX-License-Identifier: MIT
#include "spikemix/engine/workspace.h"

#include <algorithm>

#include "spikemix/base/error.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {

struct Workspace::MemberSizes {
  int64_t lists = 0, list_entries = 0, mixer_scratch = 0, mixer_term = 0, key_value = 0, attended = 0;

  void grow(const MemberSizes& to) {
    for (int64_t MemberSizes::*size : {&MemberSizes::lists, &MemberSizes::list_entries, &MemberSizes::mixer_scratch,
                                       &MemberSizes::mixer_term, &MemberSizes::key_value, &MemberSizes::attended})
      this->*size = std::max(this->*size, to.*size);
  }
  int64_t bytes() const { return 2 * list_entries + 4 * (lists + mixer_scratch + mixer_term + key_value + attended); }
};

Workspace::MemberSizes Workspace::member_sizes(const PackedNetwork& network, size_t index, int64_t T) {
  MemberSizes sizes;
  const LayerPlan& layer = network.plan.layers[index];
  const ValuePlan &from = network.plan.values[size_t(layer.reads)], &to = network.plan.values[size_t(layer.writes)];
  if (layer.map == Map::kTransform) {
    sizes.mixer_scratch = layer.mixer->scratch_size();
    // 16 more: vectors read past the last row.
    if (layer.coefficient_count > 0) sizes.mixer_term = (layer.mixes_time ? T : 1) * to.rows() * to.channels + 16;
  } else if (layer.map == Map::kGated) {
    sizes.mixer_scratch = layer.gated->scratch_size();
  } else if (layer.map == Map::kAttention) {
    const int64_t d = to.channels / layer.heads;
    if (layer.attention == Attention::kSsa) sizes.key_value = d * d;
    sizes.attended = to.channels;
  } else if (layer.has_weights() && !layer.window.depthwise) {
    const bool around = layer.map == Map::kConvolution;
    const int64_t window = around ? layer.window.kernel * layer.window.kernel : 1;
    if (from.range.is_real()) return sizes;
    sizes.lists = T * to.rows() * planes_of(from.range);
    sizes.list_entries = sizes.lists * window * 64 * spike_words(from.channels);
  }
  return sizes;
}

int64_t Workspace::layer_bytes(const PackedNetwork& network, const Buffers& buffers, size_t layer, int64_t T) {
  return member_sizes(network, layer, T).bytes() + buffers.layers[layer].bytes();
}

Workspace::Workspace(const PackedNetwork& network, int64_t steps_at_once, int64_t member_count, bool keep_potentials,
                     int64_t max_bytes)
    : T(steps_at_once), buffers(place_buffers(network, T)), members(size_t(member_count)) {
  const Plan& plan = network.plan;
  MemberSizes sizes;
  for (size_t i = 0; i < plan.layers.size(); ++i) sizes.grow(member_sizes(network, i, T));
  const auto for_neurons = [&](const auto& visit) {
    for (size_t i = 0; i < plan.layers.size(); ++i) {
      const NeuronGrid grid = neuron_grid(plan, plan.layers[i]);
      for (const PackedPart& part : network.layers[i].parts) {
        if (plan.layers[i].neurons && keep_potentials) visit(part.lif, grid.rows * round_up_to(grid.channels, 64));
      }
    }
  };
  bytes = buffers.bytes + member_count * sizes.bytes();
  for_neurons([&](const LifParams&, int64_t values) { bytes += 4 * values; });
  if (bytes > max_bytes) {
    const ValuePlan& input = plan.input();
    throw input_error("{} x {} inputs, {} channels and {} steps at once take {:.3g} GB of buffers, {:.3g} are allowed",
                      input.height, input.width, plan.tokens().channels, T, double(bytes) / 1e9,
                      double(max_bytes) / 1e9);
  }

  memory = hwy::AllocateAligned<std::byte>(size_t(buffers.bytes));
  feature_sums.resize(size_t(plan.values[size_t(plan.features)].channels));
  for (Member& member : members) {
    member.lists.reserve(sizes.lists, sizes.list_entries);
    member.mixer_scratch.resize(size_t(sizes.mixer_scratch));
    member.mixer_term.resize(size_t(sizes.mixer_term));
    member.key_value.resize(size_t(sizes.key_value));
    member.attended.resize(size_t(sizes.attended));
  }
  for_neurons([&](const LifParams& lif, int64_t values) {
    potentials.push_back({lif.v_reset, std::vector<float>(size_t(values), lif.v_reset)});
  });
}

void Workspace::forget_potentials() {
  for (Potentials& p : potentials) std::fill(p.values.begin(), p.values.end(), p.rest);
}

void Workspace::forget_sums() {
  std::fill(feature_sums.begin(), feature_sums.end(), 0);
  steps = 0;
}

}  // namespace spikemix
