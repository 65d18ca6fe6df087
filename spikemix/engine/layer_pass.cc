// SPDX-License-Identifier: MIT
#include "spikemix/engine/layer_pass.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {

LayerPass::LayerPass(const PackedNetwork& network, Workspace& workspace, const Share& share, const Watch& watch,
                     const float* input)
    : net_(network),
      w_(workspace),
      mine_(workspace.members[size_t(share.member())]),
      share_(share),
      watch_(watch),
      input_(input),
      last_(Clock::now()) {}

void LayerPass::run() {
  plan_ = &net_.plan.layers[layer_], packed_ = &net_.layers[layer_];
  from_ = &net_.plan.values[size_t(plan_->reads)], to_ = &net_.plan.values[size_t(plan_->writes)];
  switch (plan_->map) {
    case Map::kNone:
      nothing();
      break;
    case Map::kConvolution:
      convolution();
      break;
    case Map::kLinear:
      linear();
      break;
    case Map::kTransform:
      transform();
      break;
    case Map::kGated:
      gated();
      break;
    case Map::kAttention:
      attention();
      break;
    case Map::kMaxPool:
      max_pool();
      break;
    case Map::kTokenMean:
      token_mean();
      break;
  }
  share_.wait();
  show_potentials();
  timed(plan_->parts.size() - 1);
  if (plan_->neurons) neuron_group_ += plan_->parts.size();
  profiled_ += plan_->parts.size();
  ++layer_;
}

// --- where things are ------------------------------------------------------------------------------------------------

void* LayerPass::made_spikes() {
  return plan_->merge == Merge::kNone ? value<void>(plan_->writes) : scratch<void>(&LayerBuffers::made);
}

NeuronState LayerPass::neurons(size_t part, int64_t first, void* spikes) {
  const NeuronGrid grid = neuron_grid(net_.plan, *plan_);
  const int64_t words = spike_words(grid.channels), stride = 64 * words;
  float* kept = nullptr;
  if (!w_.potentials.empty()) kept = w_.potentials[neuron_group_ + part].values.data() + first * stride;
  const int64_t at = (int64_t(part) * w_.T * grid.rows + first) * words;
  NeuronState state{.lif = packed_->parts[part].lif,
                    .T = w_.T,
                    .potentials = kept,
                    .potentials_stride = stride,
                    .row_words = words,
                    .step_words = grid.rows * words};
  if (state.lif.gives_bytes())
    state.counts = static_cast<uint8_t*>(spikes) + 64 * at;
  else
    state.spikes = static_cast<uint64_t*>(spikes) + at;
  return state;
}

Potentials LayerPass::potentials(size_t part, int64_t first) {
  const int64_t C = to_->channels, step = to_->rows() * C, T = steps(*to_);
  Potentials p{
      .T = T, .values = value<float>(plan_->writes) + int64_t(part) * T * step + first * C, .step = step, .stride = C};
  if (plan_->merge == Merge::kNone) return p;
  p.added_to = value<float>(plan_->merges) + first * C;
  p.added_step = net_.plan.values[size_t(plan_->merges)].still ? 0 : step;
  return p;
}

Potentials LayerPass::sums(int64_t first) {
  const int64_t C = to_->channels;
  return {.T = steps(*from_),
          .values = scratch<float>(&LayerBuffers::sums) + first * C,
          .step = to_->rows() * C,
          .stride = C};
}

const float* LayerPass::floats(Rows rows) {
  for (int64_t t = 0; t < steps(*from_); ++t) unpack({t * from_->rows() + rows.first, t * from_->rows() + rows.second});
  return from_->range.is_real() ? value<float>(plan_->reads) : scratch<float>(&LayerBuffers::unpacked);
}

