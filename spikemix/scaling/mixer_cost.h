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

/// One block of a Spikformer whose stem's spikes are drawn, so that every mixer reads the same ones, as many as are
/// asked for. Attention's maps are permutations of the channels: q, k and v are as dense as what they read. (A product
/// in fp32 takes as long with any weights; all it depends on are its spikes.)
class MixerBench {
 public:
  struct Cost {
    ScalingRow::Of of;
    std::string what;  // as ScalingRow has it
    ScalingPoint point;
  };

  /// @throws InputError if the mixer refuses the size
  MixerBench(const ScalingTask& task, const std::string& mixer, int64_t tokens);

  /// The mixer and, of `ssa` and `random`, attention's sums made in three ways. Medians; one thread.
  std::vector<Cost> costs();

  /// Is (q k') v in it?
  bool has_attention() const { return attention_ >= 0; }
  /// Of one pass of the engine.
  AttentionSpikes attention_spikes();
  /// What attention's neurons fire on dense products.
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
  std::string stem_;             // what observers call them
  int64_t attention_ = -1;       // the layer
  std::vector<float> input_, logits_;
  std::vector<float> sums_, scratch_;  // of dense products
};

}  // namespace spikemix
