// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

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

/// The Torch type of a tensor that kernels read as T: bits are kept in tensors of signed words.
template <class T>
constexpr torch::ScalarType scalar_type() {
  if constexpr (std::is_same_v<T, Bfloat16>)
    return torch::kBFloat16;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return torch::kInt64;
  else
    return c10::CppTypeToScalarType<T>::value;
}

/// A tensor's memory for the kernels; null for an undefined tensor. Kernels know no strides, so a caller that passes a
/// non-contiguous view or another type is stopped here rather than given wrong sums.
template <class T>
T* kernel_data(const torch::Tensor& x) {
  if (!x.defined()) return nullptr;
  TORCH_INTERNAL_ASSERT(x.is_cpu() && x.is_contiguous() && x.scalar_type() == scalar_type<T>(), "a kernel got ",
                        x.toString(), " of sizes ", x.sizes(), " and strides ", x.strides());
  return static_cast<T*>(x.data_ptr());
}

/// f(float{}) or f(Bfloat16{}), depending on the tensor's type.
template <class F>
auto with_kernel_type(const torch::Tensor& x, const F& f) {
  return x.scalar_type() == torch::kFloat32 ? f(float{}) : f(Bfloat16{});
}

}  // namespace spikemix
