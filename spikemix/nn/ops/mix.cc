// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/mix.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <ATen/Parallel.h>

#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/profile.h"

namespace spikemix {
namespace {

// [T, B, N, D] as consecutive samples: [T B, N, D], or [B, T, N, D] if the mixer needs all steps.
torch::Tensor to_samples(const Mixer& mixer, const torch::Tensor& x) {
  return (mixer.mixes_time() ? x.transpose(0, 1) : x).contiguous();
}
torch::Tensor from_samples(const Mixer& mixer, const torch::Tensor& y) {
  return mixer.mixes_time() ? y.transpose(0, 1).contiguous() : y;
}

// Type: the tensors' element type. The mixer computes in double for doubles and in float for everything else.
template <class Type>
using Compute = std::conditional_t<std::is_same_v<Type, double>, double, float>;

// One thread's buffers, for one sample.
template <class C>
struct Buffers {
  Buffers(const Mixer& mixer, int64_t size)
      : in(size_t(size)), out(in), term(in), scratch(size_t(mixer.scratch_size())) {}
  std::vector<C> in, out, term, scratch;
};

// f(s, buffers) for each sample s.
template <class C, class F>
void for_each_sample(const Mixer& mixer, int64_t samples, int64_t size, const F& f) {
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(size, 1));
  at::parallel_for(0, samples, grain, [&](int64_t begin, int64_t end) {
    Buffers<C> buffers(mixer, size);
    for (int64_t s = begin; s < end; ++s) f(s, buffers);
  });
}

// The samples' values in the type that the mixer computes in: used in place, or converted.
template <class C, class Type>
const C* converted(const Type* x, int64_t size, std::vector<C>& buffer) {
  if constexpr (std::is_same_v<C, Type>) {
    return x;
  } else {
    for (int64_t i = 0; i < size; ++i) buffer[size_t(i)] = C(x[i]);
    return buffer.data();
  }
}

std::vector<double> values(const torch::Tensor& coefficients) {
  if (!coefficients.defined()) return {};
  const torch::Tensor c = coefficients.detach().to(torch::kCPU, torch::kDouble).contiguous();
  return {kernel_data<double>(c), kernel_data<double>(c) + c.numel()};
}

// out = sum_k c_k M_k in (or M_k' in). `each(k, term)` sees every M_k in.
template <class C, class F>
void weighted_sum(const Mixer& mixer, bool adjoint, const std::vector<double>& c, const C* in, C* out, int64_t size,
                  Buffers<C>& buffers, const F& each) {
  const auto run = [&](int64_t k, C* to) {
    if (adjoint) {
      mixer.adjoint(k, in, to, buffers.scratch.data());
    } else {
      mixer.forward(k, in, to, buffers.scratch.data());
    }
  };
  if (c.empty()) return run(0, out);
  C* const term = buffers.term.data();
  for (size_t k = 0; k < c.size(); ++k) {
    run(int64_t(k), term);
    each(k, term);
    const C factor = C(c[k]);
    if (k == 0) {
      for (int64_t i = 0; i < size; ++i) out[i] = factor * term[i];
    } else {
      for (int64_t i = 0; i < size; ++i) out[i] += factor * term[i];
    }
  }
}

// Both directions. With x, sums[s K + k] = <M_k' in_s, x_s>, in double.
template <class Type>
void run_samples(const Mixer& mixer, bool adjoint, const std::vector<double>& c, const torch::Tensor& in,
                 torch::Tensor& out, const torch::Tensor* x, std::vector<double>& sums) {
  using C = Compute<Type>;
  const int64_t steps = mixer.mixes_time() ? in.size(1) : 1, size = steps * in.size(2) * in.size(3);
  const int64_t samples = size == 0 ? 0 : in.numel() / size;
  const Type* const from = kernel_data<Type>(in);
  const Type* const others = x ? kernel_data<Type>(*x) : nullptr;
  Type* const to = kernel_data<Type>(out);
  sums.assign(x ? size_t(samples) * c.size() : 0, 0.0);
  for_each_sample<C>(mixer, samples, size, [&](int64_t s, Buffers<C>& buffers) {
    const C* const sample = converted<C>(from + s * size, size, buffers.in);
    const auto each = [&](size_t k, const C* term) {
      if (!x) return;
      double sum = 0;
      for (int64_t i = 0; i < size; ++i) sum += double(term[i]) * double(others[s * size + i]);
      sums[size_t(s) * c.size() + k] = sum;
    };
    if constexpr (std::is_same_v<C, Type>) {
      weighted_sum(mixer, adjoint, c, sample, to + s * size, size, buffers, each);
    } else {
      weighted_sum(mixer, adjoint, c, sample, buffers.out.data(), size, buffers, each);
      for (int64_t i = 0; i < size; ++i) to[s * size + i] = Type(buffers.out[size_t(i)]);
    }
  });
}

void dispatch(const Mixer& mixer, bool adjoint, const std::vector<double>& c, const torch::Tensor& in,
              torch::Tensor& out, const torch::Tensor* x, std::vector<double>& sums) {
  switch (in.scalar_type()) {
    case torch::kFloat:
      return run_samples<float>(mixer, adjoint, c, in, out, x, sums);
    case torch::kDouble:
      return run_samples<double>(mixer, adjoint, c, in, out, x, sums);
    case torch::kBFloat16:
      return run_samples<at::BFloat16>(mixer, adjoint, c, in, out, x, sums);
    default:
      TORCH_CHECK(false, "mix: x is ", in.scalar_type(), ", expected float, double or bfloat16");
  }
}

// A along one axis of x [T, B, N, D], viewed as [outer, n, inner]: A x; along the last axis, x A'.
torch::Tensor along_axis(const torch::Tensor& x, const std::string& axis, const torch::Tensor& matrix) {
  const int64_t n = matrix.size(0);
  if (axis == "embed") return at::matmul(x, matrix.t());
  if (axis == "time") return at::matmul(matrix, x.reshape({n, -1})).view(x.sizes());
  int64_t inner = x.size(3);
  if (axis == "height") inner *= x.size(2) / n;  // rows of width x D
  return at::matmul(matrix, x.reshape({-1, n, inner})).view(x.sizes());
}

}  // namespace