void LayerPass::unpack(Rows rows) {
  if (from_->range.is_real()) return;
  const int64_t C = from_->channels, words = spike_words(C);
  float* const x = scratch<float>(&LayerBuffers::unpacked);
  for (int64_t row = rows.first; row < rows.second; ++row) {
    if (from_->range.is_spikes())
      unpack_spikes(0, C, value<uint64_t>(plan_->reads) + row * words, x + row * C);
    else if (from_->range.is_signed())
      std::copy_n(value<int8_t>(plan_->reads) + row * 64 * words, C, x + row * C);
    else
      unpack_counts(0, C, value<uint8_t>(plan_->reads) + row * 64 * words, x + row * C);
  }
}

// --- after a map -----------------------------------------------------------------------------------------------------

void LayerPass::finish(const float* sums, Rows rows, bool norm) {
  const int64_t C = to_->channels, step = to_->rows() * C, n = rows.second - rows.first, T = steps(*from_);
  const PackedWeights* scale = norm ? &packed_->parts[0].weights : &packed_->identity;
  if (!plan_->neurons) {
    const Potentials out = potentials(0, rows.first);
    norm_potentials(*scale, sums + rows.first * C, n, T == 1 ? 0 : step, C, out);
    return add_position(out.values, out.T, rows);
  }
  if (!plan_->position.empty()) {
    Potentials moved = this->sums(rows.first);
    norm_potentials(*scale, sums + rows.first * C, n, step, C, moved);
    add_position(moved.values, moved.T, rows);
    sums = scratch<float>(&LayerBuffers::sums), scale = &packed_->identity;
  }
  neuron_spikes(*scale, sums + rows.first * C, n, T == 1 ? 0 : step, C, neurons(0, rows.first, made_spikes()));
  made(rows);
}

// `values` are those of the first row, at every step.
void LayerPass::add_position(float* values, int64_t T, Rows rows) const {
  if (packed_->position.empty()) return;
  const int64_t C = to_->channels;
  const float* position = packed_->position.data() + rows.first * C;
  for (int64_t t = 0; t < T; ++t) {
    float* const at = values + t * to_->rows() * C;
    for (int64_t i = 0; i < (rows.second - rows.first) * C; ++i) at[i] += position[i];
  }
}

void LayerPass::made(Rows rows) {
  show_spikes();
  if (plan_->merge != Merge::kNone) merge(scratch<void>(&LayerBuffers::made), rows);
}

void LayerPass::show_spikes() {
  if ((!watch_.observer && !watch_.counts && !watch_.signed_spikes) || !plan_->neurons) return;
  share_.wait();
  for (size_t part = 0; part < plan_->parts.size() && share_.member() == 0; ++part) {
    const int64_t at = int64_t(part) * w_.T * to_->rows() * spike_words(to_->channels);
    const auto show = [&](const auto* observer, auto* spikes) {
      if (observer) (*observer)(packed_->parts[part].spikes, w_.T, to_->rows(), to_->channels, spikes);
    };
    if (plan_->makes.is_spikes())
      show(watch_.observer, static_cast<uint64_t*>(made_spikes()) + at);
    else if (plan_->makes.is_signed())
      show(watch_.signed_spikes, static_cast<int8_t*>(made_spikes()) + 64 * at);
    else
      show(watch_.counts, static_cast<uint8_t*>(made_spikes()) + 64 * at);
  }
  share_.wait();
}

void LayerPass::show_potentials() {
  if (!watch_.potentials || !to_->range.is_real()) return;
  for (size_t part = 0; part < plan_->parts.size() && share_.member() == 0; ++part) {
    float* const values = value<float>(plan_->writes) + int64_t(part) * steps(*to_) * to_->rows() * to_->channels;
    (*watch_.potentials)(plan_->parts[part].name, steps(*to_), to_->rows(), to_->channels, values);
  }
  share_.wait();
}

void LayerPass::merge(const void* y, Rows rows) {
  if (to_->range.is_real())
    merge_potentials(static_cast<const float*>(y), rows);
  else
    merge_spikes(y, rows);
}

