// SPDX-License-Identifier: MIT
#include "spikemix/scaling/mixer_cost.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/rng.h"
#include "spikemix/engine/buffers.h"
#include "spikemix/engine/workspace.h"
#include "spikemix/kernels/spike_product/spike_product.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/scaling/median.h"
#include "spikemix/scaling/random_network.h"

namespace spikemix {
namespace {

const std::string kMixer = "block.0.attn";

ModelCard one_block(const ScalingTask& task, const std::string& mixer, int64_t tokens) {
  ModelCard card;
  card.name = "scaling";
  ModelConfig& m = card.model;
  m.architecture = "spikformer", m.stem = "conv1", m.patch = 1, m.channels = 1, m.classes = 2;
  m.height = m.width = std::llround(std::sqrt(double(tokens)));
  m.T = task.model.T, m.embed_dim = task.model.embed_dim, m.depth = 1, m.mlp_ratio = 1;
  m.mixer = {mixer}, m.heads = {task.model.heads.back()}, m.ssa_scale = task.model.ssa_scale;
  m.wavelet = task.model.wavelet, m.axes = task.model.axes, m.levels = task.model.levels, m.bases = task.model.bases;
  return card;
}

// q, k and v: each has its own permutation of the channels, scaled to exceed every threshold.
void permute(const TensorSpec& spec, std::vector<float>& weight) {
  const bool part = spec.layer == kMixer + ".q" || spec.layer == kMixer + ".k" || spec.layer == kMixer + ".v";
  if (!part || spec.kind != TensorSpec::Kind::kWeight) return;
  const int64_t D = spec.shape[0];
  std::vector<int64_t> order(static_cast<size_t>(D));
  std::iota(order.begin(), order.end(), 0);
  Rng rng(0, Rng::Purpose::kOrder, uint64_t(spec.layer.back()));
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[size_t(rng.below(i + 1))]);
  std::ranges::fill(weight, 0.0f);
  for (int64_t o = 0; o < D; ++o) weight[size_t(o * D + order[size_t(o)])] = 4;
}

// Selects, in order, the layers of a pass with this name or a name below it.
double seconds_of(const std::vector<LayerProfile>& layers, const std::string& name) {
  double seconds = 0;
  for (const LayerProfile& layer : layers) {
    if (layer.name == name || layer.name.starts_with(name + ".")) seconds += layer.seconds;
  }
  return seconds;
}

ScalingPoint point_of(const Median& median, double bytes) {
  ScalingPoint point;
  point.seconds = median.seconds, point.bytes = bytes, point.disturbed = median.disturbed;
  return point;
}

}  // namespace

MixerBench::MixerBench(const ScalingTask& task, const std::string& mixer, int64_t tokens)
    : network_(random_network(one_block(task, mixer, tokens), task.precision, task.density, 0, permute)),
      session_(std::make_unique<Session>(network_, SessionOptions{.max_image_bytes = kMostBytes})),
      tokens_(tokens),
      budget_(task.seconds),
      input_(size_t(tokens), 0),
      logits_(2) {
  const Plan& plan = network_->packed->plan;
  int64_t stream = -1;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerPlan& layer = plan.layers[i];
    if (!is_of_mixer(i)) continue;
    if (stream < 0) stream = layer.reads;
    if (layer.map == Map::kAttention && layer.attention == Attention::kSsa) attention_ = int64_t(i);
  }
  if (stream < 0) throw input_error("{}: has no layers to measure alone", mixer);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    if (plan.layers[i].writes == stream) stem_ = network_->packed->layers[i].parts[0].spikes;
  }
  const int64_t D = plan.values[size_t(stream)].channels;
  drawn_ = random_spikes(plan.T * tokens, D, task.density, 2);
  if (attention_ < 0) return;
  sums_.resize(size_t(plan.T * tokens * D + 16));  // neurons read a vector past the last row
}

bool MixerBench::is_of_mixer(size_t layer) const {
  const std::string& name = network_->packed->plan.layers[layer].parts[0].name;
  return name == kMixer || name.starts_with(kMixer + ".");
}

void MixerBench::infer() { session_->infer(1, input_.data(), logits_.data()); }

Median MixerBench::seconds(const std::string& layer) {
  session_->set_observer([this](const std::string& name, int64_t, int64_t, int64_t, uint64_t* bits) {
    if (name == stem_) std::ranges::copy(drawn_, bits);
  });
  return median_seconds(budget_, [&] {
    session_->start_profile();
    infer();
    return seconds_of(session_->profile(), layer);
  });
}

double MixerBench::engine_bytes(const std::string& name) const {
  const Plan& plan = network_->packed->plan;
  const Buffers buffers = place_buffers(*network_->packed, plan.T);
  int64_t most = 0;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerPlan& layer = plan.layers[i];
    if (!is_of_mixer(i) || !(name == kMixer || layer.parts[0].name == name)) continue;
    std::set<std::pair<int64_t, int64_t>> values;  // a sum may take the place of one of its terms
    for (const int64_t value : {layer.reads, layer.merges, layer.writes}) {
      if (value >= 0) values.insert({buffers.values[size_t(value)].offset, buffers.values[size_t(value)].bytes});
    }
    int64_t bytes = Workspace::layer_bytes(*network_->packed, buffers, i, plan.T);
    for (const auto& [offset, size] : values) bytes += size;
    most = std::max(most, bytes);
  }
  return double(most);
}

