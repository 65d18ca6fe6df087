// SPDX-License-Identifier: MIT
#include "spikemix/engine/buffers.h"

#include <span>

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(LayerBuffers, EachCountsOnce) {
  LayerBuffers buffers;
  const std::span all(&buffers.made, sizeof(buffers) / sizeof(Buffer));
  int64_t sum = 0;
  for (size_t i = 0; i < all.size(); ++i) sum += all[i].bytes = int64_t{1} << i;
  EXPECT_EQ(buffers.bytes(), sum);
}

}  // namespace
}  // namespace spikemix
