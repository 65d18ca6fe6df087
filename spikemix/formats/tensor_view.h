// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix {

enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL };

/// Bytes of one value.
int64_t size_of(DType dtype);
/// "F32", as in safetensors.
std::string_view name_of(DType dtype);

/// A tensor in memory that somebody else owns: row-major, little-endian, no gaps. `data` need not be aligned to the
/// type (in other writers' files it sometimes is not): copy it, do not dereference it.
struct TensorView {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;
};

struct NamedTensor {
  std::string name;
  TensorView tensor;
};

/// Bytes of a tensor of that shape; -1 if a size is negative or the product does not fit in an int64_t.
int64_t byte_count(DType dtype, std::span<const int64_t> shape);

/// Names appear in one-line errors and tables, so readers refuse those with control characters.
bool is_printable(std::string_view name);

}  // namespace spikemix
