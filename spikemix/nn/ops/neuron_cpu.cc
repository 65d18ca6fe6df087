// SPDX-License-Identifier: MIT
#include "spikemix/kernels/lif/batch_norm.h"
#include "spikemix/nn/ops/chunks.h"
#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/neuron_passes.h"

namespace spikemix::cpu {
namespace {

// Rows that a thread takes at a time: 128 keep the error of fp32 sums far below that of the values.
constexpr int64_t kChunk = 128;

// How many rows are joined into one, with the channels' vectors repeated, to fill a tile of the kernels: the first
// convolutions have few channels, and a loop over 16 columns is mostly start and end.
int64_t fold_of(int64_t rows, int64_t C) {
  constexpr int64_t kTile = 256;
  int64_t fold = 1;
  while (2 * fold * C <= kTile && rows % (2 * fold) == 0) fold *= 2;
  return fold;
}

torch::Tensor repeated(const torch::Tensor& channels, int64_t fold) {
  return fold == 1 || !channels.defined() ? channels : channels.repeat({fold});
}

// sums [n, 2, fold C] -> two times [C], in double.
torch::Tensor totals(const torch::Tensor& sums, int64_t C) {
  return sums.view({-1, 2, sums.size(2) / C, C}).sum(torch::IntArrayRef{0, 2}, false, torch::kFloat64);
}

// A call, as the kernels take it.
struct KernelCall {
  LifShape shape;
  LifParams lif;
  torch::Tensor scale, shift, mean;

