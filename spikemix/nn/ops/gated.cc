// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/gated.h"

#include <algorithm>
#include <vector>

#include "spikemix/nn/ops/chunks.h"
#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/profile.h"

namespace spikemix {
namespace {

using torch::Tensor;

// The type to compute in: double for doubles, float for everything else.
Tensor computed(const Tensor& x) {
  return x.to(x.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat).contiguous();
}

// Samples are split into chunks that do not depend on the threads: each chunk makes its own sums, which are added in
// order.
constexpr int64_t kChunks = 8;
int64_t chunk_size(int64_t samples) { return std::max<int64_t>(1, chunks(samples, kChunks)); }

// f(chunk, first sample, samples, panel, scratch) for all samples and channels.
template <class T, class F>
void for_panels(const GatedTransform& transform, int64_t samples, const F& f) {
  const int64_t size = chunk_size(samples), panels = transform.panels();
  for_chunks(chunks(samples, size) * panels, 1, [&](int64_t task, int64_t, int64_t) {
    thread_local std::vector<T> scratch;
    scratch.resize(std::max(scratch.size(), size_t(transform.scratch_size())));
    const int64_t chunk = task / panels, first = chunk * size;
    f(chunk, first, std::min(size, samples - first), task % panels, scratch.data());
  });
}

template <class T>
Tensor packed(const GatedTransform& transform, const Tensor& gate) {
  const Tensor values = gate.detach().to(c10::CppTypeToScalarType<T>::value).contiguous();
  Tensor rows = torch::empty({transform.packed_size()}, values.options());
  transform.pack(kernel_data<T>(values), kernel_data<T>(rows));
  return rows;
}

template <class T>
Tensor forward_by_kernels(const GatedTransform& transform, const Tensor& x, const Tensor& gate) {
  Tensor y = torch::empty_like(x);
  const Tensor gates = packed<T>(transform, gate);
  const int64_t sample = x.size(-1) * x.size(-2);
  const T *const from = kernel_data<T>(x), *const k = kernel_data<T>(gates);
  T* const to = kernel_data<T>(y);
  for_panels<T>(transform, x.numel() / std::max<int64_t>(1, sample),
                [&](int64_t, int64_t first, int64_t samples, int64_t panel, T* scratch) {
                  transform.forward(panel, samples, k, from + first * sample, to + first * sample, scratch);
                });
  return y;
}

template <class T>
torch::autograd::variable_list backward_by_kernels(const GatedTransform& transform, const Tensor& x, const Tensor& gate,
                                                   const Tensor& for_y) {
  Tensor for_x = torch::empty_like(x), for_gate = torch::empty(gate.sizes(), x.options());
  const Tensor gates = packed<T>(transform, gate);
  const int64_t sample = x.size(-1) * x.size(-2), count = x.numel() / std::max<int64_t>(1, sample);
  Tensor sums = torch::zeros({kChunks, transform.packed_size()}, x.options());
  const T *const from = kernel_data<T>(x), *const g = kernel_data<T>(for_y), *const k = kernel_data<T>(gates);
  T *const to = kernel_data<T>(for_x), *const all_sums = kernel_data<T>(sums);
  for_panels<T>(transform, count, [&](int64_t chunk, int64_t first, int64_t samples, int64_t panel, T* scratch) {
    const int64_t at = first * sample;
    transform.backward(panel, samples, k, from + at, g + at, to + at, all_sums + chunk * transform.packed_size(),
                       scratch);
  });
  const Tensor total = sums.sum(0, /*keepdim=*/false, torch::kDouble).to(x.scalar_type());
  transform.unpack(kernel_data<T>(total), kernel_data<T>(for_gate));
  return {for_x, for_gate};
}

template <class F>
auto with_computed_type(const Tensor& x, const F& f) {
  return x.scalar_type() == torch::kDouble ? f(double{}) : f(float{});
}

class Holder : public torch::CustomClassHolder {
 public:
  explicit Holder(std::shared_ptr<const GatedTransform> of) : transform(std::move(of)) {}
  const std::shared_ptr<const GatedTransform> transform;
};

class GatedFunction : public torch::autograd::Function<GatedFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x, const Tensor& gate,
                        const c10::intrusive_ptr<Holder>& holder, int64_t values) {
    const ProfileScope scope("mixers", "forward");
    const Packed kept(x, Values(values));
    ctx->save_for_backward({kept.tensor(), gate});
    ctx->saved_data["transform"] = c10::IValue::make_capsule(holder);
    ctx->saved_data["values"] = values;
    ctx->saved_data["sizes"] = x.sizes().vec();
    ctx->saved_data["type"] = int64_t(x.scalar_type());
    const Tensor in = computed(x);
    return with_computed_type(in, [&]<class T>(T) { return forward_by_kernels<T>(*holder->transform, in, gate); })
        .to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list gradients) {
    const ProfileScope scope("mixers", "backward");
    const auto holder = c10::static_intrusive_pointer_cast<Holder>(ctx->saved_data["transform"].toCapsule());
    const auto saved = ctx->get_saved_variables();
    const auto sizes = ctx->saved_data["sizes"].toIntVector();
    const auto type = torch::ScalarType(ctx->saved_data["type"].toInt());
    const Tensor x = computed(Packed(saved[0], Values(ctx->saved_data["values"].toInt()), sizes, type).unpack());
    const Tensor g = computed(gradients[0]), &gate = saved[1];
    const auto both =
        with_computed_type(x, [&]<class T>(T) { return backward_by_kernels<T>(*holder->transform, x, gate, g); });
    return {both[0].to(type), both[1].to(gate.scalar_type()), Tensor(), Tensor()};
  }
};

