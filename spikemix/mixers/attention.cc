// SPDX-License-Identifier: MIT
#include "spikemix/base/error.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {
namespace {

int64_t heads_of(const Branch& branch, const MixerOptions& options) {
  const int64_t D = branch.shape().channels;
  if (options.heads < 1 || D % options.heads != 0)
    throw input_error("model.heads = {}: expected a divisor of the embedding dim {}", options.heads, D);
  return options.heads;
}

}  // namespace

/// scale (q k') v for each head: Spikformer, equations 5 to 7.
void add_ssa(Branch& branch, const MixerOptions& options) {
  branch.attention({"q", "k", "v"}, Attention::kSsa, heads_of(branch, options), options.scale,
                   branch.style().front_neuron);
}

/// STEP's ablation: ssa whose q and k weights keep their initial values.
void add_random(Branch& branch, const MixerOptions& options) {
  branch.attention({"q", "k", "v"}, Attention::kSsa, heads_of(branch, options), options.scale,
                   branch.style().front_neuron, /*frozen=*/2);
}

/// QKFormer, equations 8 to 10.
void add_qk_token(Branch& branch, const MixerOptions& options) {
  branch.attention({"q", "k"}, Attention::kQkToken, heads_of(branch, options), 1, "proj_lif");
}

/// QKFormer, equations 11 to 13.
void add_qk_channel(Branch& branch, const MixerOptions&) {
  branch.attention({"q", "k"}, Attention::kQkChannel, 1, 1, "proj_lif");
}

/// Spike-driven Transformer, SDSA-1.
void add_sdsa1(Branch& branch, const MixerOptions&) {
  branch.attention({"q", "k", "v"}, Attention::kSpikeDriven, 1, 1, "shortcut_lif");
}

}  // namespace spikemix
