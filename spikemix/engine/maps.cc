// SPDX-License-Identifier: MIT
#include <algorithm>

#include "spikemix/engine/attention.h"
#include "spikemix/engine/layer_pass.h"
#include "spikemix/kernels/spikes/max_pool.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"

// Maps without weights.
namespace spikemix {

void LayerPass::nothing() {
  const Rows rows = my(to_->rows());
  if (is_sum_alone(*plan_)) return merge(value<void>(plan_->reads), rows);
  finish(floats(rows), rows);
}

void LayerPass::transform() {
  // Each step is one member's work (or all steps together, for a mixer over time).
  const int64_t T = steps(*from_), samples = plan_->mixes_time ? 1 : T, rows = to_->rows(), C = to_->channels;
  const int64_t values = T / samples * rows * C;
  const float* const x = floats({0, 0});
  float* const y = scratch<float>(&LayerBuffers::sums);
  const auto [first, last] = my(samples);
  for (int64_t s = first; s < last; ++s) {
    unpack({s * (T / samples) * rows, (s + 1) * (T / samples) * rows});
    const float* const in = x + s * values;
    float* const out = y + s * values;
    if (packed_->coefficients.empty()) {
      plan_->mixer->forward(0, in, out, mine_.mixer_scratch.data());
      continue;
    }
    std::fill_n(out, values, 0.0f);
    for (size_t k = 0; k < packed_->coefficients.size(); ++k) {
      plan_->mixer->forward(int64_t(k), in, mine_.mixer_term.data(), mine_.mixer_scratch.data());
      for (int64_t i = 0; i < values; ++i) out[i] += packed_->coefficients[k] * mine_.mixer_term[size_t(i)];
    }
  }
  share_.wait();
  finish(y, my(rows));
}

// Each step's panels of channels are shared among the members.
void LayerPass::gated() {
  const float* const x = floats(my(from_->rows()));
  share_.wait();
  float* const y = scratch<float>(&LayerBuffers::sums);
  const int64_t panels = plan_->gated->panels(), step = from_->rows() * from_->channels;
  const auto [first, last] = my(steps(*from_) * panels);
  for (int64_t i = first; i < last; ++i) {
    const int64_t at = i / panels * step;
    plan_->gated->forward(i % panels, 1, packed_->gate.data(), x + at, y + at, mine_.mixer_scratch.data());
  }
  share_.wait();
  finish(y, my(to_->rows()));
}

void LayerPass::attention() {
  if (plan_->attention == Attention::kSsa)
    similarity_attention();
  else
    gate_attention();
}

void LayerPass::similarity_attention() {
  const int64_t N = to_->rows(), C = to_->channels, step = N * spike_words(C);
  const auto* const q = value<uint64_t>(plan_->reads);
  float* const y = scratch<float>(&LayerBuffers::sums);
  const auto [first, last] = my(plan_->heads);
  for (int64_t t = 0; t < w_.T; ++t) {
    const uint64_t *const k = q + w_.T * step, *const v = k + w_.T * step;
    attend(N, plan_->heads, C / plan_->heads, first, last, q + t * step, k + t * step, v + t * step, mine_,
           y + t * N * C);
  }
  share_.wait();
  finish(y, my(N));
}

// One bit for each head of a token, or for each channel, decides which spikes pass.
void LayerPass::gate_attention() {
  const int64_t N = to_->rows(), C = to_->channels, words = spike_words(C), part = w_.T * N * words;
  const NeuronGrid grid = neuron_grid(net_.plan, *plan_);
  const bool heads = plan_->attention == Attention::kQkToken, driven = plan_->attention == Attention::kSpikeDriven;
  const auto* const q = value<uint64_t>(plan_->reads);
  const uint64_t *const k = q + part, *const v = k + part;
  float* const y = scratch<float>(&LayerBuffers::sums);
  auto* const gates = scratch<uint64_t>(&LayerBuffers::gates);
  const Rows rows = my(N), mine = heads ? rows : my(words);
  for (int64_t t = 0; t < w_.T; ++t) {
    const int64_t at = t * N * words;
    if (heads)
      sum_heads(mine.second - mine.first, grid.channels, C / grid.channels, q + at + mine.first * words,
                y + (t * N + mine.first) * grid.channels);
    else
      sum_tokens(N, C, mine.first, mine.second, driven ? k + at : q + at, driven ? v + at : nullptr, mine_, y + t * C);
  }
  // A token's gates are only for its own member; the first member computes those of channels for all.
  if (!heads) share_.wait();
  const Rows fired = heads ? rows : Rows{0, share_.member() == 0 ? 1 : 0};
  neuron_spikes(packed_->parts[0].weights, y + fired.first * grid.channels, fired.second - fired.first,
                grid.rows * grid.channels, grid.channels, neurons(0, fired.first, gates));
  if (!heads) share_.wait();
  for (int64_t t = 0; t < w_.T; ++t) {
    const int64_t at = (t * N + rows.first) * words, gate = t * grid.rows * spike_words(grid.channels);
    const int64_t n = rows.second - rows.first;
    uint64_t* const out = static_cast<uint64_t*>(made_spikes()) + at;
    if (heads)
      gate_heads(n, grid.channels, C / grid.channels, gates + gate + rows.first * spike_words(grid.channels), k + at,
                 out);
    else
      gate_channels(n, C, gates + gate, driven ? q + at : k + at, out);
  }
  made(rows);
}

void LayerPass::max_pool() {
  const int64_t T = steps(*from_);
  const PoolShape shape{from_->height, from_->width, from_->channels, plan_->window.stride};
  const auto [first, last] = my(T * to_->height);
  const bool merges = plan_->merge != Merge::kNone;
  const auto pool = [&]<class X>(const X* x) {
    X* const out = merges ? scratch<X>(&LayerBuffers::made) : value<X>(plan_->writes);
    spike_max_pool(shape, first, last, x, out);
  };
  switch (form_of(from_->range)) {
    case Form::kBits:
      pool(value<const uint64_t>(plan_->reads));
      break;
    case Form::kBytes:
      pool(value<const uint8_t>(plan_->reads));
      break;
    case Form::kFloats:
      pool(value<const float>(plan_->reads));
      break;
  }
  if (!merges) return;
  share_.wait();
  merge(scratch<void>(&LayerBuffers::made), my(to_->rows()));
}

void LayerPass::token_mean() {
  const int64_t C = to_->channels, rows = from_->rows();
  const float* const x = floats(my(rows));
  share_.wait();
  const auto [first, last] = my(C);
  for (int64_t t = 0; t < steps(*from_); ++t) {
    for (int64_t c = first; c < last; ++c) {
      double sum = 0;
      for (int64_t row = 0; row < rows; ++row) sum += x[(t * rows + row) * C + c];
      value<float>(plan_->writes)[t * C + c] = float(sum / double(rows));
    }
  }
}

}  // namespace spikemix
