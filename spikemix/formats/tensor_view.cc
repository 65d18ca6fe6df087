// SPDX-License-Identifier: MIT
#include "spikemix/formats/tensor_view.h"

#include <algorithm>

namespace spikemix {

int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::F64:
    case DType::I64:
      return 8;
    case DType::F32:
    case DType::I32:
      return 4;
    case DType::F16:
    case DType::BF16:
    case DType::I16:
      return 2;
    case DType::I8:
    case DType::U8:
    case DType::BOOL:
      return 1;
  }
  __builtin_unreachable();
}

std::string_view name_of(DType dtype) {
  constexpr std::string_view kNames[] = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"};
  return kNames[size_t(dtype)];
}

int64_t byte_count(DType dtype, std::span<const int64_t> shape) {
  int64_t bytes = size_of(dtype);
  bool overflow = false, empty = false;
  for (const int64_t n : shape) {
    if (n < 0) return -1;
    empty |= n == 0;
    overflow |= __builtin_mul_overflow(bytes, n, &bytes);
  }
  return empty ? 0 : overflow ? -1 : bytes;
}

bool is_printable(std::string_view name) {
  return std::ranges::none_of(name, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

}  // namespace spikemix
