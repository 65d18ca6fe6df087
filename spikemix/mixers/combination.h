#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// y = sum_k c_k M_k x, with learned c. c starts at 1/K each (nn/ sets it): the mean of the bases.
/// The bases by name: a wavelet, or "fft" if `fourier`. All run over the same axes (tokens and embedding, unless
/// options.axes says otherwise), each scaled to keep the signal's energy, so that equal coefficients are equal shares.
/// options.inverse: sum_k c_k of the inverse bases. The paper leaves the bases and their start open: both are ours.
/// @param own_bases  the bases, if the options name none
std::unique_ptr<Mixer> make_combination(const MixerShape& shape, const MixerOptions& options,
                                        const std::vector<std::string>& own_bases, bool fourier);

}  // namespace spikemix
