// SPDX-License-Identifier: MIT
#include "spikemix/mixers/fourier.h"

namespace spikemix {

/// torch.fft.fft(x, dim=-2).real; arXiv 2308.02557, 1D-FFT.
/// The scaling is torch.fft's "backward": none, because the batch norm that follows sets the scale anyway.
std::unique_ptr<Mixer> make_fft1d(const MixerShape& shape, const MixerOptions& options) {
  return make_fourier(shape, options, "tokens", /*hartley=*/false);
}

}  // namespace spikemix
