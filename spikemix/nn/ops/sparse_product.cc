// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/sparse_product.h"

#include <algorithm>
#include <vector>

#include "spikemix/kernels/spike_product/matrix_panel.h"
#include "spikemix/kernels/spike_product/row_blocks.h"
#include "spikemix/kernels/spike_product/spike_sums.h"
#include "spikemix/kernels/spike_product/weight_gradient.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/nn/ops/chunks.h"
#include "spikemix/nn/ops/kernel_data.h"

namespace spikemix {
namespace {

using torch::Tensor;

// Rows that one thread takes at a time: a fixed number, so that the moments' bits do not depend on the number of
// threads.
constexpr int64_t kRows = 256;

WeightType weight_type(torch::ScalarType type) { return type == torch::kFloat32 ? WeightType::kF32 : WeightType::kU16; }

PackedWeights pack(const Tensor& weight, torch::ScalarType type) {
  const Tensor weight_t = weight.to(torch::kFloat32).contiguous();  // a permuted weight may still be a view
  const int64_t in = weight_t.size(0), out = weight_t.size(1);
  PackedWeights packed = unpacked_weights(weight_type(type), out, in);
  const RowRange rows[] = {{0, in, 0}};
  at::parallel_for(0, int64_t(packed.panels.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const WeightPanel& p = packed.panels[size_t(i)];
      pack_panel(packed.type, {p.first, p.count, out, in + 1}, rows, kernel_data<float>(weight_t), p.width,
                 packed.data.get() + p.offset, packed.scale.data() + p.first);
    }
  });
  return packed;
}

// The moments of y's channels from the sums over each chunk of rows, made with pivot zero.
class ChunkMoments {
 public:
  ChunkMoments(int64_t n, int64_t out) : out_(out), pivot_(torch::zeros({out})), sums_(torch::zeros({n, 2, out})) {}

  SumMoments of(int64_t chunk) const {
    float* sum = kernel_data<float>(sums_) + chunk * 2 * out_;
    return {kernel_data<float>(pivot_), sum, sum + out_};
  }
  Moments over(int64_t rows) const {
    const Tensor mean = sums_.sum(0, false, torch::kFloat64).div_(double(rows));
    return {mean[0].to(torch::kFloat32), (mean[1] - mean[0] * mean[0]).clamp_min_(0).to(torch::kFloat32)};
  }

 private:
  int64_t out_;
  Tensor pivot_, sums_;
};

struct Scratch {
  SpikeLists lists;
  std::vector<uint16_t> index;  // PixelLists of a convolution
  std::vector<uint32_t> begin;
};
Scratch& scratch() {
  static thread_local Scratch of_this_thread;
  return of_this_thread;
}

// dW [kernel positions, channels, out], with the panels of dY shared among the threads.
Tensor gradient(const Packed& x, const RowBlocks& plan, const Tensor& dy) {
  const int64_t C = x.channels(), out = dy.size(-1), planes = x.planes(), positions = int64_t(plan.offsets.size());
  const auto blocks = int64_t(plan.blocks.size());
  std::vector<SpikeLists> lists(plan.blocks.size());
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const RowBlock& block = plan.blocks[size_t(b)];
      int64_t entries = 0;
      for (const RowRange& range : block.inputs) entries += x.entries(range.first, range.first + range.count);
      lists[size_t(b)].reserve(C * planes, entries);
      if (x.values() == Values::kSpikes)
        channel_lists_of_spikes(block.inputs, C, x.bits(), block.unused, lists[size_t(b)]);
      else
        channel_lists_of_counts(block.inputs, C, x.counts(), planes, block.unused, lists[size_t(b)]);
    }
  });

  const WeightType type = weight_type(dy.scalar_type());
  const std::vector<WeightPanel> panels = unpacked_weights(type, out, 0).panels;
  const int64_t stride = (out + 15) / 16 * 16;  // whole panels
  const Tensor dw = torch::zeros({positions, C, stride});
  int64_t panel_rows = 0;
  for (const RowBlock& block : plan.blocks) panel_rows = std::max(panel_rows, block.rows);
  // If there are few panels, channels are shared out too. Each sum is one job, so its bits do not depend on the split.
  const int64_t wanted = 4 * at::get_num_threads();
  const int64_t groups = std::clamp<int64_t>(wanted / int64_t(panels.size()), 1, std::max<int64_t>(1, C / 16));
  at::parallel_for(0, int64_t(panels.size()) * groups, 1, [&](int64_t begin, int64_t end) {
    const auto panel = hwy::AllocateAligned<std::byte>(size_t(panel_rows * 64 * 4));
    float scale[64];
    for (int64_t job = begin; job < end; ++job) {
      const WeightPanel& p = panels[size_t(job / groups)];
      const int64_t first = C * (job % groups) / groups, last = C * (job % groups + 1) / groups;
      for (int64_t b = 0; b < blocks; ++b) {
        const RowBlock& block = plan.blocks[size_t(b)];
        with_kernel_type(dy, [&]<class X>(X) {
          pack_panel(type, {p.first, p.count, out, block.rows}, block.outputs, kernel_data<X>(dy), p.width, panel.get(),
                     scale);
        });
        weight_gradient(type, panel.get(), p.width, scale, lists[size_t(b)], first, last, plan.offsets,
                        kernel_data<float>(dw) + p.first, stride);
      }
    }
  });
  return dw.view({positions * C, stride}).narrow(1, 0, out);
}

}  // namespace

