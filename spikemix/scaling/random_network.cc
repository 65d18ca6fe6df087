// SPDX-License-Identifier: MIT
#include "spikemix/scaling/random_network.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>

#include "spikemix/base/hash.h"
#include "spikemix/base/rng.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

// Drawn once: millions of weights for each size would take longer than the measurement. A prime number, so that no two
// rows of a matrix are equal.
constexpr size_t kNormals = 65537;

const std::vector<float>& normals() {
  static const std::vector<float> values = [] {
    Rng rng(0, Rng::Purpose::kWeights);
    std::vector<float> drawn(kNormals);
    for (float& value : drawn) value = float(rng.normal());
    return drawn;
  }();
  return values;
}

// For each channel of a transform of random spikes, the statistics that batch norm would have learned.
struct Statistics {
  std::vector<float> mean, variance;
};

Statistics statistics_of(const Plan& plan, const LayerPlan& layer, double density) {
  const ValuePlan& to = plan.values[size_t(layer.writes)];
  const int64_t C = to.channels, rows = to.rows() * (layer.mixes_time ? plan.T : 1);
  const std::vector<uint64_t> bits = random_spikes(rows, C, density, 1);
  std::vector<float> x(size_t(rows * C)), y(x.size()), sum(x.size(), 0);
  for (int64_t row = 0; row < rows; ++row) unpack_spikes(0, C, bits.data() + row * spike_words(C), x.data() + row * C);
  std::vector<float> scratch(size_t(layer.mixer->scratch_size()));
  const int64_t terms = std::max<int64_t>(1, layer.coefficient_count);
  for (int64_t k = 0; k < terms; ++k) {
    layer.mixer->forward(k, x.data(), y.data(), scratch.data());
    for (size_t i = 0; i < y.size(); ++i) sum[i] += y[i] / float(terms);
  }
  Statistics s{std::vector<float>(size_t(C)), std::vector<float>(size_t(C))};
  for (int64_t c = 0; c < C; ++c) {
    double first = 0, second = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const double value = sum[size_t(row * C + c)];
      first += value, second += value * value;
    }
    first /= double(rows), second = second / double(rows) - first * first;
    s.mean[size_t(c)] = float(first), s.variance[size_t(c)] = float(std::max(second, 1e-6));
  }
  return s;
}

class Drawer {
 public:
  Drawer(const Plan& plan, double density, double bias) : plan_(plan), density_(density), bias_(bias) {
    for (const LayerPlan& layer : plan.layers) {
      for (const LayerPart& part : layer.parts) layers_[part.name] = &layer;
    }
  }

  std::vector<float> draw(const TensorSpec& spec) {
    std::vector<float> values(size_t(spec.values()), 0);
    const auto found = layers_.find(spec.layer);
    const LayerPlan* layer = found == layers_.end() ? nullptr : found->second;
    const bool transform = layer && layer->map == Map::kTransform;
    const bool gated = layer && layer->map == Map::kGated;  // gates of 1 would return the input
    switch (spec.kind) {
      case TensorSpec::Kind::kWeight:
        fill(spec, layer, values);
        break;
      case TensorSpec::Kind::kNormWeight:
        std::ranges::fill(values, 1.0f);
        break;
      case TensorSpec::Kind::kGate:
        std::ranges::fill(values, 1.0f);
        if (layer && layer->gated->kind() == GateKind::kFourier) {
          for (size_t i = 1; i < values.size(); i += 2) values[i] = 0;  // imaginary parts
        }
        break;
      case TensorSpec::Kind::kNormBias:
        std::ranges::fill(values, float(bias_));
        break;
      case TensorSpec::Kind::kRunningMean:
        if (transform) values = statistics_of(plan_, *layer, density_).mean;
        if (gated) std::ranges::fill(values, float(density_));
        break;
      case TensorSpec::Kind::kRunningVar:
        std::ranges::fill(values, 1.0f);
        if (transform) values = statistics_of(plan_, *layer, density_).variance;
        if (gated) std::ranges::fill(values, float(std::max(density_ * (1 - density_), 1e-6)));
        break;
      case TensorSpec::Kind::kCoefficients:
        std::ranges::fill(values, 1 / float(values.size()));
        break;
      case TensorSpec::Kind::kBias:
      case TensorSpec::Kind::kCounter:
      case TensorSpec::Kind::kNeuron:
      case TensorSpec::Kind::kPosition:
        break;
    }
    return values;
  }

 private:
  void fill(const TensorSpec& spec, const LayerPlan* layer, std::vector<float>& values) const {
    const bool real = !layer || plan_.values[size_t(layer->reads)].range.is_real();
    const double inputs = double(spec.values() / std::max<int64_t>(1, spec.shape[0]));
    const auto scale = float(1 / std::sqrt(inputs * (real ? 1 : density_)));
    size_t at = Hash().add(spec.name).value() % kNormals;
    for (float& value : values) {
      value = scale * normals()[at];
      if (++at == kNormals) at = 0;
    }
  }

  const Plan& plan_;
  const double density_, bias_;
  std::map<std::string, const LayerPlan*> layers_;
};

}  // namespace

std::shared_ptr<const Network> random_network(const ModelCard& card, Precision precision, double density, double bias,
                                              const ChangeTensor& change) {
  const Plan plan = make_plan(card.model, card.neuron);
  Drawer drawer(plan, density, bias);
  const std::vector<TensorSpec> specs = tensors_of(plan);
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  for (const TensorSpec& spec : specs) {
    if (spec.kind == TensorSpec::Kind::kCounter) continue;
    values.push_back(drawer.draw(spec));
    if (change) change(spec, values.back());
    tensors.push_back({spec.name, {DType::F32, spec.shape, std::as_bytes(std::span(values.back()))}});
  }
  static const int64_t kBatches = 0;
  for (const TensorSpec& spec : specs) {
    if (spec.kind == TensorSpec::Kind::kCounter)
      tensors.push_back({spec.name, {DType::I64, spec.shape, std::as_bytes(std::span(&kBatches, 1))}});
  }
  const std::vector<std::byte> file = safetensors_bytes(tensors, {{"spikemix", card.to_text()}});
  return load_network(file, "random weights", precision);
}

std::vector<uint64_t> random_spikes(int64_t rows, int64_t channels, double density, uint64_t index) {
  const int64_t words = spike_words(channels);
  std::vector<uint64_t> bits(size_t(rows * words), 0);
  Rng rng(0, Rng::Purpose::kWeights, index + 1);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c)
      bits[size_t(row * words + c / 64)] |= uint64_t(rng.coin(density)) << (c % 64);
  }
  return bits;
}

}  // namespace spikemix
