#include "spikemix/base/statistics.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

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
  // What is shown with a power of 0.8: the share of the noncentral t beyond the critical value, on both sides.
  const double shift = c.smallest_shown / c.deviation * std::sqrt(8.0), critical = student_quantile(0.975, 7);
  EXPECT_NEAR(student_tail(critical, 7, shift) + 1 - student_tail(-critical, 7, shift), 0.8, 1e-9);
}

TEST(Statistics, FewOrEqualPairsDecideNothing) {
  const PairedComparison one = compare_pairs(std::array{1.0}, std::array{3.0});
  EXPECT_EQ(one.difference, -2);
  EXPECT_FALSE(one.decided());
  EXPECT_EQ(one.p, 1);
  EXPECT_EQ(compare_pairs(kA, kA).p, 1);
  EXPECT_EQ(compare_pairs(std::array{2.0, 3.0}, std::array{1.0, 2.0}).p, 0);
}

TEST(Statistics, Holm) {
  std::array<PairedComparison, 5> c;
  const std::array p = {0.01, 0.04, 0.03, 0.005, 0.9}, corrected = {0.03, 0.06, 0.06, 0.02, 0.9};
  for (size_t i = 0; i < 5; ++i) c[i].pairs = i == 4 ? 1 : 8, c[i].p = c[i].p_holm = p[i];
  correct_by_holm(c);
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

}  // namespace
}  // namespace spikemix