Tensor sparse_linear(const Packed& x, const Tensor& weight_t, torch::ScalarType type, Moments& moments) {
  const PackedWeights weights = pack(weight_t, type);
  const int64_t rows = x.rows(), C = x.channels(), out = weights.out, planes = x.planes(), words = spike_words(C);
  const Tensor y = torch::empty({rows, out}, type);
  const ChunkMoments sums(chunks(rows, kRows), out);
  for_chunks(rows, kRows, [&](int64_t chunk, int64_t begin, int64_t end) {
    SpikeLists& lists = scratch().lists;
    const int64_t n = end - begin;
    lists.reserve(n * planes, x.entries(begin, end));
    if (x.values() == Values::kSpikes)
      lists_of_spikes(n, 1, C, x.bits() + begin * words, 0, lists);
    else
      lists_of_counts(n, 1, C, x.counts() + begin * words * 64, 0, planes, lists);
    with_kernel_type(y, [&]<class Y>(Y) {
      spike_sums(weights, lists, n, 1, kernel_data<Y>(y) + begin * out, 0, out, sums.of(chunk));
    });
  });
  moments = sums.over(rows);
  return y;
}

Tensor sparse_conv(const Packed& x, const PixelGrid& grid, const Tensor& weight_t, torch::ScalarType type,
                   Moments& moments) {
  const PackedWeights weights = pack(weight_t, type);
  const int64_t C = x.channels(), out = weights.out, words = spike_words(C), pixels = grid.height * grid.width;
  const int64_t planes = x.planes();
  const Tensor y = torch::empty({grid.images * pixels, out}, type);
  // Small images are taken several at a time, large ones in parts.
  const int64_t together = std::max<int64_t>(1, kRows / pixels), parts = chunks(pixels, 4 * kRows);
  const ChunkMoments sums(chunks(grid.images, together) * parts, out);
  for_chunks(grid.images, together, [&](int64_t chunk, int64_t image, int64_t end) {
    Scratch& mine = scratch();
    const int64_t n = end - image, row = image * pixels, lines = n * grid.height;
    mine.index.resize(size_t(planes * lines * list_stride(grid.width, C)));
    mine.begin.resize(size_t(planes * lines * (grid.width + 1)));
    if (x.values() == Values::kSpikes)
      list_pixels(lines, grid.width, C, x.bits() + row * words, mine.index.data(), mine.begin.data());
    else
      list_pixels(0, lines, lines, grid.width, C, x.counts() + row * 64 * words, planes, mine.index.data(),
                  mine.begin.data());
    const PixelLists lists{grid.height, grid.width, C, mine.index.data(), mine.begin.data(), planes};
    mine.lists.reserve(n * std::min(pixels, 4 * kRows) * planes, 9 * x.entries(row, row + n * pixels));
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t first = pixels * part / parts, count = pixels * (part + 1) / parts - first;
      lists_of_neighbours(first, count, n, lists, mine.lists);
      with_kernel_type(y, [&]<class Y>(Y) {
        spike_sums(weights, mine.lists, count, n, kernel_data<Y>(y) + (row + first) * out, pixels * out, out,
                   sums.of(chunk * parts + part));
      });
    }
  });
  moments = sums.over(grid.images * pixels);
  return y;
}

Tensor sparse_linear_gradient(const Packed& x, const Tensor& dy) { return gradient(x, linear_blocks(x.rows()), dy); }

Tensor sparse_conv_gradient(const Packed& x, const PixelGrid& grid, const Tensor& dy) {
  return gradient(x, conv_blocks(grid.images, grid.height, grid.width), dy);
}

}  // namespace spikemix