void LayerPass::merge_spikes(const void* y, Rows rows) {
  const ValuePlan& with = net_.plan.values[size_t(plan_->merges)];
  const int64_t words = spike_words(to_->channels);
  for (int64_t t = 0; t < w_.T; ++t) {
    const int64_t n = (rows.second - rows.first) * words, at = (t * to_->rows() + rows.first) * words;
    const auto* const bits = static_cast<const uint64_t*>(y) + at;
    const auto* const x = value<uint64_t>(plan_->merges) + at;
    if (plan_->merge == Merge::kIand) {
      uint64_t* const out = value<uint64_t>(plan_->writes) + at;
      for (int64_t i = 0; i < n; ++i) out[i] = x[i] & ~bits[i];
      continue;
    }
    uint8_t* const out = value<uint8_t>(plan_->writes) + 64 * at;
    const uint8_t* const old = value<uint8_t>(plan_->merges) + 64 * at;
    if (with.range.is_spikes()) {
      std::fill_n(out, 64 * n, uint8_t{0});
      add_spikes(rows.second - rows.first, words, x, out);
    } else if (old != out) {
      std::memcpy(out, old, size_t(64 * n));
    }
    if (plan_->makes.is_spikes())
      add_spikes(rows.second - rows.first, words, bits, out);
    else
      add_counts(64 * n, static_cast<const uint8_t*>(y) + 64 * at, out);
  }
}

void LayerPass::merge_potentials(const float* y, Rows rows) {
  const int64_t C = to_->channels, step = to_->rows() * C, first = rows.first * C;
  // A value with one step is the same at every step.
  const auto step_of = [&](int64_t v) { return net_.plan.values[size_t(v)].still ? 0 : step; };
  for (int64_t t = 0; t < steps(*to_); ++t) {
    const float* const x = value<float>(plan_->merges) + t * step_of(plan_->merges) + first;
    const float* const add = y + t * step_of(plan_->reads) + first;
    float* const out = value<float>(plan_->writes) + t * step + first;
    for (int64_t i = 0; i < (rows.second - rows.first) * C; ++i) out[i] = x[i] + add[i];
  }
}

// --- the head --------------------------------------------------------------------------------------------------------

void LayerPass::sum_features() {
  const ValuePlan& features = net_.plan.values[size_t(net_.plan.features)];
  const int64_t C = features.channels, words = spike_words(C), rows = features.rows();
  const auto [first, last] = my(C);
  double* const sums = w_.feature_sums.data();
  const auto add = [&](const auto& value_at) {
    for (int64_t row = 0; row < w_.T * rows; ++row) {
      for (int64_t c = first; c < last; ++c) sums[c] += value_at(features.still ? row % rows : row, c);
    }
  };
  switch (form_of(features.range)) {
    case Form::kBits:
      add([bits = value<uint64_t>(net_.plan.features), words](int64_t row, int64_t c) {
        return double(bits[row * words + c / 64] >> (c % 64) & 1);
      });
      break;
    case Form::kBytes:
      add([bytes = value<uint8_t>(net_.plan.features), words](int64_t row, int64_t c) {
        return double(bytes[row * 64 * words + c]);
      });
      break;
    case Form::kFloats:
      add([x = value<float>(net_.plan.features), C](int64_t row, int64_t c) { return double(x[row * C + c]); });
      break;
  }
  if (share_.member() == 0) w_.steps += w_.T;
  share_.wait();
  timed(0);
}

// --- observers -------------------------------------------------------------------------------------------------------

void LayerPass::count(size_t part, double inputs, double additions, bool as_bytes) {
  if (!watch_.profile) return;
  LayerProfile& profile = (*watch_.profile)[profiled_ + part];
  profile.inputs += inputs, profile.additions += additions;
  if (as_bytes) profile.byte_inputs += inputs;
}

void LayerPass::timed(size_t part) {
  if (!watch_.profile) return;
  const Clock::time_point now = Clock::now();
  (*watch_.profile)[profiled_ + part].seconds += std::chrono::duration<double>(now - last_).count();
  last_ = now;
}

}  // namespace spikemix