torch::Tensor TorchMixer::by_kernels(const torch::Tensor& x, const torch::Tensor& coefficients) const {
  const torch::Tensor in = to_samples(*mixer_, x);
  torch::Tensor out = torch::empty_like(in);
  std::vector<double> no_sums;
  dispatch(*mixer_, /*adjoint=*/false, values(coefficients), in, out, nullptr, no_sums);
  return from_samples(*mixer_, out);
}

torch::Tensor TorchMixer::adjoint_by_kernels(const torch::Tensor& g, const torch::Tensor& coefficients,
                                             const torch::Tensor& x, torch::Tensor& coefficient_gradient) const {
  const torch::Tensor in = to_samples(*mixer_, g);
  torch::Tensor out = torch::empty_like(in);
  const std::vector<double> c = values(coefficients);
  std::vector<double> sums;
  if (c.empty()) {
    dispatch(*mixer_, /*adjoint=*/true, c, in, out, nullptr, sums);
    return from_samples(*mixer_, out);
  }
  const torch::Tensor x_samples = to_samples(*mixer_, x);
  dispatch(*mixer_, /*adjoint=*/true, c, in, out, &x_samples, sums);
  std::vector<double> total(c.size());
  for (size_t i = 0; i < sums.size(); ++i) total[i % c.size()] += sums[i];  // in the samples' order, for any threads
  coefficient_gradient = torch::tensor(total, torch::kDouble).to(coefficients.scalar_type());
  return from_samples(*mixer_, out);
}

const std::vector<TorchMixer::DenseTerm>& TorchMixer::dense_terms(const torch::Tensor& like) const {
  const std::lock_guard lock(mutex_);
  for (const auto& dense : dense_) {
    if (dense->device == like.device() && dense->type == like.scalar_type()) return dense->terms;
  }
  auto dense = std::make_unique<Dense>(Dense{like.device(), like.scalar_type(), {}});
  for (const SeparableTerm& term : mixer_->terms()) {
    DenseTerm to{term.coefficient, term.sign, {}};
    for (const AxisMatrix& axis : term.axes) {
      to.axes.push_back({axis.axis, torch::tensor(axis.values, torch::kDouble).view({axis.n, axis.n}).to(like)});
    }
    dense->terms.push_back(std::move(to));
  }
  return dense_.emplace_back(std::move(dense))->terms;
}

