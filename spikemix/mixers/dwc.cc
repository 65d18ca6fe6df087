// SPDX-License-Identifier: MIT
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {

/// A convolution of each channel separately over the token grid: Max-Former's DWC.
void add_dwc3(Branch& branch, const MixerOptions&) { branch.depthwise("conv", 3); }
void add_dwc5(Branch& branch, const MixerOptions&) { branch.depthwise("conv", 5); }
void add_dwc7(Branch& branch, const MixerOptions&) { branch.depthwise("conv", 7); }

}  // namespace spikemix
