// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace spikemix {

/// Quantiles of positive numbers without storing them, for endless streams: counts in bins that are 1 % wide, from
/// 0.001 up. Exact to half a per cent.
class Quantiles {
 public:
  void add(double value) {
    const double place = std::log(std::max(value, kLeast) / kLeast) / std::log(kRatio);
    ++bins_[std::min(bins_.size() - 1, size_t(place))];
    ++count_;
  }
  /// The smallest value that a share `q` of all does not exceed; 0 if there are none.
  double operator()(double q) const {
    int64_t left = std::max<int64_t>(1, std::llround(std::ceil(q * double(count_))));
    for (size_t i = 0; i < bins_.size() && count_ > 0; ++i) {
      left -= bins_[i];
      if (left <= 0) return kLeast * std::pow(kRatio, double(i) + 0.5);
    }
    return 0;
  }

 private:
  static constexpr double kLeast = 1e-3, kRatio = 1.01;
  std::array<int64_t, 2400> bins_{};  // up to 2 x 10^7
  int64_t count_ = 0;
};

}  // namespace spikemix
