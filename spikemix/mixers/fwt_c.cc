#include "spikemix/mixers/combination.h"

namespace spikemix {

/// A learned sum of the Fourier basis (as fft2d, but scaled to be orthonormal: beside a wavelet the scale matters) and
/// wavelet bases; arXiv 2403.18228. Ours: fft and haar.
std::unique_ptr<Mixer> make_fwt_c(const MixerShape& shape, const MixerOptions& options) {
  return make_combination(shape, options, {"fft", "haar"}, /*fourier=*/true);
}

}  // namespace spikemix
