// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace spikemix::reports {

/// Power by spatial frequency of tokens on a grid: a two-dimensional Fourier transform of each channel and step; the
/// squared magnitudes are summed over rings of frequency and averaged over channels and steps. All rings together give
/// the mean square of the values (Parseval).
struct Spectrum {
  std::vector<double>
      frequency;  ///< the middle of each ring, in cycles a token, 0 first; the rings are 1 / max(H, W) wide
  std::vector<double> power;
};

/// @param values  [steps, height x width, channels]
Spectrum token_spectrum(std::span<const float> values, int64_t height, int64_t width, int64_t channels);

}  // namespace spikemix::reports
