// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// The scaling of the Fourier mixers, by torch.fft's names.
enum class FftNorm {
  kBackward,  // none forward, 1/n in the inverse
  kOrtho,     // 1/sqrt(n) in both
};

/// The real part, or the Hartley part (Re - Im), of the multi-dimensional FFT over the axes; with options.inverse, of
/// the inverse FFT. For a real input Re(IFFT x) is Re(FFT x) / n, so `inverse` changes only the scale, which the batch
/// norm that follows removes (except for its epsilon). The Hartley transform is its own inverse, up to n.
/// @param own  the axes, if the options name none
std::unique_ptr<Mixer> make_fourier(const MixerShape& shape, const MixerOptions& options, const std::string& own,
                                    bool hartley, FftNorm norm = FftNorm::kBackward);

}  // namespace spikemix
