#include <ATen/Parallel.h>

#include "spikemix/kernels/lif/batch_norm.h"
#include "spikemix/nn/kernel_data.h"
#include "spikemix/nn/neuron_passes.h"

namespace spikemix::cpu {
namespace {

// Rows are shared out in chunks of a fixed size, and the chunks' sums are added in order: the same bits for any number
// of threads. 128 rows keep the error of fp32 sums far below that of the values.
constexpr int64_t kChunk = 128;

int64_t chunks(int64_t rows) { return (rows + kChunk - 1) / kChunk; }

// f(chunk, begin, end)
template <class F>
void for_chunks(int64_t rows, const F& f) {
  at::parallel_for(0, chunks(rows), 1, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) f(chunk, chunk * kChunk, std::min(rows, (chunk + 1) * kChunk));
  });
}

LifNorm norm_of(const NeuronPasses& p) {
  return {kernel_data<float>(p.scale), kernel_data<float>(p.shift), kernel_data<float>(p.mean)};
}

LifParams params_of(const NeuronPasses& p) {
  LifParams lif = p.lif;
  if (p.w.defined()) lif.k = p.w.sigmoid().item<float>();
  return lif;
}

LifShape shape_of(const NeuronPasses& p, const torch::Tensor& x) {
  return {.T = p.T, .M = x.size(-2), .C = x.size(-1), .same_x = p.same_x};
}

}  // namespace

Moments moments(const torch::Tensor& x) {
  const int64_t C = x.size(-1), rows = x.numel() / C;
  // The first row, near the mean as any, keeps the squares small.
  const auto pivot = x.reshape({rows, C})[0].to(torch::kFloat32).contiguous();
  const auto sums = torch::zeros({chunks(rows), 2, C}, torch::kFloat32);
  with_kernel_type(x, [&]<class X>(X) {
    for_chunks(rows, [&](int64_t chunk, int64_t begin, int64_t end) {
      float* sum = kernel_data<float>(sums) + chunk * 2 * C;
      channel_moments(end - begin, C, kernel_data<X>(x) + begin * C, kernel_data<float>(pivot), sum, sum + C);
    });
  });
  const auto mean = sums.sum(0, false, torch::kFloat64).div_(double(rows));
  const auto variance = (mean[1] - mean[0] * mean[0]).clamp_min_(0);
  return {(mean[0] + pivot).to(torch::kFloat32), variance.to(torch::kFloat32)};
}

torch::Tensor forward(const NeuronPasses& p, const torch::Tensor& x, const torch::Tensor& residual,
                      torch::ScalarType spikes) {
  const LifShape shape = shape_of(p, x);
  const LifParams lif = params_of(p);
  const LifNorm norm = norm_of(p);
  auto s = torch::empty({shape.T, shape.M, shape.C}, x.options().dtype(spikes));
  const auto run = [&]<class X, class S>(X, S) {
    for_chunks(shape.M, [&](int64_t, int64_t begin, int64_t end) {
      lif_forward(lif, shape, norm, begin, end, kernel_data<X>(x), kernel_data<S>(residual), kernel_data<S>(s));
    });
  };
  if (x.scalar_type() == torch::kBFloat16)
    run(Bfloat16{}, Bfloat16{});
  else
    with_kernel_type(s, [&]<class S>(S) { run(float{}, S{}); });
  return s;
}

NeuronGradients backward(const NeuronPasses& p, const torch::Tensor& x, const torch::Tensor& ds) {
  const LifShape shape = shape_of(p, x);
  const LifParams lif = params_of(p);
  const LifNorm norm = norm_of(p);
  const int64_t C = shape.C, n = chunks(shape.M);
  NeuronGradients result;
  result.dz = torch::empty_like(x);
  const auto sums = norm.scale ? torch::zeros({n, 2, C}, torch::kFloat32) : torch::Tensor();
  const auto dk = p.w.defined() ? torch::zeros({n}, torch::kFloat64) : torch::Tensor();
  const auto run = [&]<class X, class S>(X, S) {
    for_chunks(shape.M, [&](int64_t chunk, int64_t begin, int64_t end) {
      LifSums out;
      if (norm.scale) {
        out.dz = kernel_data<float>(sums) + chunk * 2 * C;
        out.dz_x = out.dz + C;
      }
      if (dk.defined()) out.dk = kernel_data<double>(dk) + chunk;
      lif_backward(lif, shape, norm, begin, end, kernel_data<X>(x), kernel_data<S>(ds), kernel_data<X>(result.dz), out);
    });
  };
  if (x.scalar_type() == torch::kBFloat16)
    run(Bfloat16{}, Bfloat16{});
  else
    with_kernel_type(ds, [&]<class S>(S) { run(float{}, S{}); });
  if (norm.scale) {
    const auto total = sums.sum(0, false, torch::kFloat64).to(torch::kFloat32);
    result.sum_dz = total[0];
    result.sum_dz_x = total[1];
  }
  if (dk.defined()) result.dk = dk.sum().to(torch::kFloat32);
  return result;
}

void norm_backward(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& a, const torch::Tensor& b,
                   const torch::Tensor& c, torch::Tensor& dz) {
  const int64_t C = x.size(-1), rows = x.numel() / C;
  with_kernel_type(x, [&]<class X>(X) {
    for_chunks(rows, [&](int64_t, int64_t begin, int64_t end) {
      batch_norm_backward(end - begin, C, kernel_data<X>(x) + begin * C, kernel_data<float>(mean),
                          kernel_data<float>(a), kernel_data<float>(b), kernel_data<float>(c),
                          kernel_data<X>(dz) + begin * C);
    });
  });
}

}  // namespace spikemix::cpu
