// SPDX-License-Identifier: MIT
#include "spikemix/engine/team.h"

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(Team, EveryMemberWorksOnceInEveryRound) {
  for (const int64_t members : {1, 2, 5}) {
    Team team(members);
    ASSERT_EQ(team.size(), members);
    std::vector<int64_t> rounds(static_cast<size_t>(members));  // not atomic: each member has its own
    for (int64_t round = 1; round <= 3000; ++round) {
      team.run([&](int64_t member) { ++rounds[size_t(member)]; });
      for (const int64_t done : rounds) ASSERT_EQ(done, round);
    }
  }
}

TEST(Team, PhasesSeeEachOthersWork) {
  const int64_t members = 3, n = 100;
  Team team(members);
  Barrier barrier(members);
  std::vector<int64_t> values(n), sums(members);
  for (int64_t round = 1; round <= 500; ++round) {
    team.run([&](int64_t member) {
      const Share share(member, members, &barrier);
      const auto [begin, end] = share.of(n);
      for (int64_t i = begin; i < end; ++i) values[size_t(i)] = round;
      share.wait();
      int64_t sum = 0;
      for (const int64_t value : values) sum += value;
      sums[size_t(member)] = sum;
      share.wait();
    });
    for (const int64_t sum : sums) ASSERT_EQ(sum, n * round);
  }
}

TEST(Share, PartsCoverEverythingOnce) {
  for (const int64_t n : {0, 1, 2, 7, 100}) {
    for (const int64_t members : {1, 3, 8}) {
      int64_t next = 0;
      for (int64_t member = 0; member < members; ++member) {
        const auto [begin, end] = Share(member, members, nullptr).of(n);
        EXPECT_EQ(begin, next);
        EXPECT_LE(end - begin, n / members + 1);
        next = end;
      }
      EXPECT_EQ(next, n);
    }
  }
  EXPECT_EQ(Share().of(9), (std::pair<int64_t, int64_t>(0, 9)));
}

TEST(Team, EndsWithoutARound) { Team team(4); }

}  // namespace
}  // namespace spikemix