// Re - Im of the FFT over the grid, which is its own inverse.
Tensor hartley(const Tensor& x) {
  const Tensor f = torch::fft_fft2(x, std::nullopt, {2, 3}, "ortho");
  return torch::real(f) - torch::imag(f);
}

Tensor matrix_of(const LineTransform& line, const Tensor& like) {
  return torch::tensor(line.matrix(), torch::kDouble).view({line.n(), line.n()}).to(like);
}

}  // namespace

torch::Tensor gated_by_torch(const GatedTransform& transform, const Tensor& x, const Tensor& gate) {
  const std::vector<int64_t> grid = {transform.height(), transform.width()};
  const Tensor in = (x.scalar_type() == torch::kDouble ? x : x.to(torch::kFloat)).unflatten(2, grid);
  const Tensor k = gate.to(in.scalar_type());
  Tensor y;
  if (transform.kind() == GateKind::kFourier) {
    const Tensor f = torch::fft_rfft2(in, std::nullopt, {2, 3}, "ortho") * torch::view_as_complex(k.contiguous());
    y = torch::fft_irfft2(f, grid, {2, 3}, "ortho");
  } else if (transform.kind() == GateKind::kHartley) {
    y = hartley(k * hartley(in));
  } else {
    const Tensor v = matrix_of(transform.vertical(), in), h = matrix_of(transform.horizontal(), in);
    const Tensor f = k * torch::einsum("uh,vw,tbhwd->tbuvd", {v, h, in});
    y = torch::einsum("uh,vw,tbuvd->tbhwd", {v, h, f});
  }
  return y.flatten(2, 3).to(x.scalar_type());
}

torch::Tensor gated(const std::shared_ptr<const GatedTransform>& transform, const Tensor& x, const Tensor& gate,
                    Values values) {
  TORCH_CHECK(
      x.dim() == 4 && x.size(2) == transform->height() * transform->width() && x.size(3) == transform->channels(),
      "gated: x is ", x.sizes(), ", expected [T, B, ", transform->height() * transform->width(), ", ",
      transform->channels(), "]");
  TORCH_CHECK(gate.sizes() == torch::IntArrayRef(transform->gate_shape()), "gated: the gate is ", gate.sizes(),
              ", expected ", torch::IntArrayRef(transform->gate_shape()));
  if (!x.is_cpu()) return gated_by_torch(*transform, x, gate);
  return GatedFunction::apply(x, gate, c10::make_intrusive<Holder>(transform), int64_t(values));
}

}  // namespace spikemix
