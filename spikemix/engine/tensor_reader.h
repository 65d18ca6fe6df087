// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/formats/safetensors.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// The tensors that a model's config requires, from a file that is not trusted: the constructor checks all names,
/// shapes and types, and reading checks all values.
class TensorReader {
 public:
  /// @param expected  tensors_of() the network
  /// @throws InputError naming the file and every tensor that is missing, unknown or of the wrong shape or type
  TensorReader(const std::string& where, const SafeTensors& file, const std::vector<TensorSpec>& expected);

  /// Are these integer weights as `spikemix export` writes them (`name` is I8 or I16, and `name`_unit exists)?
  bool is_quantized(const std::string& name) const;
  /// Bits of its integers: 8 or 16.
  int integer_bits(const std::string& name) const;

  /// @throws InputError if a value is not finite
  std::vector<float> floats(const std::string& name) const;
  std::vector<int16_t> integers(const std::string& name) const;

  const std::string& where() const { return where_; }

 private:
  const TensorView& view(const std::string& name) const;

  std::string where_;
  const SafeTensors& file_;
};

}  // namespace spikemix
