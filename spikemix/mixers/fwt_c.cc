// SPDX-License-Identifier: MIT
#include "spikemix/mixers/combination.h"

namespace spikemix {

/// A learned sum of the Fourier basis (as fft2d, but orthonormal, because beside a wavelet the scale matters) and
/// wavelet bases: arXiv 2403.18228. We use fft and haar.
std::unique_ptr<Mixer> make_fwt_c(const MixerShape& shape, const MixerOptions& options) {
  return make_combination(shape, options, {"fft", "haar"}, /*fourier=*/true);
}

}  // namespace spikemix
