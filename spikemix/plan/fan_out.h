// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/plan/plan.h"

namespace spikemix {

/// For each of `size` values along one axis, how many outputs read it: [size].
std::vector<int64_t> fan_out(const Window& window, int64_t size);

/// F, how many outputs of one part read a value, at each place of the grid that the layer reads: [rows]. 0 for layers
/// without weights.
std::vector<double> fan_outs(const Plan& plan, const LayerPlan& layer);

/// Additions that one spike at every input would cause, over all parts, for one image and time step: the sum of F over
/// the inputs. 0 where spikes cause none: layers without weights, with real inputs, depthwise convolutions (they run
/// dense), and signed spikes, whose mean is not their number.
double spike_additions(const Plan& plan, const LayerPlan& layer);

/// The same for each layer, as a share of the sum over all layers; all 0 if that sum is 0.
std::vector<double> spike_shares(const Plan& plan);

}  // namespace spikemix
