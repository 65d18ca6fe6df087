// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/winograd.h"

#include "spikemix/kernels/winograd/winograd.h"
#include "spikemix/nn/ops/chunks.h"
#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/processor.h"

namespace spikemix {
namespace {

using torch::Tensor;

constexpr int64_t kPoints = WinogradTiles::kPoints;
// Tiles computed together: enough rows for the matrix products to run at full speed, and points that fit into caches.
// An odd number: otherwise the points of a value lie a multiple of 4 KiB apart and compete for the same few cache
// lines.
constexpr int64_t kTiles = 65;

// weight [out, C, 3, 3] -> [36, out, C].
Tensor at_points(const Tensor& weight) {
  const int64_t pairs = weight.size(0) * weight.size(1), stride = pairs + 16;  // avoids 4 KiB here too
  const Tensor w = weight.contiguous(), points = torch::empty({kPoints, stride}, w.options());
  at::parallel_for(0, pairs, 4096, [&](int64_t begin, int64_t end) {
    winograd_weights(begin, end, kernel_data<float>(w), stride, kernel_data<float>(points));
  });
  return points.narrow(1, 0, pairs).unflatten(1, {weight.size(0), weight.size(1)});
}

}  // namespace

double winograd_share(const Tensor& dy) {
  if (!has_kernels(dy) || multiplied_in(dy) != torch::kFloat32) return 1;
  const WinogradTiles tiles{dy.size(1), dy.size(2)};
  const double share = double(kPoints * tiles.of_image()) / double(9 * tiles.H * tiles.W);
  return share <= 0.5 ? share : 1;
}

Tensor winograd_gradient(const Tensor& dy, const Tensor& weight, double added) {
  const torch::NoGradGuard no_grad;
  const WinogradTiles tiles{dy.size(1), dy.size(2)};
  const int64_t out = dy.size(3), C = weight.size(1), all = dy.size(0) * tiles.of_image();
  const Tensor w = at_points(weight.to(dy.scalar_type()).to(torch::kFloat32));
  const Tensor dx = torch::empty({dy.size(0), tiles.H, tiles.W, C}, dy.options());
  with_kernel_type(dy, [&]<class X>(X) {
    for_chunks(all, kTiles, [&](int64_t, int64_t begin, int64_t end) {
      const Tensor points = torch::empty({kPoints, end - begin, out}, w.options());
      winograd_inputs(tiles, out, begin, end, kernel_data<X>(dy), kernel_data<float>(points));
      const Tensor products = points.bmm(w);
      if (added != 0) products[WinogradTiles::kOnes].add_(added);
      winograd_outputs(tiles, C, begin, end, kernel_data<float>(products), kernel_data<X>(dx));
    });
  });
  return dx;
}

}  // namespace spikemix
