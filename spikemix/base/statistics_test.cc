// SPDX-License-Identifier: MIT
#include "spikemix/base/statistics.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "spikemix/base/rng.h"

namespace spikemix {
namespace {

void expect_near(double found, double expected, double relative) {
  EXPECT_NEAR(found, expected, relative * std::abs(expected)) << "expected " << expected;
}

// Recorded: scipy.stats 1.17.1, t.sf, t.ppf, nct.sf, ttest_rel.
TEST(Statistics, StudentsTail) {
  expect_near(student_tail(0.5, 1), 0.35241638234956674, 1e-10);
  expect_near(student_tail(2.0, 3), 0.06966298427942152, 1e-10);
  expect_near(student_tail(4.303, 2), 0.02499626249260725, 1e-10);
  expect_near(student_tail(-1.2, 7), 0.8654140315863967, 1e-10);
  expect_near(student_tail(12.5, 7), 2.4162090115905006e-06, 1e-9);
  expect_near(student_tail(3.1, 30), 0.0020922424302753724, 1e-10);
  expect_near(student_tail(1.96, 1000), 0.025136592477874368, 1e-9);
}

TEST(Statistics, StudentsQuantile) {
  expect_near(student_quantile(0.975, 1), 12.706204736174694, 1e-9);
  expect_near(student_quantile(0.975, 2), 4.302652729749462, 1e-9);
  expect_near(student_quantile(0.975, 7), 2.364624251592784, 1e-9);
  expect_near(student_quantile(0.2, 7), -0.8960296443137653, 1e-9);
  expect_near(student_quantile(0.995, 30), 2.7499956535672254, 1e-9);
}

TEST(Statistics, NoncentralTail) {
  expect_near(student_tail(2.3646, 7, 1.0), 0.1376465007106359, 1e-9);
  expect_near(student_tail(2.3646, 7, 3.2), 0.783195917807205, 1e-9);
  expect_near(student_tail(4.303, 2, 5.5), 0.7825438616680371, 1e-9);
  expect_near(student_tail(2.045, 29, 2.9), 0.8004019088223002, 1e-9);
  expect_near(student_tail(-2.3646, 7, 3.2), 0.9999992532451702, 1e-9);
}

constexpr std::array kA = {71.2, 70.1, 72.4, 69.9, 71.8, 70.6, 71.1, 70.4};
constexpr std::array kB = {70.0, 69.8, 70.9, 69.1, 71.5, 69.2, 70.8, 69.9};

TEST(Statistics, Pairs) {
  const PairedComparison c = compare_pairs(kA, kB);
  EXPECT_EQ(c.pairs, 8);
  EXPECT_NEAR(c.difference, 0.7875, 1e-12);
  expect_near(c.p, 0.0034203776713164474, 1e-9);
  expect_near(c.low, 0.3578575154240706, 1e-9);
  expect_near(c.high, 1.2171424845759287, 1e-9);
  expect_near(c.deviation, 0.5139135558215437, 1e-12);
  expect_near(mean(kA), 70.9375, 1e-12);
  expect_near(standard_deviation(kA), 0.8584662402880422, 1e-12);
  // The detectable difference at power 0.8: the share of the noncentral t beyond the critical value, on both sides.
  const double shift = c.smallest_shown / c.deviation * std::sqrt(8.0), critical = student_quantile(0.975, 7);
  EXPECT_NEAR(student_tail(critical, 7, shift) + 1 - student_tail(-critical, 7, shift), 0.8, 1e-9);
}

TEST(Statistics, FewOrEqualPairsDecideNothing) {
  const PairedComparison one = compare_pairs(std::array{1.0}, std::array{3.0});
  EXPECT_EQ(one.difference, -2);
  EXPECT_FALSE(one.decided);
  EXPECT_EQ(one.p, 1);
  EXPECT_EQ(compare_pairs(kA, kA).p, 1);
  EXPECT_EQ(compare_pairs(std::array{2.0, 3.0}, std::array{1.0, 2.0}).p, 0);
}

TEST(Statistics, Holm) {
  std::array<PairedComparison, 5> c;
  std::array<TestedDifference*, 5> all;
  const std::array p = {0.01, 0.04, 0.03, 0.005, 0.9}, corrected = {0.03, 0.06, 0.06, 0.02, 0.9};
  for (size_t i = 0; i < 5; ++i) c[i].decided = i != 4, c[i].p = c[i].p_holm = p[i], all[i] = &c[i];
  correct_by_holm(all);
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(c[i].p_holm, corrected[i], 1e-12) << i;
}

// Recorded: scipy.stats 1.17.1, linregress of the logarithms, and t.ppf(0.975, n - 2) times its stderr.
TEST(Statistics, PowerLaw) {
  const PowerLaw law = fit_power_law(std::array{64.0, 144.0, 256.0, 576.0, 1024.0, 2304.0, 4096.0},
                                     std::array{5.1, 12.0, 22.3, 61.2, 124.0, 330.5, 706.1});
  EXPECT_EQ(law.points, 7);
  expect_near(law.exponent, 1.1916801126323644, 1e-12);
  expect_near(law.low, 1.144621931493446, 1e-9);
  expect_near(law.high, 1.2387382937712828, 1e-9);
  expect_near(law.r2, 0.9988214557608716, 1e-12);
  expect_near(law.factor, 0.032683638745359594, 1e-11);
  const PowerLaw wide = fit_power_law(std::array{64.0, 576.0, 4096.0}, std::array{3.0, 80.0, 700.0});
  expect_near(wide.exponent, 1.3146944566296033, 1e-12);
  expect_near(wide.low, -0.10466589778921409, 1e-8);
  expect_near(wide.high, 2.734054811048421, 1e-9);
  expect_near(wide.r2, 0.9928322990618013, 1e-12);
}

TEST(Statistics, PowerLawOfFewPoints) {
  const PowerLaw two = fit_power_law(std::array{4.0, 16.0}, std::array{3.0, 48.0});
  EXPECT_NEAR(two.exponent, 2, 1e-12);
  EXPECT_TRUE(two.known());
  EXPECT_FALSE(two.has_interval());
  EXPECT_FALSE(fit_power_law(std::array{4.0}, std::array{3.0}).known());
  EXPECT_FALSE(fit_power_law(std::array{4.0, 4.0}, std::array{3.0, 5.0}).known()) << "no two sizes";
  EXPECT_FALSE(fit_power_law({}, {}).known());
  const PowerLaw exact = fit_power_law(std::array{2.0, 4.0, 8.0}, std::array{5.0, 5.0, 5.0});
  EXPECT_NEAR(exact.exponent, 0, 1e-12);
  EXPECT_NEAR(exact.high - exact.low, 0, 1e-6);
}

// Pairs of runs whose answers differ by image, and partly by seed.
std::vector<std::vector<int8_t>> made(int pairs, int images) {
  std::vector<std::vector<int8_t>> d;
  for (int s = 0; s < pairs; ++s) {
    std::vector<int8_t>& row = d.emplace_back();
    for (int i = 0; i < images; ++i) {
      const int v = (i * i * 7 + i * 3 + s * s * (i % 3)) % 11;
      row.push_back(int8_t(v < 3 ? 1 : v > 8 ? -1 : 0));
    }
  }
  return d;
}

// Recorded: NumPy 2 with explicit residuals (d - row means - column means + mean), scipy.stats.t.isf, and brentq for
// the p whose interval ends at 0.
TEST(Statistics, SeedsAndImages) {
  struct Expected {
    int pairs, images;
    double difference, of_seeds, of_images, low, high, p, only_a, only_b;
  };
  for (const Expected& e : {Expected{4, 23, 21.73913043478261, 7.737013226109646, 6.366172703821707, -6.199792488724917,
                                     49.678053358290136, 0.0946446017419439, 8.0, 3.0},
                            Expected{2, 17, 26.47058823529412, 8.823529411764707, 10.398629135096286,
                                     -87.78962176593646, 140.7307982365247, 0.23221430829654427, 6.5, 2.0},
                            Expected{8, 101, 12.004950495049505, 3.9843577628330813, 3.992269196889008,
                                     -0.30357981363419206, 24.3134808037332, 0.05495476300910649, 31.0, 18.875}}) {
    const CrossedComparison c = compare_crossed(made(e.pairs, e.images));
    EXPECT_EQ(c.pairs, e.pairs);
    EXPECT_EQ(c.images, e.images);
    expect_near(c.difference, e.difference, 1e-12);
    expect_near(c.error_of_seeds, e.of_seeds, 1e-10);
    expect_near(c.error_of_images, e.of_images, 1e-10);
    expect_near(c.low, e.low, 1e-8);
    expect_near(c.high, e.high, 1e-8);
    expect_near(c.p, e.p, 1e-8);
    EXPECT_EQ(c.only_a, e.only_a);
    EXPECT_EQ(c.only_b, e.only_b);
    EXPECT_NEAR(c.disagreement(), 100 * (e.only_a + e.only_b) / e.images, 1e-12);
  }
}

TEST(Statistics, ImagesOfOnePair) {
  // scipy.stats.t.interval of 100 d with scipy.stats.sem, and McNemar's p.
  const CrossedComparison c = compare_crossed(made(1, 23));
  expect_near(c.low, -10.082195850757142, 1e-8);
  expect_near(c.high, 53.560456720322364, 1e-8);
  EXPECT_EQ(c.p, mcnemar_p(9, 4));
  EXPECT_EQ(c.error_of_seeds, 0);
}

TEST(Statistics, EqualsThePairedTestIfImagesAddNothing) {
  // Each seed has other images right, but equally many: the seeds agree less than chance would make them.
  std::vector<std::vector<int8_t>> d;
  std::vector<double> a, b;
  for (int s = 0; s < 4; ++s) {
    std::vector<int8_t>& row = d.emplace_back(40);
    for (int i = 0; i < 10; ++i) row[size_t(10 * s + i)] = i < 6 + s % 2 ? 1 : -1;
    a.push_back(100.0 * (6 + s % 2) / 40), b.push_back(100.0 * (4 - s % 2) / 40);
  }
  const CrossedComparison c = compare_crossed(d);
  const PairedComparison over_seeds = compare_pairs(a, b);
  EXPECT_EQ(c.error_of_images, 0);
  expect_near(c.low, over_seeds.low, 1e-9);
  expect_near(c.p, over_seeds.p, 1e-9);
  // If all seeds give the same answers, only the images are left.
  const auto one = made(1, 23);
  const CrossedComparison alike = compare_crossed(std::vector{one[0], one[0], one[0]});
  EXPECT_EQ(alike.error_of_seeds, 0);
  expect_near(alike.low, compare_crossed(one).low, 1e-9);
}

TEST(Statistics, McNemar) {
  // Recorded: scipy.stats.binomtest(a, a + b, 0.5).
  expect_near(mcnemar_p(3, 9), 0.14599609375, 1e-12);
  expect_near(mcnemar_p(9, 3), 0.14599609375, 1e-12);
  expect_near(mcnemar_p(0, 12), 0.00048828125, 1e-12);
  expect_near(mcnemar_p(310, 220), 0.00010685394165796505, 1e-10);
  expect_near(mcnemar_p(1000, 1100), 0.03072070786424249, 1e-10);
  EXPECT_EQ(mcnemar_p(0, 0), 1);
  EXPECT_EQ(mcnemar_p(5, 5), 1);
}

constexpr int kExperiments = 300;

// How many intervals of compare_crossed() contain the true difference, 0, each from an experiment with other seeds and
// other images; and how many intervals over seeds alone do. Two groups with an ability that varies from seed to seed
// (by `of_seeds`), images that suit one or the other group (by `of_images`), and chance.
std::pair<int, int> held(int pairs, int images, double of_seeds, double of_images) {
  int crossed = 0, seeds_alone = 0;
  const double critical = student_quantile(0.975, pairs - 1);
  for (int experiment = 0; experiment < kExperiments; ++experiment) {
    Rng rng(0, Rng::Purpose::kTest, uint64_t(experiment));
    std::vector<std::array<double, 2>> hard(static_cast<size_t>(images));
    for (auto& image : hard) {
      const double for_both = rng.normal();
      image = {for_both + of_images * rng.normal(), for_both + of_images * rng.normal()};
    }
    std::vector<std::vector<int8_t>> d;
    for (int s = 0; s < pairs; ++s) {
      const std::array<double, 2> able = {of_seeds * rng.normal(), of_seeds * rng.normal()};
      std::vector<int8_t>& row = d.emplace_back();
      for (const auto& image : hard) {
        std::array<bool, 2> right{};
        for (size_t g = 0; g < 2; ++g) right[g] = able[g] + rng.normal() > image[g];
        row.push_back(int8_t(right[0] - right[1]));
      }
    }
    const CrossedComparison c = compare_crossed(d);
    crossed += c.low <= 0 && c.high >= 0;
    seeds_alone += std::abs(c.difference) <= critical * c.error_of_seeds;
  }
  return {crossed, seeds_alone};
}

TEST(Statistics, IntervalsOverSeedsAndImagesHoldTheTruth) {
  for (const int pairs : {3, 8}) {
    for (const auto& [of_seeds, of_images] : {std::pair{0.03, 1.0}, {0.3, 1.0}}) {
      const auto [crossed, seeds_alone] = held(pairs, 200, of_seeds, of_images);
      const std::string line =
          fmt::format("{} pairs, abilities vary by {} over seeds: {:.1f} % hold the truth, over seeds alone {:.1f} %",
                      pairs, of_seeds, 100.0 * crossed / kExperiments, 100.0 * seeds_alone / kExperiments);
      fmt::print("{}\n", line);
      SCOPED_TRACE(line);
      EXPECT_GE(crossed, 0.92 * kExperiments);
      // The t test over seeds treats these images as the whole population.
      if (pairs == 8 && of_seeds == 0.03) {
        EXPECT_LT(seeds_alone, 0.8 * kExperiments);
      }
    }
  }
}

}  // namespace
}  // namespace spikemix
