// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// y = sum_k c_k M_k x, with learned c. Each c starts at 1/K (nn/ sets it): the mean of the bases. The bases are given
/// by name: a wavelet, or "fft" if `fourier`. All run over the same axes (tokens and embedding, unless options.axes
/// says otherwise), each scaled to keep the signal's energy, so that equal coefficients are equal shares.
/// options.inverse: sum_k c_k of the inverse bases. The paper does not specify the bases and their initial
/// coefficients: both are our choice.
/// @param own_bases  the bases, if the options name none
std::unique_ptr<Mixer> make_combination(const MixerShape& shape, const MixerOptions& options,
                                        const std::vector<std::string>& own_bases, bool fourier);

}  // namespace spikemix
