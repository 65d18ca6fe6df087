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

// Where a falling function is `value`, between `low` and `high`.
double where(const std::function<double(double)>& falling, double value, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-14 * std::abs(high + low); ++i) {
    const double middle = (low + high) / 2;
    (falling(middle) > value ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double mean(std::span<const double> values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double m = mean(values);
  double squares = 0;
  for (const double v : values) squares += (v - m) * (v - m);
  return std::sqrt(squares / double(values.size() - 1));
}

// The definition, integrated over u = log W: P(T > t) = E P(Z > t W - shift). In u the density is smooth and falls off
// on both sides, where the trapezoid rule gains digits with every halving of its step. One integral gives t, its
// quantile and the power of a test, in place of a library of 150 MB (Boost.Math's package brings all of Boost) for
// three calls.
double student_tail(double t, double degrees, double shift) {
  const double n = degrees;
  // The density of u, up to a constant that is summed with it: exp(n u - n e^2u / 2), largest at 0.
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
  if (p < 0.5) return -student_quantile(1 - p, degrees);
  const auto tail = [&](double t) { return student_tail(t, degrees); };
  double high = 1;
  while (tail(high) > 1 - p) high *= 2;
  return where(tail, 1 - p, 0, high);
}

PairedComparison compare_pairs(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  PairedComparison c{.pairs = int(differences.size()), .difference = mean(differences)};
  if (!c.decided()) return c;
  c.deviation = standard_deviation(differences);
  const double degrees = c.pairs - 1, error = c.deviation / std::sqrt(double(c.pairs));
  const double reach = student_quantile(0.975, degrees) * error;
  c.low = c.difference - reach, c.high = c.difference + reach;
  if (error > 0)
    c.p = std::min(1.0, 2 * student_tail(std::abs(c.difference) / error, degrees));
  else
    c.p = c.difference == 0 ? 1 : 0;
  c.p_holm = c.p;
  c.smallest_shown = smallest_difference(c.pairs, c.deviation);
  return c;
}

void correct_by_holm(std::span<PairedComparison> comparisons) {
  std::vector<PairedComparison*> order;
  for (PairedComparison& c : comparisons) {
    if (c.decided()) order.push_back(&c);
  }
  std::ranges::stable_sort(order, {}, [](const PairedComparison* c) { return c->p; });
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
