// SPDX-License-Identifier: MIT
#include "spikemix/mixers/fourier.h"

namespace spikemix {

/// torch.fft.fft2(x).real, over tokens and embedding; arXiv 2308.02557, 2D-FFT; FNet, arXiv 2105.03824.
std::unique_ptr<Mixer> make_fft2d(const MixerShape& shape, const MixerOptions& options) {
  return make_fourier(shape, options, "tokens,embed", /*hartley=*/false);
}

}  // namespace spikemix