torch::Tensor TorchMixer::by_matrices(const torch::Tensor& x, const torch::Tensor& coefficients) const {
  const torch::Tensor in = x.scalar_type() == torch::kDouble ? x : x.to(torch::kFloat);
  torch::Tensor total = torch::zeros_like(in);
  for (const DenseTerm& term : dense_terms(in)) {
    torch::Tensor y = in;
    for (const DenseAxis& axis : term.axes) y = along_axis(y, axis.axis, axis.matrix);
    y = term.coefficient < 0 ? y : y * coefficients[term.coefficient].to(y.scalar_type());
    total = total.add(y, term.sign);
  }
  return total.to(x.scalar_type());
}

torch::Tensor TorchMixer::adjoint_by_matrices(const torch::Tensor& g, const torch::Tensor& coefficients,
                                              const torch::Tensor& x, torch::Tensor& coefficient_gradient) const {
  const torch::Tensor in = g.scalar_type() == torch::kDouble ? g : g.to(torch::kFloat);
  torch::Tensor total = torch::zeros_like(in);
  if (coefficients.defined()) coefficient_gradient = torch::zeros_like(coefficients);
  for (const DenseTerm& term : dense_terms(in)) {
    torch::Tensor y = in;
    for (const DenseAxis& axis : term.axes) y = along_axis(y, axis.axis, axis.matrix.t());
    if (term.coefficient >= 0) {
      coefficient_gradient[term.coefficient] += term.sign * (y * x.to(y.scalar_type())).sum();
      y = y * coefficients[term.coefficient].to(y.scalar_type());
    }
    total = total.add(y, term.sign);
  }
  return total.to(g.scalar_type());
}

namespace {

class MixFunction : public torch::autograd::Function<MixFunction> {
 public:
  // std::optional: Torch's argument reader takes no undefined tensor.
  static torch::Tensor forward(torch::autograd::AutogradContext* ctx, const torch::Tensor& x,
                               const std::optional<torch::Tensor>& coefficients,
                               const c10::intrusive_ptr<TorchMixer>& mixer) {
    const ProfileScope scope("mixers", "forward");
    ctx->saved_data["mixer"] = c10::IValue::make_capsule(mixer);
    if (coefficients) ctx->save_for_backward({x, *coefficients});
    const torch::Tensor c = coefficients.value_or(torch::Tensor());
    return x.is_cpu() ? mixer->by_kernels(x, c) : mixer->by_matrices(x, c);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list gradients) {
    const ProfileScope scope("mixers", "backward");
    const auto mixer = c10::static_intrusive_pointer_cast<TorchMixer>(ctx->saved_data["mixer"].toCapsule());
    const auto saved = ctx->get_saved_variables();
    const torch::Tensor x = saved.empty() ? torch::Tensor() : saved[0];
    const torch::Tensor coefficients = saved.empty() ? torch::Tensor() : saved[1];
    const torch::Tensor& g = gradients[0];
    torch::Tensor for_coefficients;
    const torch::Tensor for_x = g.is_cpu() ? mixer->adjoint_by_kernels(g, coefficients, x, for_coefficients)
                                           : mixer->adjoint_by_matrices(g, coefficients, x, for_coefficients);
    return {for_x, for_coefficients, torch::Tensor()};
  }
};

}  // namespace

torch::Tensor mix(const c10::intrusive_ptr<TorchMixer>& mixer, const torch::Tensor& x,
                  const torch::Tensor& coefficients) {
  const MixerShape& shape = mixer->shape();
  TORCH_CHECK(x.dim() == 4 && x.size(2) == shape.N() && x.size(3) == shape.D, "mix: x is ", x.sizes(),
              ", expected [T, B, ", shape.N(), ", ", shape.D, "]");
  TORCH_CHECK(!mixer->mixer().mixes_time() || x.size(0) == shape.T, "mix: x has ", x.size(0), " time steps, expected ",
              shape.T);
  const int64_t K = mixer->mixer().coefficients();
  TORCH_CHECK((coefficients.defined() ? coefficients.numel() : 0) == K, "mix: expected ", K, " coefficients");
  return MixFunction::apply(x, K > 0 ? std::optional(coefficients) : std::nullopt, mixer);
}

}  // namespace spikemix