std::vector<MixerBench::Cost> MixerBench::costs() {
  const int64_t D = network_->card.model.embed_dim;
  const double density =
      double(count_ones(int64_t(drawn_.size()), drawn_.data())) / double(network_->packed->plan.T * tokens_ * D);
  std::vector<Cost> costs;
  costs.push_back({ScalingRow::Of::kMixer, has_attention() ? "with q, k, v and projection" : "", {}});
  costs.back().point = point_of(seconds(kMixer), engine_bytes(kMixer));
  if (has_attention()) {
    const AttentionSpikes spikes = attention_spikes();
    costs.push_back(dense_attention_cost(AttentionOrder::kQueryKey, spikes));
    costs.push_back(dense_attention_cost(AttentionOrder::kKeyValue, spikes));
    costs.push_back(engine_attention());
  }
  for (Cost& cost : costs) cost.point.tokens = tokens_, cost.point.density = density;
  return costs;
}

// --- attention -------------------------------------------------------------------------------------------------------

AttentionSpikes MixerBench::attention_spikes() {
  AttentionSpikes seen;
  const LayerPlan& layer = network_->packed->plan.layers[size_t(attention_)];
  session_->set_observer([&](const std::string& name, int64_t T, int64_t rows, int64_t C, uint64_t* bits) {
    if (name == stem_) std::ranges::copy(drawn_, bits);
    const auto keep = [&](std::vector<uint64_t>& to) { to.assign(bits, bits + T * rows * spike_words(C)); };
    if (name == kMixer + ".q") keep(seen.q);
    if (name == kMixer + ".k") keep(seen.k);
    if (name == kMixer + ".v") keep(seen.v);
    if (name == network_->packed->layers[size_t(attention_)].parts[0].spikes) keep(seen.out);
  });
  infer();
  if (seen.q.empty() || seen.k.empty() || seen.v.empty() || seen.out.empty())
    throw std::logic_error("nobody saw the spikes of " + layer.name);
  return seen;
}

std::vector<uint64_t> MixerBench::dense_spikes(AttentionOrder order, const AttentionSpikes& spikes) {
  const LayerPlan& layer = network_->packed->plan.layers[size_t(attention_)];
  const PackedPart& part = network_->packed->layers[size_t(attention_)].parts[0];
  const int64_t D = network_->card.model.embed_dim, T = network_->packed->plan.T, words = spike_words(D);
  const int64_t d = D / layer.heads, step = tokens_ * words;
  scratch_.resize(size_t(dense_attention_floats(order, tokens_, layer.heads, d)));
  for (int64_t t = 0; t < T; ++t) {
    dense_attention(order, tokens_, layer.heads, d, spikes.q.data() + t * step, spikes.k.data() + t * step,
                    spikes.v.data() + t * step, scratch_.data(), sums_.data() + t * tokens_ * D);
  }
  std::vector<uint64_t> out(size_t(T * step), 0);
  neuron_spikes(part.weights, sums_.data(), tokens_, tokens_ * D, D,
                {.lif = part.lif, .T = T, .spikes = out.data(), .row_words = words, .step_words = step});
  return out;
}

MixerBench::Cost MixerBench::dense_attention_cost(AttentionOrder order, const AttentionSpikes& spikes) {
  const bool naive = order == AttentionOrder::kQueryKey;
  const char* const what = naive ? "(q k') v, dense fp32" : "q (k' v), dense fp32";
  const int64_t heads = network_->packed->plan.layers[size_t(attention_)].heads, D = network_->card.model.embed_dim;
  const int64_t scratch_bytes = 4 * dense_attention_floats(order, tokens_, heads, D / heads);
  if (scratch_bytes > kMostBytes) {
    ScalingPoint point;
    point.refused = fmt::format("{}: takes {:.3g} GB, {:.3g} are allowed", what, double(scratch_bytes) / 1e9,
                                double(kMostBytes) / 1e9);
    return {ScalingRow::Of::kAttention, what, std::move(point)};
  }
  const Median median = median_seconds(budget_, [&] {
    const auto start = Clock::now();
    dense_spikes(order, spikes);
    return seconds_since(start);
  });
  // q, k, v and the fired spikes, in bits; sums and matrices in floats.
  const double bytes = double(4 * 8 * spikes.q.size() + 4 * (sums_.size() + scratch_.size()));
  return {ScalingRow::Of::kAttention, what, point_of(median, bytes)};
}

MixerBench::Cost MixerBench::engine_attention() {
  const std::string& name = network_->packed->plan.layers[size_t(attention_)].parts[0].name;
  return {ScalingRow::Of::kAttention, "q (k' v) of spikes, the engine", point_of(seconds(name), engine_bytes(name))};
}

}  // namespace spikemix
