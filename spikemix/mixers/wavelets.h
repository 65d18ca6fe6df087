// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spikemix/kernels/dwt/dwt.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// A wavelet by PyWavelets' name: haar, db1..db38, sym2..sym20, coif1..coif17, bior1.1..bior6.8, rbio1.1..rbio6.8.
struct Wavelet {
  WaveletFilters analysis;  // dec_lo, dec_hi
  WaveletFilters dual;      // rec_lo and rec_hi reversed: pywt.waverec is the adjoint of this analysis
  bool orthogonal;          // analysis and dual are the same
};

/// @throws InputError with the nearest name
Wavelet find_wavelet(const std::string& name);
const std::vector<std::string>& wavelet_names();

/// The multi-level wavelet transform along each of the axes. Over two axes it is the fully separable one: all levels
/// along the tokens, then all levels along the embedding (not the square one that splits both at every level).
/// levels 0: as many as each axis allows. options.inverse: pywt.waverec.
/// @throws InputError if the levels do not fit an axis
std::unique_ptr<Mixer> make_wavelet(const MixerShape& shape, const MixerOptions& options, const std::string& own);

}  // namespace spikemix
