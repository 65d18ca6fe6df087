// SPDX-License-Identifier: MIT
#include "spikemix/formats/floats.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spikemix {
namespace {

using ::testing::ElementsAre;

TEST(Floats, HalvesOfEveryKind) {
  const std::vector<uint16_t> halves = {0x0000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x8400, 0x7c00, 0xfc00, 0x7e00};
  const std::vector<float> values = to_floats({DType::F16, {int64_t(halves.size())}, std::as_bytes(std::span(halves))});
  EXPECT_THAT(std::vector(values.begin(), values.end() - 1),
              ElementsAre(0.0f, 1.0f, -2.0f, 65504.0f, 0x1p-24f, -0x1p-14f, INFINITY, -INFINITY));
  EXPECT_TRUE(std::isnan(values.back()));
}

TEST(Floats, DoublesAndBfloat16) {
  const std::vector<double> doubles = {0.1, -1e300};
  EXPECT_THAT(to_floats({DType::F64, {2}, std::as_bytes(std::span(doubles))}), ElementsAre(0.1f, -INFINITY));
  const std::vector<uint16_t> bfloats = {0x3f80, 0xc040};
  EXPECT_THAT(to_floats({DType::BF16, {2}, std::as_bytes(std::span(bfloats))}), ElementsAre(1.0f, -3.0f));
}

}  // namespace
}  // namespace spikemix
