// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace spikemix {

double mean(std::span<const double> values);
/// Standard deviation of a sample (n - 1); 0 for fewer than two values.
double standard_deviation(std::span<const double> values);

/// P(T > t) for Student's t with `degrees` > 0 of freedom. With `shift`, for the noncentral t: (Z + shift) / W with Z
/// normal and W the root of a chi-square over its degrees. Relative error 1e-10 for degrees up to thousands.
double student_tail(double t, double degrees, double shift = 0);
/// The t with P(T <= t) = p, 0 < p < 1.
double student_quantile(double p, double degrees);

/// An estimated difference, tested against zero.
struct TestedDifference {
  double difference = 0;
  bool decided = false;      ///< false: only the difference is known
  double low = 0, high = 0;  ///< 95 % confidence interval of the difference
  double p = 1, p_holm = 1;  ///< two-sided; p_holm: see correct_by_holm()
};

/// The difference between two groups of runs with the same seeds: paired Student's t.
struct PairedComparison : TestedDifference {
  int pairs = 0;
  double deviation = 0;       ///< standard deviation of the differences
  double smallest_shown = 0;  ///< see smallest_difference()
};

/// The mean of a - b. With fewer than two pairs only the difference is known. If all differences are equal, p is 0, or
/// 1 if they are 0. @param a, b  of equal length, pair by pair
PairedComparison compare_pairs(std::span<const double> a, std::span<const double> b);

/// The difference between two groups of runs if seeds and test images are both samples: see compare_crossed().
struct CrossedComparison : TestedDifference {
  int pairs = 0;                  ///< pairs of runs: seeds
  int64_t images = 0;             ///< answered by every run
  double error_of_seeds = 0;      ///< standard error of the difference: effect of other seeds on these images,
  double error_of_images = 0;     ///< and of other images on the average of all seeds
  double only_a = 0, only_b = 0;  ///< images that only one run of a pair has right: mean over pairs
  double disagreement() const { return 100 * (only_a + only_b) / double(images); }  ///< in % of the images
};

/// The difference of two groups' accuracies, in percent points, with the variance of both samples: seeds (first
/// weights, order, split) and test images. They are crossed, because every run answers every image. A two-way analysis
/// of variance without repetition, with both factors random, has the mean squares of seeds, of images and of the rest.
/// The squared error from seeds is MS_seeds / (pairs x images), as in the paired t test; that from images is max(0,
/// MS_images - MS_rest) / (pairs x images). Together they estimate the variance of the mean, without bias except for
/// the max. The interval's half-width is the root of the sum of both errors' squared half-widths, each with its own t:
/// Howe, JASA 69:789, 1974; Zou and Donner, Statistics in Medicine 27:1693, 2008. So it is never narrower than the
/// paired t's. docs/experiments.md says why it uses neither a single t nor a bootstrap. p belongs to the interval that
/// ends at 0.
///
/// With one pair the interval covers test images only, and p is McNemar's (mcnemar_p()).
/// @param differences  for each pair of runs, image by image: 1 if only a is right, -1 if only b is, otherwise 0; at
/// least one pair and two images, all of equal length
CrossedComparison compare_crossed(std::span<const std::vector<int8_t>> differences);

/// Exact two-sided p of McNemar's test: if the models are equal, an image that only one of them has right is equally
/// likely to be either's.
double mcnemar_p(int64_t only_a, int64_t only_b);

/// Sets p_holm: p corrected by Holm's method (1979) for all comparisons together, so that with no real difference, one
/// of them is below 0.05 in only one case of twenty. Undecided ones do not count.
void correct_by_holm(std::span<TestedDifference* const> comparisons);

/// The difference that `pairs` pairs detect with probability `power` at the two-sided level `alpha`, if differences
/// have the standard deviation `deviation`. An undetected difference may be that large. By the noncentral t.
double smallest_difference(int pairs, double deviation, double power = 0.8, double alpha = 0.05);

/// y = factor x^exponent, by ordinary least squares in log-log. The interval is Student's t. It says how well the
/// points fit one power law; if they do not follow one (N log N, caches), it says no more than that.
struct PowerLaw {
  int points = 0;
  double factor = 0, exponent = 0;
  double low = 0, high = 0;  ///< 95 % confidence interval of the exponent, if has_interval()
  double r2 = 0;             ///< 95 % confidence interval of the exponent, if has_interval()
  bool known() const { return points >= 2; }
  bool has_interval() const { return points >= 3; }
};

/// @param x, y  of equal length and above 0, at two or more different x; otherwise nothing is known()
PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y);

}  // namespace spikemix
