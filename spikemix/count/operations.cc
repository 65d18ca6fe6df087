// SPDX-License-Identifier: MIT
#include "spikemix/count/operations.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/fan_out.h"

namespace spikemix {
namespace {

bool is_mixer(const LayerPlan& layer) { return layer.mixer || layer.gated; }

const char* kind_of(const LayerPlan& layer) {
  switch (layer.map) {
    case Map::kConvolution:
      return "conv";
    case Map::kLinear:
      return "linear";
    case Map::kTransform:
    case Map::kGated:
      return "mixer";
    case Map::kAttention:
      return "attention";
    case Map::kMaxPool:
      return "pool";
    case Map::kTokenMean:
      return "mean";
    case Map::kNone:
      return layer.neurons ? "neurons" : layer.has_norm() ? "norm" : "sum";
  }
  throw std::logic_error("layer " + layer.name + " has no rule for its operations");
}

// The number of an attention layer's gates: one for each head and token, or for each channel.
double neurons_of(const ValuePlan& to, const LayerPlan& layer) {
  if (layer.map == Map::kAttention && layer.attention == Attention::kQkToken) return double(to.rows() * layer.heads);
  if (layer.map == Map::kAttention && layer.attention != Attention::kSsa) return double(to.channels);
  return double(to.rows() * to.channels);
}

double bytes_of(const ValuePlan& value, int64_t T) {
  const double values = double(value.rows() * value.channels * value.parts) * double(value.still ? 1 : T);
  return value.range.is_real() ? 4 * values : value.range.is_spikes() ? values / 8 : values;
}

// The figures of each of a layer's parts that do not depend on the spikes.
LayerOperations fixed_operations(const Plan& plan, const LayerPlan& layer, double weight_bytes) {
  const ValuePlan& from = plan.values[size_t(layer.reads)];
  const ValuePlan& to = plan.values[size_t(layer.writes)];
  const double T = double(plan.T), steps = from.still ? 1 : T, outputs = double(to.rows() * to.channels);
  const std::vector<double> fan = fan_outs(plan, layer);
  LayerOperations o;
  o.kind = kind_of(layer);
  o.dense = std::accumulate(fan.begin(), fan.end(), 0.0) * double(from.channels) * steps;
  o.dense_padded = dense_macs(plan, layer) * steps;
  const bool real_map = from.range.is_real() || layer.window.depthwise;  // depthwise convolutions run dense, in fp32
  if (layer.has_weights() && real_map) o.multiply_adds = o.dense;
  if (is_mixer(layer)) {
    const OpCount ops = layer.mixer ? layer.mixer->ops() : layer.gated->ops();
    const double combined = double(layer.coefficient_count) * outputs;
    o.mixer_additions = steps * (ops.additions + combined);
    o.mixer_multiplications = steps * (ops.multiplications + combined);
  }
  if (layer.map == Map::kTokenMean) o.real_additions = double(from.rows() * from.channels) * steps;
  if (layer.map == Map::kMaxPool)
    (from.range.is_real() ? o.real_additions : o.comparisons) =
        double(layer.window.kernel * layer.window.kernel - 1) * outputs * steps;
  if (!layer.position.empty()) o.real_additions += outputs * steps;
  if (layer.neurons) o.neurons = neurons_of(to, layer) * T;
  if (layer.has_norm()) o.norm_multiply_adds = outputs * (layer.neurons ? T : steps);
  if (layer.merge != Merge::kNone)
    (to.range.is_real() ? o.real_additions : o.residual_additions) += outputs * (to.still ? 1 : T);
  double weights = layer.has_weights() ? 1 : 0;
  for (const int64_t size : layer.weight_shape) weights *= double(size);
  o.bytes = weights * (real_map ? 4 : weight_bytes) +
            (bytes_of(from, plan.T) + bytes_of(to, plan.T)) / double(layer.parts.size());
  return o;
}

LayerOperations head_operations(const Plan& plan) {
  const ValuePlan& from = plan.values[size_t(plan.features)];
  LayerOperations o;
  o.name = "head", o.kind = "head";
  o.dense = o.dense_padded = o.multiply_adds = double(plan.classes * from.channels);
  o.real_additions = double(from.rows() * from.channels * plan.T);  // the mean over tokens and time
  o.bytes = 4 * o.dense + bytes_of(from, plan.T);
  return o;
}

std::vector<int16_t> pooled(const ValuePlan& from, const Window& window, int64_t steps, const std::vector<int16_t>& x) {
  const int64_t H = window.out(from.height), W = window.out(from.width), C = from.channels;
  std::vector<int16_t> y(size_t(steps * H * W * C), 0);
  for (int64_t place = 0; place < steps * H * W; ++place) {
    const int64_t t = place / (H * W), top = place / W % H * window.stride - window.padding;
    const int64_t left = place % W * window.stride - window.padding;
    for (int64_t i = std::max<int64_t>(0, top); i < std::min(from.height, top + window.kernel); ++i) {
      for (int64_t j = std::max<int64_t>(0, left); j < std::min(from.width, left + window.kernel); ++j) {
        const int16_t* row = x.data() + ((t * from.height + i) * from.width + j) * C;
        for (int64_t c = 0; c < C; ++c) y[size_t(place * C + c)] = std::max(y[size_t(place * C + c)], row[c]);
      }
    }
  }
  return y;
}

}  // namespace

LayerOperations& LayerOperations::operator+=(const LayerOperations& m) {
  dense += m.dense, dense_padded += m.dense_padded, density += m.density, mean += m.mean;
  additions += m.additions, count_once += m.count_once, count_by_value += m.count_by_value;
  count_by_bits += m.count_by_bits, multiply_adds += m.multiply_adds;
  mixer_additions += m.mixer_additions, mixer_multiplications += m.mixer_multiplications;
  attention_qk_first += m.attention_qk_first, attention_kv_first += m.attention_kv_first;
  neurons += m.neurons, norm_multiply_adds += m.norm_multiply_adds, comparisons += m.comparisons;
  residual_additions += m.residual_additions, real_additions += m.real_additions, bytes += m.bytes;
  return *this;
}

namespace {

template <class Byte>
std::vector<int16_t> unpacked_bytes(int64_t rows, int64_t channels, const Byte* bytes) {
  std::vector<int16_t> numbers(size_t(rows * channels));
  for (int64_t row = 0; row < rows; ++row)
    std::copy_n(bytes + row * 64 * spike_words(channels), channels, numbers.begin() + row * channels);
  return numbers;
}

}  // namespace

std::vector<int16_t> unpacked_spikes(int64_t rows, int64_t channels, const uint64_t* bits) {
  std::vector<int16_t> spikes(size_t(rows * channels));
  const int64_t words = spike_words(channels);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c)
      spikes[size_t(row * channels + c)] = int16_t(bits[row * words + c / 64] >> (c % 64) & 1);
  }
  return spikes;
}

