#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/formats/safetensors.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// The tensors that a model's config asks for, out of a file that nobody trusts: all names, shapes and types are
/// checked when it is made, all values when they are read.
class TensorReader {
 public:
  /// @param expected  tensors_of() the network
  /// @throws InputError naming the file and every tensor that is missing, unknown or of the wrong shape or type
  TensorReader(const std::string& where, const SafeTensors& file, const std::vector<TensorSpec>& expected);

  /// Integer weights (`name` is I8 or I16, and `name`_unit is there), as `spikemix export` writes them?
  bool is_quantized(const std::string& name) const;
  /// Bits that its integers have: 8 or 16.
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
