// SPDX-License-Identifier: MIT
#include "spikemix/train/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spikemix {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kHosts = {"a", "b", "c", "d"};

std::string with_images(const std::vector<std::string>& counts) {
  std::vector<Facts> ranks;
  for (const std::string& count : counts) ranks.push_back({{"classes", "10"}, {"training images", count}});
  return disagreement(ranks, {kHosts.begin(), kHosts.begin() + long(counts.size())});
}

TEST(Agreement, SaysNothingIfAllRanksAgree) { EXPECT_EQ(with_images({"40", "40", "40"}), ""); }

TEST(Agreement, NamesTheRankThatDiffersFromMost) {
  EXPECT_THAT(with_images({"40", "40", "20"}),
              HasSubstr("training images: rank 2 (c) has 20, the other 2 ranks have 40"));
  EXPECT_THAT(with_images({"20", "40", "40"}),  // rank 0 does not decide
              HasSubstr("training images: rank 0 (a) has 20, the other 2 ranks have 40"));
  EXPECT_THAT(with_images({"20", "40", "40", "30"}),
              AllOf(HasSubstr("rank 0 (a) has 20"), HasSubstr("rank 3 (d) has 30"), Not(HasSubstr("classes"))));
}

TEST(Agreement, NamesBothIfThereAreTwo) {
  EXPECT_THAT(with_images({"40", "20"}), HasSubstr("training images: rank 1 (b) has 20, rank 0 (a) has 40"));
  EXPECT_THAT(with_images({"20", "40", "20", "40"}),
              HasSubstr("ranks 1 (b), 3 (d) have 40, the other 2 ranks have 20"));
}

TEST(Agreement, ComparesEverySetting) {
  Config one, other;
  other.train.lr = 1;
  other.data.dir = "elsewhere";
  EXPECT_EQ(disagreement({facts_of(one), facts_of(one)}, {"a", "b"}), "");
  EXPECT_THAT(disagreement({facts_of(one), facts_of(other)}, {"a", "b"}),
              AllOf(HasSubstr("train.lr: rank 1 (b) has 1"), HasSubstr("data.dir: rank 1 (b) has \"elsewhere\"")));
}

}  // namespace
}  // namespace spikemix
