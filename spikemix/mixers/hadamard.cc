// SPDX-License-Identifier: MIT
#include "spikemix/kernels/hadamard/hadamard.h"

#include <bit>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/mixers/lines.h"
#include "spikemix/mixers/separable.h"

namespace spikemix {

std::unique_ptr<LineTransform> hadamard_line(const MixerAxis& axis) {
  const uint64_t n = uint64_t(axis.view.n);
  if (!std::has_single_bit(n)) {
    throw input_error("{}, expected a power of two ({} or {}); choose other axes", axis.label, std::bit_floor(n),
                      std::bit_ceil(n));
  }
  return std::make_unique<Hadamard>(axis.view.n);
}

/// scipy.linalg.hadamard(N) @ x / sqrt(N). Its own inverse. With several axes, along each of them.
std::unique_ptr<Mixer> make_hadamard(const MixerShape& shape, const MixerOptions& options) {
  MixerAxes axes = mixer_axes(shape, options, "tokens");
  std::vector<std::unique_ptr<LineTransform>> transforms;
  for (const MixerAxis& axis : axes.axes) transforms.push_back(hadamard_line(axis));
  return std::make_unique<Separable>(std::move(axes), std::move(transforms), /*transposed=*/false);
}

}  // namespace spikemix
