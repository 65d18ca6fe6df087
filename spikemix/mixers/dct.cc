// SPDX-License-Identifier: MIT
#include <utility>

#include "spikemix/kernels/fft/hartley.h"
#include "spikemix/mixers/separable.h"

namespace spikemix {

/// scipy.fft.dct(x, axis=-2, norm="ortho"); inverse: scipy.fft.idct. With several axes, along each of them.
std::unique_ptr<Mixer> make_dct(const MixerShape& shape, const MixerOptions& options) {
  MixerAxes axes = mixer_axes(shape, options, "tokens");
  std::vector<std::unique_ptr<LineTransform>> transforms;
  for (const MixerAxis& axis : axes.axes) transforms.push_back(std::make_unique<Dct>(axis.view.n));
  return std::make_unique<Separable>(std::move(axes), std::move(transforms), /*transposed=*/options.inverse);
}

}  // namespace spikemix
