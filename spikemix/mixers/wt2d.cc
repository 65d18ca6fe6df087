// SPDX-License-Identifier: MIT
#include "spikemix/mixers/wavelets.h"

namespace spikemix {

/// wt1d along the tokens, then along the embedding; arXiv 2308.02557, 2D-WT.
std::unique_ptr<Mixer> make_wt2d(const MixerShape& shape, const MixerOptions& options) {
  return make_wavelet(shape, options, "tokens,embed");
}

}  // namespace spikemix
