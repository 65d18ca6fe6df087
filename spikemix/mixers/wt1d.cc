// SPDX-License-Identifier: MIT
#include "spikemix/mixers/wavelets.h"

namespace spikemix {

/// np.concatenate(pywt.wavedec(x, wavelet, "periodization", levels, axis=-2)); arXiv 2308.02557, 1D-WT.
std::unique_ptr<Mixer> make_wt1d(const MixerShape& shape, const MixerOptions& options) {
  return make_wavelet(shape, options, "tokens");
}

}  // namespace spikemix
