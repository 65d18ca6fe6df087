// SPDX-License-Identifier: MIT
#include "spikemix/formats/floats.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace spikemix {
namespace {

template <class T, class Convert>
std::vector<float> read_as(const TensorView& tensor, const Convert& convert) {
  std::vector<float> values(tensor.data.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, tensor.data.data() + i * sizeof(T), sizeof(T));
    values[i] = convert(value);
  }
  return values;
}

float from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
  const float sign = bits >> 15 ? -1.0f : 1.0f;
  if (exponent == 0) return sign * std::ldexp(float(mantissa), -24);
  if (exponent == 31) return mantissa ? std::numeric_limits<float>::quiet_NaN() : sign * INFINITY;
  return sign * std::ldexp(float(mantissa + 1024), exponent - 25);
}

}  // namespace

bool is_float(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

std::vector<float> to_floats(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::F64:
      return read_as<double>(tensor, [](double v) { return float(v); });
    case DType::F16:
      return read_as<uint16_t>(tensor, from_half);
    case DType::BF16:
      return read_as<uint16_t>(tensor, [](uint16_t v) { return std::bit_cast<float>(uint32_t(v) << 16); });
    case DType::F32:
      return read_as<float>(tensor, [](float v) { return v; });
    default:
      throw std::logic_error("a tensor of integers");
  }
}

}  // namespace spikemix