std::vector<int16_t> unpacked_spikes(int64_t rows, int64_t channels, const uint8_t* counts) {
  return unpacked_bytes(rows, channels, counts);
}

std::vector<int16_t> unpacked_spikes(int64_t rows, int64_t channels, const int8_t* spikes) {
  return unpacked_bytes(rows, channels, spikes);
}

std::vector<LayerOperations> dense_operations(const Plan& plan, double weight_bytes) {
  std::vector<LayerOperations> rows;
  for (const LayerPlan& layer : plan.layers) {
    for (const LayerPart& part : layer.parts) {
      rows.push_back(fixed_operations(plan, layer, weight_bytes));
      rows.back().name = part.name;
    }
  }
  rows.push_back(head_operations(plan));
  return rows;
}

LayerOperations total_of(const std::vector<LayerOperations>& layers) {
  LayerOperations total;
  double density = 0, mean = 0, weight = 0;
  for (const LayerOperations& layer : layers) {
    total += layer;
    if (layer.multiply_adds > 0) continue;  // reads real values
    density += layer.density * layer.dense, mean += layer.mean * layer.dense, weight += layer.dense;
  }
  total.name = total.kind = "total";
  total.density = weight > 0 ? density / weight : 0, total.mean = weight > 0 ? mean / weight : 0;
  return total;
}

OperationCounter::OperationCounter(const Plan& plan, double weight_bytes)
    : plan_(plan), values_(plan.values.size()), sums_(dense_operations(plan, weight_bytes)) {
  // The dense figures are the same for every image, so means leave them unchanged.
}

void OperationCounter::begin_image(const float* input) {
  const ValuePlan& in = plan_.input();
  const int64_t n = in.rows() * in.channels * (in.still ? 1 : plan_.T);
  Value& value = values_[0];
  value = {};
  for (int64_t i = 0; i < n; ++i) value.density += input[i] != 0, value.mean += double(input[i]);
  value.density /= double(n), value.mean /= double(n);
  seen_.clear();
}

void OperationCounter::see(const std::string& part, int64_t T, int64_t rows, int64_t channels, const uint64_t* bits) {
  seen_[part] = unpacked_spikes(T * rows, channels, bits);
}

void OperationCounter::see(const std::string& part, int64_t T, int64_t rows, int64_t channels, const uint8_t* counts) {
  seen_[part] = unpacked_spikes(T * rows, channels, counts);
}

void OperationCounter::see(const std::string& part, int64_t T, int64_t rows, int64_t channels, const int8_t* spikes) {
  seen_[part] = unpacked_spikes(T * rows, channels, spikes);
}

void OperationCounter::end_image() {
  ++images_;
  size_t row = 0;
  for (const LayerPlan& layer : plan_.layers) {
    if (layer.has_weights() || is_mixer(layer)) count_inputs(layer, &sums_[row]);
    if (layer.map == Map::kAttention) count_attention(layer, sums_[row]);
    make_value(layer);
    row += layer.parts.size();
  }
}

