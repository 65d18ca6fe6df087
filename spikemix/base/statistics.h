#pragma once

#include <span>
#include <string>
#include <vector>

namespace spikemix {

double mean(std::span<const double> values);
/// Of a sample (n - 1); 0 for fewer than two.
double standard_deviation(std::span<const double> values);

/// P(T > t) of Student's t with `degrees` > 0 of freedom; with `shift`, of the noncentral t: that of (Z + shift) / W,
/// Z normal and W the root of a chi-square over its degrees. To 1e-10 of itself for degrees up to thousands.
double student_tail(double t, double degrees, double shift = 0);
/// The t with P(T <= t) = p, 0 < p < 1.
double student_quantile(double p, double degrees);

/// How a group of runs differs from another with the same seeds: paired Student's t.
struct PairedComparison {
  int pairs = 0;
  double difference = 0;      ///< mean of a - b
  double deviation = 0;       ///< of the differences
  double low = 0, high = 0;   ///< 95 % confidence interval of the difference
  double p = 1, p_holm = 1;   ///< two-sided; p_holm: see correct_by_holm()
  double smallest_shown = 0;  ///< see smallest_difference()
  bool decided() const { return pairs >= 2; }
};

/// With fewer than two pairs nothing but the difference is known; with differences that are all alike p is 0, or 1
/// where they are 0. @param a, b  of equal length, pair by pair
PairedComparison compare_pairs(std::span<const double> a, std::span<const double> b);

/// Sets p_holm: p corrected by Holm's method (1979) for all comparisons together, so that with no difference anywhere
/// one of them is below 0.05 in one case of twenty. Those that are not decided() do not count.
void correct_by_holm(std::span<PairedComparison> comparisons);

/// The difference that `pairs` pairs show with probability `power` at the two-sided level `alpha`, where differences
/// deviate by `deviation`: what was looked for and not found may be as large. By the noncentral t.
double smallest_difference(int pairs, double deviation, double power = 0.8, double alpha = 0.05);

/// y = factor x^exponent, by ordinary least squares in log-log. The interval is Student's t; it says how well the
/// points lie on one power law, and where they do not (N log N, caches) it is no more than that.
struct PowerLaw {
  int points = 0;
  double factor = 0, exponent = 0;
  double low = 0, high = 0;  ///< 95 % confidence interval of the exponent, if has_interval()
  double r2 = 0;             ///< share of the variance of log y that it explains
  bool known() const { return points >= 2; }
  bool has_interval() const { return points >= 3; }
};

/// @param x, y  of equal length and above 0, at two or more different x; else nothing is known()
PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y);

}  // namespace spikemix
