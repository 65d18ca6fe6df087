// SPDX-License-Identifier: MIT
#include "spikemix/mixers/fourier.h"

namespace spikemix {

/// f = torch.fft.fft(x, dim=-2); f.real - f.imag. Unlike Re(FFT) it loses nothing: it is orthogonal up to its scale.
/// With several axes it is the true multi-dimensional transform (fftn), not the product of single ones.
std::unique_ptr<Mixer> make_hartley(const MixerShape& shape, const MixerOptions& options) {
  return make_fourier(shape, options, "tokens", /*hartley=*/true);
}

}  // namespace spikemix
