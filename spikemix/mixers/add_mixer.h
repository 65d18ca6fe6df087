// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace spikemix {

class PlanBuilder;
struct BlockStyle;
struct MixerSpec;

/// Merges x, the residual stream, with a mixer's branch. Tensors are named under `prefix`, "block.0.attn.".
/// @returns the stream after the merge
/// @throws InputError naming model.mixer, and what it allows at this size
int64_t add_mixer(PlanBuilder& plan, const BlockStyle& style, int64_t x, const std::string& prefix,
                  const MixerSpec& spec);

}  // namespace spikemix
