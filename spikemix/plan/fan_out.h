#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/plan/plan.h"

namespace spikemix {

/// How many outputs along one axis of `size` values read each of them: [size].
std::vector<int64_t> fan_out(const Window& window, int64_t size);

/// F, how many outputs of one part read a value, at each place of the grid that the layer reads; 0 without weights:
/// [rows].
std::vector<double> fan_outs(const Plan& plan, const LayerPlan& layer);

/// Additions that one spike at every input would cause, all parts, one image and time step: the sum of F over the
/// inputs. 0 where spikes cause none: without weights, of real inputs, and of depthwise convolutions, which run dense;
/// and of signed spikes, whose mean is not their number.
double spike_additions(const Plan& plan, const LayerPlan& layer);

/// The same for each layer, as a share of all layers' sum; all 0 if that is.
std::vector<double> spike_shares(const Plan& plan);

}  // namespace spikemix
