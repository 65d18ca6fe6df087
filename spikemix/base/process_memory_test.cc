// SPDX-License-Identifier: MIT
#include "spikemix/base/process_memory.h"

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(ProcessMemory, PeakFollowsTouchedMemoryAndCanBeReset) {
  if (memory_in_use() == 0) GTEST_SKIP() << "skipped: no /proc here";
  constexpr int64_t kBytes = 64 << 20, kSlack = 8 << 20;
  forget_peak_memory();
  const int64_t before = memory_in_use();
  {
    const auto block = std::make_unique_for_overwrite<char[]>(kBytes);
    std::memset(block.get(), 1, kBytes);
    EXPECT_GE(memory_in_use(), before + kBytes - kSlack);
    EXPECT_GE(peak_memory(), before + kBytes - kSlack);
  }
  EXPECT_GE(peak_memory(), before + kBytes - kSlack);
  forget_peak_memory();
  EXPECT_LE(peak_memory(), memory_in_use() + kSlack);
  EXPECT_GT(available_memory(), 0);
}

}  // namespace
}  // namespace spikemix