  KernelCall(const NeuronPasses& p, const torch::Tensor& x) : lif(p.lif) {
    const int64_t M = x.size(-2), C = x.size(-1), fold = fold_of(M, C);
    shape = {.T = p.T, .M = M / fold, .C = C * fold, .same_x = p.same_x};
    if (p.w.defined()) lif.k = p.w.sigmoid().item<float>();
    scale = repeated(p.scale, fold), shift = repeated(p.shift, fold), mean = repeated(p.mean, fold);
  }
  LifNorm norm() const { return {kernel_data<float>(scale), kernel_data<float>(shift), kernel_data<float>(mean)}; }
};

}  // namespace

Moments moments(const torch::Tensor& x) {
  const int64_t C = x.size(-1), rows = x.numel() / C, fold = fold_of(rows, C), wide = fold * C;
  // The first row, as near the mean as any, keeps the squares small.
  const auto pivot = x.reshape({rows, C})[0].to(torch::kFloat32).contiguous();
  const auto pivots = repeated(pivot, fold);
  const auto sums = torch::zeros({chunks(rows / fold, kChunk), 2, wide}, torch::kFloat32);
  with_kernel_type(x, [&]<class X>(X) {
    for_chunks(rows / fold, kChunk, [&](int64_t chunk, int64_t begin, int64_t end) {
      float* sum = kernel_data<float>(sums) + chunk * 2 * wide;
      channel_moments(end - begin, wide, kernel_data<X>(x) + begin * wide, kernel_data<float>(pivots), sum, sum + wide);
    });
  });
  const auto mean = totals(sums, C).div_(double(rows));
  const auto variance = (mean[1] - mean[0] * mean[0]).clamp_min_(0);
  return {(mean[0] + pivot).to(torch::kFloat32), variance.to(torch::kFloat32)};
}

torch::Tensor forward(const NeuronPasses& p, const torch::Tensor& x, const torch::Tensor& residual,
                      torch::ScalarType spikes) {
  const KernelCall call(p, x);
  const LifShape& shape = call.shape;
  const LifNorm norm = call.norm();
  auto s = torch::empty({p.T, x.size(-2), x.size(-1)}, x.options().dtype(spikes));
  const auto run = [&]<class X, class S>(X, S) {
    for_chunks(shape.M, kChunk, [&](int64_t, int64_t begin, int64_t end) {
      lif_forward(call.lif, shape, norm, begin, end, kernel_data<X>(x), kernel_data<S>(residual), kernel_data<S>(s));
    });
  };
  if (x.scalar_type() == torch::kBFloat16)
    run(Bfloat16{}, Bfloat16{});
  else
    with_kernel_type(s, [&]<class S>(S) { run(float{}, S{}); });
  return s;
}

NeuronGradients backward(const NeuronPasses& p, const torch::Tensor& x, const torch::Tensor& ds) {
  const KernelCall call(p, x);
  const LifShape& shape = call.shape;
  const LifNorm norm = call.norm();
  const int64_t C = shape.C, n = chunks(shape.M, kChunk);
  NeuronGradients result;
  result.dz = torch::empty_like(x);
  const auto sums = norm.scale ? torch::zeros({n, 2, C}, torch::kFloat32) : torch::Tensor();
  const auto dk = p.w.defined() ? torch::zeros({n}, torch::kFloat64) : torch::Tensor();
  const auto run = [&]<class X, class S>(X, S) {
    for_chunks(shape.M, kChunk, [&](int64_t chunk, int64_t begin, int64_t end) {
      LifSums out;
      if (norm.scale) {
        out.dz = kernel_data<float>(sums) + chunk * 2 * C;
        out.dz_x = out.dz + C;
      }
      if (dk.defined()) out.dk = kernel_data<double>(dk) + chunk;
      lif_backward(call.lif, shape, norm, begin, end, kernel_data<X>(x), kernel_data<S>(ds), kernel_data<X>(result.dz),
                   out);
    });
  };
  if (x.scalar_type() == torch::kBFloat16)
    run(Bfloat16{}, Bfloat16{});
  else
    with_kernel_type(ds, [&]<class S>(S) { run(float{}, S{}); });
  if (norm.scale) {
    const auto total = totals(sums, x.size(-1)).to(torch::kFloat32);
    result.sum_dz = total[0];
    result.sum_dz_x = total[1];
  }
  if (dk.defined()) result.dk = dk.sum().to(torch::kFloat32);
  return result;
}

torch::Tensor norm_forward(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& shift,
                           const torch::Tensor& residual) {
  const int64_t rows = x.numel() / x.size(-1), fold = fold_of(rows, x.size(-1)), wide = fold * x.size(-1);
  const auto scales = repeated(scale, fold), shifts = repeated(shift, fold);
  const auto z = torch::empty(x.sizes(), torch::kFloat32);
  with_kernel_type(x, [&]<class X>(X) {
    for_chunks(rows / fold, kChunk, [&](int64_t, int64_t begin, int64_t end) {
      const auto* carried = kernel_data<float>(residual);
      batch_norm_forward(end - begin, wide, kernel_data<X>(x) + begin * wide, kernel_data<float>(scales),
                         kernel_data<float>(shifts), carried ? carried + begin * wide : nullptr,
                         kernel_data<float>(z) + begin * wide);
    });
  });
  return z;
}

std::pair<torch::Tensor, torch::Tensor> norm_sums(const torch::Tensor& x, const torch::Tensor& mean,
                                                  const torch::Tensor& dz) {
  const int64_t rows = x.numel() / x.size(-1), fold = fold_of(rows, x.size(-1)), wide = fold * x.size(-1);
  const auto means = repeated(mean, fold);
  const auto sums = torch::zeros({chunks(rows / fold, kChunk), 2, wide}, torch::kFloat32);
  with_kernel_type(x, [&]<class X>(X) {
    for_chunks(rows / fold, kChunk, [&](int64_t chunk, int64_t begin, int64_t end) {
      float* sum = kernel_data<float>(sums) + chunk * 2 * wide;
      batch_norm_sums(end - begin, wide, kernel_data<X>(x) + begin * wide, kernel_data<float>(means),
                      kernel_data<float>(dz) + begin * wide, sum, sum + wide);
    });
  });
  const auto total = totals(sums, x.size(-1)).to(torch::kFloat32);
  return {total[0], total[1]};
}

void norm_backward(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& a, const torch::Tensor& b,
                   const torch::Tensor& c, const torch::Tensor& dz, torch::Tensor& dx) {
  const int64_t rows = x.numel() / x.size(-1), fold = fold_of(rows, x.size(-1)), wide = fold * x.size(-1);
  const auto means = repeated(mean, fold), as = repeated(a, fold), bs = repeated(b, fold), cs = repeated(c, fold);
  const auto run = [&]<class X, class Z>(X, Z) {
    for_chunks(rows / fold, kChunk, [&](int64_t, int64_t begin, int64_t end) {
      batch_norm_backward(end - begin, wide, kernel_data<X>(x) + begin * wide, kernel_data<float>(means),
                          kernel_data<float>(as), kernel_data<float>(bs), kernel_data<float>(cs),
                          kernel_data<Z>(dz) + begin * wide, kernel_data<X>(dx) + begin * wide);
    });
  };
  if (x.scalar_type() == torch::kFloat32)
    run(float{}, float{});
  else
    with_kernel_type(dz, [&]<class Z>(Z) { run(Bfloat16{}, Z{}); });
}

}  // namespace spikemix::cpu
