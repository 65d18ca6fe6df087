// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/processor.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace spikemix {
namespace {

bool multiplies_bfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#elif defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long kBf16 = 1UL << 14;  // HWCAP2_BF16, which older headers lack
  return (getauxval(AT_HWCAP2) & kBf16) != 0;
#else
  return false;
#endif
}

bool has_matrix_tiles() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("amx-bf16");
#else
  return false;
#endif
}

}  // namespace

torch::ScalarType multiplied_in(const torch::Tensor& x) {
  const auto type = x.scalar_type();
  return x.is_cpu() && type == torch::kBFloat16 && !multiplies_bfloat16() ? torch::kFloat32 : type;
}

// The densities at which forward and weight gradient together took equally long either way, on processors with AMX,
// with AVX-512 BF16 and with AVX2. With AVX2, additions of 14-bit integers (which stand for bfloat16) are twice as fast
// as fp32 multiplications. AMX needs half the density, and less where the outputs do not fill the vectors that are
// added.
double sparse_pays_below(torch::ScalarType type, int64_t outputs) {
  if (type == torch::kBFloat16 && has_matrix_tiles()) return outputs < 64 ? 0.1 : 0.2;
  if (multiplies_bfloat16()) return 0.35;
  return type == torch::kBFloat16 ? 1 : 0.45;
}

}  // namespace spikemix
