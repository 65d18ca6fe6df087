// SPDX-License-Identifier: MIT
#include "spikemix/kernels/target.h"

#include <hwy/targets.h>

namespace spikemix {

// Better targets have lower bits.
const char* kernel_target() {
  const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);
}

}  // namespace spikemix