// What one image adds is divided by the number of images in layers(); fixed figures are not summed.
void OperationCounter::count_inputs(const LayerPlan& layer, LayerOperations* parts) {
  const ValuePlan& from = plan_.values[size_t(layer.reads)];
  const Value& value = values_[size_t(layer.reads)];
  LayerOperations image;
  if (from.range.is_real()) {
    image.density = layer.reads == 0 ? value.density : 1, image.mean = layer.reads == 0 ? value.mean : 0;
  } else {
    const std::vector<double> fan = fan_outs(plan_, layer);
    const std::vector<int16_t>& x = value.whole;
    double there = 0, sum = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (x[i] == 0) continue;
      const double F = fan[i / size_t(from.channels) % fan.size()];
      there += 1, sum += x[i];
      if (layer.window.depthwise) continue;
      if (x[i] == 1) {
        image.additions += F;
      } else {
        image.count_once += F, image.count_by_value += x[i] * F,
            image.count_by_bits += std::popcount(uint16_t(x[i])) * F;
      }
    }
    image.density = there / double(x.size()), image.mean = sum / double(x.size());
  }
  for (size_t part = 0; part < layer.parts.size(); ++part) parts[part] += image;
}

void OperationCounter::count_attention(const LayerPlan& layer, LayerOperations& to) const {
  const ValuePlan& from = plan_.values[size_t(layer.reads)];
  const std::vector<int16_t>& x = values_[size_t(layer.reads)].whole;
  const int64_t N = from.rows(), C = from.channels, d = C / layer.heads, width = from.parts * C;
  const auto part = [&](int64_t t, int64_t n, int64_t which) { return x.data() + (t * N + n) * width + which * C; };
  for (int64_t t = 0; t < plan_.T; ++t) {
    if (layer.attention != Attention::kSsa) {
      // A gate sums the ones of q, or of k AND v.
      double ones = 0;
      for (int64_t n = 0; n < N; ++n) {
        for (int64_t c = 0; c < C; ++c) {
          const bool gates =
              layer.attention == Attention::kSpikeDriven ? part(t, n, 1)[c] && part(t, n, 2)[c] : part(t, n, 0)[c] != 0;
          ones += gates;
        }
      }
      to.attention_qk_first += ones, to.attention_kv_first += ones;
      continue;
    }
    for (int64_t first = 0; first < C; first += d) {
      const auto ones = [&](int64_t n, int64_t which) {
        return std::accumulate(part(t, n, which) + first, part(t, n, which) + first + d, int64_t{0});
      };
      for (int64_t n = 0; n < N; ++n) {
        to.attention_kv_first += double(ones(n, 1) * ones(n, 2) + ones(n, 0) * d);
        for (int64_t m = 0; m < N; ++m) {
          int64_t meet = 0;
          for (int64_t c = first; c < first + d; ++c) meet += part(t, n, 0)[c] & part(t, m, 1)[c];
          to.attention_qk_first += double(meet + (meet > 0 ? ones(m, 2) : 0));
        }
      }
    }
  }
}

// The whole numbers that the layer writes: its spikes, or what a pool or a sum makes from others.
void OperationCounter::make_value(const LayerPlan& layer) {
  const ValuePlan& from = plan_.values[size_t(layer.reads)];
  const ValuePlan& to = plan_.values[size_t(layer.writes)];
  std::vector<int16_t>& out = values_[size_t(layer.writes)].whole;
  if (layer.neurons) {
    const size_t C = size_t(to.channels), parts = layer.parts.size(), rows = size_t(plan_.T * to.rows());
    out.assign(rows * parts * C, 0);
    for (size_t p = 0; p < parts; ++p) {
      const auto spikes = seen_.find(layer.parts[p].name);
      if (spikes == seen_.end()) throw std::logic_error("no spikes of " + layer.parts[p].name);
      for (size_t row = 0; row < rows; ++row)
        std::copy_n(spikes->second.begin() + int64_t(row * C), C, out.begin() + int64_t((row * parts + p) * C));
    }
  } else if (layer.makes.is_real()) {
    out.clear();
  } else if (layer.map == Map::kMaxPool) {
    out = pooled(from, layer.window, from.still ? 1 : plan_.T, values_[size_t(layer.reads)].whole);
  } else if (layer.map == Map::kNone) {
    out = values_[size_t(layer.reads)].whole;
  } else {
    throw std::logic_error("layer " + layer.name + " has no rule for what it makes");
  }
  if (layer.merge == Merge::kNone || to.range.is_real()) return;
  const std::vector<int16_t>& with = values_[size_t(layer.merges)].whole;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = layer.merge == Merge::kAdd ? int16_t(with[i] + out[i]) : int16_t(with[i] & ~out[i] & 1);
}

std::vector<LayerOperations> OperationCounter::layers() const {
  std::vector<LayerOperations> rows = sums_;
  const double n = double(std::max<int64_t>(1, images_));
  for (size_t i = 0; i < rows.size(); ++i) {
    LayerOperations& r = rows[i];
    for (double* figure : {&r.density, &r.mean, &r.additions, &r.count_once, &r.count_by_value, &r.count_by_bits,
                           &r.attention_qk_first, &r.attention_kv_first})
      *figure /= n;
    r.silent = images_ > 0 && r.dense > 0 && r.density == 0 && r.kind != "head";
  }
  return rows;
}

}  // namespace spikemix
