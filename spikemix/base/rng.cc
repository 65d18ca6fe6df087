// SPDX-License-Identifier: MIT
#include "spikemix/base/rng.h"

#include <cmath>
#include <numbers>

namespace spikemix {

Rng::Rng(uint64_t seed, Purpose purpose, uint64_t index, uint32_t epoch)
    : key_{uint32_t(seed), uint32_t(seed >> 32)},
      // Word 0 counts; purpose and epoch share a word (24 bits of epoch are 16 million).
      counter_{0, uint32_t(index), uint32_t(index >> 32), uint32_t(purpose) << 24 | (epoch & 0xffffff)} {}

void Rng::refill() {
  constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57, kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  std::array<uint32_t, 4> x = counter_;
  std::array<uint32_t, 2> k = key_;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(kMultiplier0) * x[0], p1 = uint64_t(kMultiplier1) * x[2];
    x = {uint32_t(p1 >> 32) ^ x[1] ^ k[0], uint32_t(p1), uint32_t(p0 >> 32) ^ x[3] ^ k[1], uint32_t(p0)};
    k[0] += kWeyl0;
    k[1] += kWeyl1;
  }
  block_ = x;
  ++counter_[0];
  next_ = 0;
}

uint32_t Rng::bits() {
  if (next_ == 4) refill();
  return block_[size_t(next_++)];
}

double Rng::uniform() { return double(bits() >> 8) * 0x1p-24; }

uint64_t Rng::below(uint64_t n) {
  // Rejection keeps it unbiased; fewer than half of the draws are rejected.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
  for (;;) {
    const uint64_t x = uint64_t(bits()) << 32 | bits();
    if (x < limit) return x % n;
  }
}

double Rng::normal(double mean, double std) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return mean + std * radius * std::cos(2 * std::numbers::pi * uniform());
}

double Rng::gamma(double shape) {
  if (shape < 1) {  // boost: Gamma(a) = Gamma(a + 1) U^(1/a)
    const double u = 1 - uniform();
    return gamma(shape + 1) * std::pow(u, 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal(), v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    const double u = 1 - uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double Rng::beta(double a) {
  const double x = gamma(a), y = gamma(a);
  return x / (x + y);
}

}  // namespace spikemix
