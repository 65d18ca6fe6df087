// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/engine/check_card.h"
#include "spikemix/engine/network.h"
#include "spikemix/engine/packed_network.h"
#include "spikemix/engine/quantize.h"
#include "spikemix/engine/tensor_reader.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/kernels/spike_product/byte_product.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
namespace {

constexpr float kBatchNormEps = 1e-5f;

// Batch norm after a map: z = scale y + shift, all [C].
struct Norm {
  std::vector<float> scale, shift;
};

// A tensor [out, C, kernel, kernel] in the order in which the kernels number its inputs: [out, kernel, kernel, C].
template <class T>
std::vector<T> channels_last(std::vector<T> weights, int64_t out, int64_t in, int64_t window) {
  if (window == 1) return weights;
  const int64_t C = in / window;
  std::vector<T> ordered(weights.size());
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t k = 0; k < window; ++k)
        ordered[size_t(o * in + k * C + c)] = weights[size_t((o * C + c) * window + k)];
    }
  }
  return ordered;
}

class Loader {
 public:
  Loader(const TensorReader& tensors, const ModelCard& card, Plan plan, Precision precision)
      : tensors_(tensors), card_(card), precision_(precision) {
    packed_.plan = std::move(plan);
  }

  Network load() {
    const std::vector<std::string> spikes = join_neurons(packed_.plan);
    for (const LayerPlan& plan : packed_.plan.layers) {
      NetworkLayer& layer = packed_.layers.emplace_back();
      for (const LayerPart& part : plan.parts) layer.parts.push_back(packed(plan, part));
      const std::string& joined = spikes[packed_.layers.size() - 1];
      if (!joined.empty()) layer.parts[0].spikes = joined;
      if (plan.groups > 1) layer.groups = groups(plan);
      if (plan.window.depthwise) layer.depthwise = depthwise(plan);
      if (!plan.position.empty()) layer.position = floats(plan.position);
      if (!plan.coefficients.empty()) layer.coefficients = floats(plan.coefficients);
      if (plan.gated) layer.gate = gate(plan);
      if (plan.neurons) layer.identity = identity_norm(packed_.plan.values[size_t(plan.writes)].channels);
    }
    packed_.head_weight = floats(packed_.plan.head_weight);
    packed_.head_bias = floats(packed_.plan.head_bias);
    return {card_, precision_, std::make_shared<PackedNetwork>(std::move(packed_))};
  }

 private:
  PackedPart packed(const LayerPlan& layer, const LayerPart& part) const {
    const NeuronConfig& neuron = card_.neuron;
    PackedPart p{.spikes = part.name,
                 .weights = {},
                 .lif = layer.signed_neurons ? signed_lif_params(neuron) : lif_params(neuron, layer.v_threshold)};
    if (layer.learns_tau(neuron)) p.lif.k = 1 / (1 + std::exp(-tensors_.floats(neuron_tensor(part.tensors.neuron))[0]));
    std::vector<float> unit;
    if (layer.has_weights() && !layer.window.depthwise && layer.groups == 1)
      p.weights = std::move(weights(layer, part.tensors.weight, 1, unit)[0]);
    else
      p.weights = identity_norm(neuron_grid(packed_.plan, layer).channels);
    const ValuePlan& from = packed_.plan.values[size_t(layer.reads)];
    if (p.weights.type == WeightType::kU8 && from.range.largest() <= kLargestByte &&
        std::isfinite(byte_product_density(p.weights.out)))
      add_dense_weights(p.weights, from.channels);
    if (layer.map == Map::kAttention)
      std::fill_n(p.weights.scale.begin(), p.weights.out, float(layer.scale));
    else
      apply(norm(part.tensors, p.weights.out), layer, part, unit, p.weights);
    return p;
  }

  // A tensor whose values become terms of sums.
  std::vector<float> floats(const std::string& name) const {
    std::vector<float> values = tensors_.floats(name);
    for (const float v : values) {
      if (std::abs(v) > kLargestWeight)
        throw input_error("{}: tensor '{}' holds {}, expected up to {}", tensors_.where(), name, v, kLargestWeight);
    }
    return values;
  }

  Norm norm(const LayerTensors& tensors, int64_t channels) const {
    const std::vector<float> bias = tensors.bias.empty() ? std::vector<float>() : tensors_.floats(tensors.bias);
    if (tensors.norm.empty()) {
      Norm none{std::vector<float>(size_t(channels), 1.0f), bias};
      none.shift.resize(size_t(channels));
      return none;
    }
    const NormNames names(tensors.norm);
    Norm n{tensors_.floats(names.weight), tensors_.floats(names.bias)};
    const std::vector<float> mean = tensors_.floats(names.mean), variance = tensors_.floats(names.variance);
    for (size_t c = 0; c < mean.size(); ++c) {
      if (variance[c] < 0) throw input_error("{}: tensor '{}' holds {}", tensors_.where(), names.variance, variance[c]);
      n.scale[c] *= 1 / std::sqrt(variance[c] + kBatchNormEps);
      n.shift[c] -= (bias.empty() ? mean[c] : mean[c] - bias[c % bias.size()]) * n.scale[c];
    }
    return n;
  }

  void apply(const Norm& norm, const LayerPlan& layer, const LayerPart& part, const std::vector<float>& unit,
             PackedWeights& packed) const {
    for (size_t o = 0; o < norm.scale.size(); ++o) {
      packed.scale[o] = norm.scale[o] * (unit.empty() ? 1 : unit[o]);
      packed.shift[o] = norm.shift[o];
      const std::string& name = part.tensors.norm.empty() ? part.name : part.tensors.norm;
      const float largest = std::max(std::abs(packed.scale[o]), std::abs(packed.shift[o]));
      // Each value is finite, but their product may not be.
      if (!std::isfinite(packed.scale[o]) || !std::isfinite(packed.shift[o]))
        throw input_error("{}: the values of '{}.*' at {} make no finite scale and shift", tensors_.where(), name, o);
      if (!layer.neurons && largest > kLargestWeight)
        throw input_error(
            "{}: the values of '{}.*' at {} make a scale or shift of {}, expected up to {} where no "
            "neurons follow",
            tensors_.where(), name, o, largest, kLargestWeight);
    }
  }

