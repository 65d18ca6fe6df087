#include "spikemix/kernels/target.h"

#include <hwy/targets.h>

namespace spikemix {

// The better ones have the lower bits.
const char* kernel_target() {
  const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);
}

}  // namespace spikemix
