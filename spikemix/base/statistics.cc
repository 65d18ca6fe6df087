// SPDX-License-Identifier: MIT
#include "spikemix/base/statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>

namespace spikemix {
namespace {

// P(Z > x), Z normal.
double normal_tail(double x) { return std::erfc(x / std::numbers::sqrt2) / 2; }

// The place between `low` and `high` where a falling function equals `value`: the secant method, with half the distance
// on the side that stays (the Illinois rule).
double where(const std::function<double(double)>& falling, double value, double low, double high) {
  double at_low = falling(low) - value, at_high = falling(high) - value;
  int side = 0;
  for (int i = 0; i < 200 && high - low > 1e-14 * std::abs(high + low) && at_low > 0 && at_high < 0; ++i) {
    const double x = (low * at_high - high * at_low) / (at_high - at_low), at = falling(x) - value;
    if (at > 0) {
      low = x, at_low = at;
      if (side > 0) at_high /= 2;
      side = 1;
    } else {
      high = x, at_high = at;
      if (side < 0) at_low /= 2;
      side = -1;
    }
    if (at == 0) return x;
  }
  return std::abs(at_low) < std::abs(at_high) ? low : high;
}

// Sum of squares about their mean.
double sum_of_squares(std::span<const double> values) {
  const double m = mean(values);
  double squares = 0;
  for (const double v : values) squares += (v - m) * (v - m);
  return squares;
}

// The t that is exceeded with probability q <= 0.5.
double upper_quantile(double q, double degrees) {
  const auto tail = [&](double t) { return student_tail(t, degrees); };
  double high = 1;
  while (tail(high) > q) high *= 2;
  return where(tail, q, 0, high);
}

// One part of a difference's error: its half-width at the one-sided level q, by Student's t.
struct Part {
  double error = 0, degrees = 0;
  double reach(double q) const { return error > 0 ? upper_quantile(q, degrees) * error : 0; }
};

void set_interval(TestedDifference& d, double reach) {
  d.low = d.difference - reach, d.high = d.difference + reach;
  d.decided = true;
}

double p_of(double difference, const Part& part) {
  if (part.error == 0) return difference == 0 ? 1 : 0;
  return std::min(1.0, 2 * student_tail(std::abs(difference) / part.error, part.degrees));
}

// The p of the interval that ends at 0, where the root of both parts' squared half-widths equals the difference.
// Searches over the first part's t.
double p_of(double difference, const Part& first, const Part& second) {
  if (first.error == 0) return p_of(difference, second);
  const auto tail = [&](double t) { return student_tail(t, first.degrees); };
  const auto beyond = [&](double t) {
    return std::abs(difference) - std::hypot(t * first.error, second.reach(tail(t)));
  };
  return difference == 0 ? 1 : std::min(1.0, 2 * tail(where(beyond, 0, 0, std::abs(difference) / first.error)));
}

}  // namespace

double mean(std::span<const double> values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double standard_deviation(std::span<const double> values) {
  return values.size() < 2 ? 0 : std::sqrt(sum_of_squares(values) / double(values.size() - 1));
}

// The definition, integrated over u = log W: P(T > t) = E P(Z > t W - shift). In u the density is smooth and falls off
// on both sides, so the trapezoid rule gains digits with every halving of its step. This one integral gives t, its
// quantile and the power of a test, and replaces a library of 150 MB (Boost.Math's package brings all of Boost) for
// three calls.
double student_tail(double t, double degrees, double shift) {
  const double n = degrees;
  // The density of u, up to a constant that cancels out: exp(n u - n e^2u / 2), largest at 0.
  const double low = -40 / n - 40 / std::sqrt(2 * n) - std::log1p(std::abs(t)), high = std::min(2.5, 10 / std::sqrt(n));
  const double step = 0.05 / (1 + std::sqrt(n) + std::abs(shift));
  double tail = 0, all = 0;
  for (double u = low; u <= high; u += step) {
    const double density = std::exp(n * u - n / 2 * std::expm1(2 * u));
    all += density;
    tail += density * normal_tail(t * std::exp(u) - shift);
  }
  return tail / all;
}

double student_quantile(double p, double degrees) {
  return p < 0.5 ? -upper_quantile(p, degrees) : upper_quantile(1 - p, degrees);
}

PairedComparison compare_pairs(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  PairedComparison c;
  c.pairs = int(differences.size()), c.difference = mean(differences);
  if (c.pairs < 2) return c;
  c.deviation = standard_deviation(differences);
  const Part seeds{c.deviation / std::sqrt(double(c.pairs)), double(c.pairs - 1)};
  set_interval(c, seeds.reach(0.025));
  c.p = c.p_holm = p_of(c.difference, seeds);
  c.smallest_shown = smallest_difference(c.pairs, c.deviation);
  return c;
}

CrossedComparison compare_crossed(std::span<const std::vector<int8_t>> differences) {
  const double pairs = double(differences.size()), images = double(differences[0].size());
  CrossedComparison c;
  c.pairs = int(pairs), c.images = int64_t(images);
  std::vector<double> of_seeds, of_images(differences[0].size());
  double squares = 0;
  for (const std::vector<int8_t>& pair : differences) {
    of_seeds.push_back(std::accumulate(pair.begin(), pair.end(), 0.0) / images);
    for (size_t i = 0; i < pair.size(); ++i) of_images[i] += pair[i] / pairs;
    const double a = double(std::ranges::count(pair, 1)), b = double(std::ranges::count(pair, -1));
    c.only_a += a / pairs, c.only_b += b / pairs;
    squares += a + b;
  }
  const double middle = mean(of_seeds), by_seeds = sum_of_squares(of_seeds), by_images = sum_of_squares(of_images);
  c.difference = 100 * middle;
  double ms_rest = 0;
  if (pairs > 1) {
    const double rest = squares - pairs * images * middle * middle - images * by_seeds - pairs * by_images;
    ms_rest = std::max(0.0, rest) / ((pairs - 1) * (images - 1));
    c.error_of_seeds = 100 * std::sqrt(by_seeds / (pairs - 1) / pairs);
  }
  const double more = std::max(0.0, pairs * by_images / (images - 1) - ms_rest);
  c.error_of_images = 100 * std::sqrt(more / (pairs * images));
  const Part seed{c.error_of_seeds, pairs - 1}, image{c.error_of_images, images - 1};
  set_interval(c, std::hypot(seed.reach(0.025), image.reach(0.025)));
  c.p = pairs > 1 ? p_of(c.difference, seed, image) : mcnemar_p(std::llround(c.only_a), std::llround(c.only_b));
  c.p_holm = c.p;
  return c;
}

double mcnemar_p(int64_t only_a, int64_t only_b) {
  const double n = double(only_a + only_b), least = double(std::min(only_a, only_b));
  double tail = 0;  // P(X <= least) for n tosses of a coin
  for (double k = 0; k <= least; ++k)
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::numbers::ln2);
  return std::min(1.0, 2 * tail);
}

void correct_by_holm(std::span<TestedDifference* const> comparisons) {
  std::vector<TestedDifference*> order;
  for (TestedDifference* c : comparisons) {
    if (c->decided) order.push_back(c);
  }
  std::ranges::stable_sort(order, {}, [](const TestedDifference* c) { return c->p; });
  double before = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    before = std::max(before, std::min(1.0, double(order.size() - i) * order[i]->p));
    order[i]->p_holm = before;
  }
}

PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y) {
  std::vector<double> u, v;
  for (size_t i = 0; i < x.size(); ++i) u.push_back(std::log(x[i])), v.push_back(std::log(y[i]));
  const double mean_u = mean(u), mean_v = mean(v);
  double uu = 0, uv = 0, vv = 0;
  for (size_t i = 0; i < u.size(); ++i) {
    const double du = u[i] - mean_u, dv = v[i] - mean_v;
    uu += du * du, uv += du * dv, vv += dv * dv;
  }
  PowerLaw law;
  if (!(uu > 0) || !std::isfinite(vv)) return law;
  law.points = int(u.size());
  law.exponent = uv / uu, law.factor = std::exp(mean_v - law.exponent * mean_u);
  law.r2 = vv > 0 ? uv * uv / (uu * vv) : 1;
  law.low = law.high = law.exponent;
  if (!law.has_interval()) return law;
  const double degrees = law.points - 2, error = std::sqrt(std::max(0.0, vv - law.exponent * uv) / degrees / uu);
  const double reach = student_quantile(0.975, degrees) * error;
  law.low -= reach, law.high += reach;
  return law;
}

double smallest_difference(int pairs, double deviation, double power, double alpha) {
  if (pairs < 2 || deviation == 0) return 0;
  const double degrees = pairs - 1, critical = student_quantile(1 - alpha / 2, degrees);
  const auto missed = [&](double shift) {
    return student_tail(-critical, degrees, shift) - student_tail(critical, degrees, shift);
  };
  double high = 1;
  while (missed(high) > 1 - power) high *= 2;
  return where(missed, 1 - power, 0, high) * deviation / std::sqrt(double(pairs));
}

}  // namespace spikemix
