// SPDX-License-Identifier: MIT
#include "spikemix/base/problems.h"

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(Problems, ListsTheFirstOfManyAndCountsTheRest) {
  EXPECT_EQ(list_of({"a"}), "a");
  EXPECT_EQ(list_of({"a", "b", "c", "d", "e", "f"}), "a; b; c; d; e; f");
  EXPECT_EQ(list_of({"a", "b", "c", "d", "e", "f", "g", "h"}), "a; b; c; d; e; f; and 2 more");
}

}  // namespace
}  // namespace spikemix