  PackedWeights pack(const QuantizedWeights& q, const std::string& name, const Range& input) const {
    WeightType type = q.type;
    // Without the proof that int16 sums cannot overflow, sums take 32 bits.
    if (type == WeightType::kU8 && first_overflow(q.out, q.in, q.values.data(), input.smallest(), input.largest()) >= 0)
      type = WeightType::kU16;
    if (sums_leave_32_bits(q, input))
      throw input_error("{}: tensor '{}': its sums may leave 32 bits", tensors_.where(), name);
    return pack_weights(type, q.out, q.in, q.values.data());
  }

  // The map's outputs, in so many equal pieces, one after the other.
  std::vector<PackedWeights> weights(const LayerPlan& layer, const std::string& name, int64_t pieces,
                                     std::vector<float>& unit) const {
    const Range& input = packed_.plan.values[size_t(layer.reads)].range;
    const int64_t out = layer.weight_shape[0], kernel = layer.map == Map::kConvolution ? layer.window.kernel : 1;
    int64_t in = 1;
    for (size_t i = 1; i < layer.weight_shape.size(); ++i) in *= layer.weight_shape[i];
    const int64_t rows = out / pieces;
    std::vector<PackedWeights> packed;
    QuantizedWeights q;
    if (tensors_.is_quantized(name)) {
      q = {tensors_.integer_bits(name) == 8 ? WeightType::kU8 : WeightType::kU16, out, in,
           channels_last(tensors_.integers(name), out, in, kernel * kernel), floats(unit_name(name))};
    } else {
      const std::vector<float> w = channels_last(floats(name), out, in, kernel * kernel);
      if (precision_ == Precision::kFp32 || input.is_real()) {
        for (int64_t i = 0; i < pieces; ++i) packed.push_back(pack_weights(rows, in, w.data() + i * rows * in));
        return packed;
      }
      q = quantize(precision_, out, in, w.data(), input);
    }
    for (int64_t i = 0; i < pieces; ++i) {
      const auto first = q.values.begin() + i * rows * in;
      packed.push_back(pack({q.type, rows, in, {first, first + rows * in}, {}}, name, input));
    }
    unit = std::move(q.unit);
    return packed;
  }

  // Their sums are in the weights' own units: norm is applied after all of them.
  std::vector<PackedWeights> groups(const LayerPlan& layer) const {
    std::vector<float> unit;
    std::vector<PackedWeights> all =
        weights(layer, layer.parts[0].tensors.weight, layer.shares_weight ? 1 : layer.groups, unit);
    for (size_t i = 0; i < all.size(); ++i) {
      const size_t outputs = size_t(all[i].out);
      for (size_t o = 0; o < outputs; ++o) all[i].scale[o] = unit.empty() ? 1 : unit[i * outputs + o];
    }
    return all;
  }

  std::vector<float> gate(const LayerPlan& layer) const {
    const std::vector<float> values = floats(layer.gate);
    std::vector<float> packed(size_t(layer.gated->packed_size()));
    layer.gated->pack(values.data(), packed.data());
    return packed;
  }

  // [C, 1, kernel, kernel] as [kernel, kernel, C].
  std::vector<float> depthwise(const LayerPlan& layer) const {
    const std::vector<float> w = floats(layer.parts[0].tensors.weight);
    const int64_t C = layer.weight_shape[0], window = layer.window.kernel * layer.window.kernel;
    return channels_last(w, 1, C * window, window);
  }

  const TensorReader& tensors_;
  const ModelCard& card_;
  const Precision precision_;
  PackedNetwork packed_;
};

// The precision of an exported file's integers; `trained` if it has none.
Precision precision_of(const SafeTensors& file, Precision trained) {
  for (const std::string& name : file.names()) {
    const std::string weight_name = weight_of_unit(name);
    const TensorView* weight = weight_name.empty() ? nullptr : file.find(weight_name);
    if (weight && weight->dtype == DType::I8) return Precision::kInt8;
    if (weight && weight->dtype == DType::I16) return Precision::kInt16;
  }
  return trained;
}

std::shared_ptr<const Network> load(const SafeTensors& tensors, const std::string& config_text,
                                    const std::string& where, Precision precision) {
  const ModelCard card = ModelCard::from_text(config_text, where);
  Plan plan = checked_plan(card, where);
  const TensorReader reader(where, tensors, tensors_of(plan));
  return std::make_shared<const Network>(
      Loader(reader, card, std::move(plan), precision_of(tensors, precision)).load());
}

}  // namespace

std::shared_ptr<const Network> load_network(const std::filesystem::path& path, Precision precision) {
  const std::filesystem::path file = model_file_of(path);
  const SafeTensors tensors = SafeTensors::open(file);
  return load(tensors, model_config_text(tensors, file), file.string(), precision);
}

std::shared_ptr<const Network> load_network(std::span<const std::byte> bytes, const std::string& where,
                                            Precision precision) {
  const SafeTensors tensors = SafeTensors::parse(bytes, where);
  // Not model_config_text(): bytes have no folder that could hold a config.json.
  const auto config = tensors.metadata().find("spikemix");
  if (config == tensors.metadata().end())
    throw input_error("{}: no 'spikemix' in its metadata: the model's config is missing", where);
  return load(tensors, config->second, where, precision);
}

}  // namespace spikemix
