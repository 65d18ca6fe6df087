// SPDX-License-Identifier: MIT
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {

/// torch.nn.MaxPool2d(3, stride=1, padding=1) over the token grid.
void add_maxpool3(Branch& branch, const MixerOptions&) { branch.max_pool(); }

}  // namespace spikemix
