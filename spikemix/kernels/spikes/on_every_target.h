// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <gtest/gtest.h>
#include <hwy/highway.h>

namespace spikemix {

/// For tests: runs `test` once on each SIMD target that this machine has, as on a machine with no better one. Includes
/// AVX3_DL, for which some kernels ask Highway in their own file: those without it then run their next best.
template <class Test>
void on_every_target(const Test& test) {
#ifdef HWY_COMPILE_ONLY_STATIC  // one target in every file (presets tsan and fuzz)
  const int64_t targets = HWY_TARGETS;
#else
  const int64_t targets = HWY_TARGETS | HWY_AVX3_DL;
#endif
  const int64_t supported = hwy::SupportedTargets() & targets;
  for (int64_t left = supported; left != 0; left &= left - 1) {
    const int64_t target = left & -left;  // better targets have lower bits
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(supported & -target);
    test();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace spikemix
