#pragma once

#include <ATen/Parallel.h>

#include "spikemix/kernels/spikes/bfloat16.h"
#include "spikemix/nn/torch.h"

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "at::parallel_for would run on one thread: compile with OpenMP"
#endif

namespace spikemix {

static_assert(sizeof(Bfloat16) == sizeof(c10::BFloat16));

/// The types that kernels/ computes in; everything else goes through ATen.
inline bool has_kernels(const torch::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

/// A contiguous tensor's memory as the kernels see it; null for an undefined tensor.
template <class T>
T* kernel_data(const torch::Tensor& x) {
  return x.defined() ? static_cast<T*>(x.data_ptr()) : nullptr;
}

/// f(float{}) or f(Bfloat16{}), after the tensor's type.
template <class F>
auto with_kernel_type(const torch::Tensor& x, const F& f) {
  return x.scalar_type() == torch::kFloat32 ? f(float{}) : f(Bfloat16{});
}

}  // namespace spikemix
