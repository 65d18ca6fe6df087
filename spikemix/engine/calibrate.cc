#include "spikemix/engine/calibrate.h"

#include <algorithm>
#include <bit>
#include <map>

#include "spikemix/engine/session.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

std::set<std::string> integer_layers(const Network& network) {
  std::set<std::string> names;
  for_layers(network, [&](const NetworkLayer& layer) {
    if (layer.weights && layer.weights->type != WeightType::kF32) names.insert(layer.name);
  });
  return names;
}

}  // namespace

std::vector<LayerChange> measure_changes(std::shared_ptr<const Network> exact, std::shared_ptr<const Network> integer,
                                         int64_t images, const float* inputs) {
  const std::set<std::string> names = integer_layers(*integer);
  Session exact_session(std::move(exact)), integer_session(std::move(integer));
  std::map<std::string, std::vector<uint64_t>> spikes;
  exact_session.set_observer(
      [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const uint64_t* bits) {
        spikes[layer].assign(bits, bits + T * rows * spike_words(channels));
      });
  std::vector<LayerChange> changes;
  integer_session.set_observer([&](const std::string& layer, int64_t, int64_t, int64_t, uint64_t* bits) {
    const std::vector<uint64_t>& expected = spikes.at(layer);
    auto change = std::find_if(changes.begin(), changes.end(), [&](const LayerChange& c) { return c.layer == layer; });
    if (change == changes.end() && names.contains(layer)) change = changes.insert(changes.end(), {.layer = layer});
    for (size_t i = 0; i < expected.size() && change != changes.end(); ++i) {
      change->spikes += std::popcount(expected[i]);
      change->changed += std::popcount(expected[i] ^ bits[i]);
    }
    std::copy(expected.begin(), expected.end(), bits);
  });
  std::vector<float> logits(size_t(exact_session.network().card.model.classes));
  for (int64_t i = 0; i < images; ++i) {
    exact_session.infer(1, inputs + i * exact_session.input_size(), logits.data());
    integer_session.infer(1, inputs + i * exact_session.input_size(), logits.data());
  }
  return changes;
}

std::set<std::string> wide_layers(const std::vector<LayerChange>& changes, double tolerance) {
  std::set<std::string> names;
  for (const LayerChange& change : changes) {
    if (change.share() > tolerance) names.insert(change.layer);
  }
  return names;
}

}  // namespace spikemix
