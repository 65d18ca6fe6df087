// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spikemix/engine/session.h"
#include "spikemix/kernels/attention/dense_attention.h"
#include "spikemix/scaling/median.h"
#include "spikemix/scaling/scaling.h"

namespace spikemix {

/// Spikes of attention's three parts and of its own neurons, [T, N, words].
struct AttentionSpikes {
  std::vector<uint64_t> q, k, v, out;
};

/// One block of a Spikformer whose stem's spikes are drawn at random, so that every mixer reads the same ones, at the
/// requested density. Attention's maps are permutations of the channels: q, k and v are as dense as their input. (A
/// product in fp32 takes equally long with any weights; only its spikes matter.)
class MixerBench {
 public:
  struct Cost {
    ScalingRow::Of of;
    std::string what;  // as in ScalingRow
    ScalingPoint point;
  };

  /// @throws InputError if the mixer refuses the size
  MixerBench(const ScalingTask& task, const std::string& mixer, int64_t tokens);

  /// Measures the mixer and, for `ssa` and `random`, attention's sums computed in three ways. Medians; one thread.
  std::vector<Cost> costs();

  /// Does it include (q k') v?
  bool has_attention() const { return attention_ >= 0; }
  /// For one pass of the engine.
  AttentionSpikes attention_spikes();
  /// The spikes of attention's neurons on dense products.
  std::vector<uint64_t> dense_spikes(AttentionOrder order, const AttentionSpikes& spikes);

 private:
  bool is_of_mixer(size_t layer) const;
  void infer();
  Median seconds(const std::string& layer);
  double engine_bytes(const std::string& layer) const;
  Cost engine_attention();
  Cost dense_attention_cost(AttentionOrder order, const AttentionSpikes& spikes);

  std::shared_ptr<const Network> network_;
  std::unique_ptr<Session> session_;
  const int64_t tokens_;
  const double budget_;
  std::vector<uint64_t> drawn_;  // the stem's spikes, [T, N, words]
  std::string stem_;             // the stem's name for observers
  int64_t attention_ = -1;       // index of the layer
  std::vector<float> input_, logits_;
  std::vector<float> sums_, scratch_;  // for dense products
};

}  // namespace spikemix
