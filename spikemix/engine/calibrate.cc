// SPDX-License-Identifier: MIT
#include "spikemix/engine/calibrate.h"

#include <bit>
#include <cmath>
#include <map>

#include "spikemix/engine/packed_network.h"
#include "spikemix/engine/session.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

// The changes of all integer layers, and the entry of each observed name.
struct Changes {
  std::vector<LayerChange> all;
  std::map<std::string, size_t> of;

  explicit Changes(const PackedNetwork& network) {
    for (size_t i = 0; i < network.layers.size(); ++i) {
      const LayerPlan& layer = network.plan.layers[i];
      for (size_t part = 0; part < layer.parts.size(); ++part) {
        const PackedPart& packed = network.layers[i].parts[part];
        if (network.layers[i].weights_of(part).type == WeightType::kF32) continue;
        of[layer.neurons ? packed.spikes : layer.parts[part].name] = all.size();
        all.push_back({.layer = layer.parts[part].name, .fires = layer.neurons});
      }
    }
  }
  LayerChange* find(const std::string& name) {
    const auto found = of.find(name);
    return found == of.end() ? nullptr : &all[found->second];
  }
};

}  // namespace

std::vector<LayerChange> measure_changes(std::shared_ptr<const Network> exact, std::shared_ptr<const Network> integer,
                                         int64_t images, const float* inputs) {
  Changes changes(*integer->packed);
  Session exact_session(std::move(exact)), integer_session(std::move(integer));
  std::map<std::string, std::vector<uint64_t>> spikes;
  std::map<std::string, std::vector<float>> potentials;
  std::map<std::string, std::vector<uint8_t>> counts;
  std::map<std::string, std::vector<int8_t>> signed_spikes;
  exact_session.set_observer(
      [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const uint64_t* bits) {
        spikes[layer].assign(bits, bits + T * rows * spike_words(channels));
      },
      [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const float* values) {
        potentials[layer].assign(values, values + T * rows * channels);
      },
      [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const uint8_t* values) {
        counts[layer].assign(values, values + 64 * T * rows * spike_words(channels));
      },
      [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const int8_t* values) {
        signed_spikes[layer].assign(values, values + 64 * T * rows * spike_words(channels));
      });
  const auto see_whole = [&](const std::string& layer, const auto& expected, auto* values) {
    LayerChange* const change = changes.find(layer);
    for (size_t i = 0; i < expected.size() && change; ++i) {
      change->spikes += std::abs(int(expected[i]));
      change->changed += std::abs(int(expected[i]) - int(values[i]));
    }
    std::copy(expected.begin(), expected.end(), values);
  };
  integer_session.set_observer(
      [&](const std::string& layer, int64_t, int64_t, int64_t, uint64_t* bits) {
        const std::vector<uint64_t>& expected = spikes.at(layer);
        LayerChange* const change = changes.find(layer);
        for (size_t i = 0; i < expected.size() && change; ++i) {
          change->spikes += std::popcount(expected[i]);
          change->changed += std::popcount(expected[i] ^ bits[i]);
        }
        std::copy(expected.begin(), expected.end(), bits);
      },
      [&](const std::string& layer, int64_t, int64_t, int64_t, float* values) {
        const std::vector<float>& expected = potentials.at(layer);
        LayerChange* const change = changes.find(layer);
        for (size_t i = 0; i < expected.size() && change; ++i) {
          change->potentials += std::abs(expected[i]);
          change->error += std::abs(expected[i] - values[i]);
        }
        std::copy(expected.begin(), expected.end(), values);
      },
      [&](const std::string& layer, int64_t, int64_t, int64_t, uint8_t* values) {
        see_whole(layer, counts.at(layer), values);
      },
      [&](const std::string& layer, int64_t, int64_t, int64_t, int8_t* values) {
        see_whole(layer, signed_spikes.at(layer), values);
      });
  std::vector<float> logits(size_t(exact_session.network().card.model.classes));
  for (int64_t i = 0; i < images; ++i) {
    exact_session.infer(1, inputs + i * exact_session.input_size(), logits.data());
    integer_session.infer(1, inputs + i * exact_session.input_size(), logits.data());
  }
  return std::move(changes.all);
}

std::set<std::string> wide_layers(const std::vector<LayerChange>& changes, double tolerance) {
  std::set<std::string> names;
  for (const LayerChange& change : changes) {
    if (change.share() > tolerance) names.insert(change.layer);
  }
  return names;
}

}  // namespace spikemix
