// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

namespace spikemix {

/// Philox 4x32-10 (Salmon et al., SC 2011): random numbers as a pure function of (seed, stream, index), so that image i
/// of epoch e is augmented the same way on any number of threads, and a resumed run needs no generator state. Not
/// std::mt19937 with std:: distributions, because those differ between standard libraries.
class Rng {
 public:
  /// The purpose of the numbers. Streams with different purposes never share numbers.
  enum class Purpose : uint32_t { kWeights = 1, kOrder, kAugment, kMixup, kTest, kEvents, kValidation, kFlip };

  Rng(uint64_t seed, Purpose purpose, uint64_t index = 0, uint32_t epoch = 0);

  uint32_t bits();
  /// [0, 1), 24 bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// 0 .. n - 1, without bias; n >= 1.
  uint64_t below(uint64_t n);
  bool coin(double probability = 0.5) { return uniform() < probability; }
  double normal(double mean = 0, double std = 1);
  /// Gamma(shape, 1) by Marsaglia and Tsang; Beta(a, a) for mixup.
  double gamma(double shape);
  double beta(double a);

 private:
  void refill();
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int next_ = 4;
};

}  // namespace spikemix
