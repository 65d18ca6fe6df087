// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "spikemix/mixers/axes.h"
#include "spikemix/mixers/wavelets.h"

namespace spikemix {

/// Transforms along one axis that do not take every size.
/// @throws InputError naming the axis, and the sizes or levels that it allows
std::unique_ptr<LineTransform> hadamard_line(const MixerAxis& axis);
/// levels 0: as many as the axis allows.
std::unique_ptr<LineTransform> wavelet_line(const MixerAxis& axis, const WaveletFilters& filters, int64_t levels);

}  // namespace spikemix
