// SPDX-License-Identifier: MIT
#include "spikemix/mixers/combination.h"

namespace spikemix {

/// A learned sum of wavelet bases: arXiv 2308.02557, DWT-C, which does not say which bases. We use haar, the shortest,
/// and db2, the shortest that is continuous.
std::unique_ptr<Mixer> make_dwt_c(const MixerShape& shape, const MixerOptions& options) {
  return make_combination(shape, options, {"haar", "db2"}, /*fourier=*/false);
}

}  // namespace spikemix
