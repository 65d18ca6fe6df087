// SPDX-License-Identifier: MIT
#include "spikemix/engine/tensor_reader.h"

#include <cmath>
#include <cstring>
#include <set>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/base/problems.h"
#include "spikemix/formats/floats.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

template <class T>
std::vector<int16_t> read_as(const TensorView& view) {
  std::vector<int16_t> values(view.data.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, view.data.data() + i * sizeof(T), sizeof(T));
    values[i] = value;
  }
  return values;
}

bool is_integer(const TensorView& view) { return view.dtype == DType::I8 || view.dtype == DType::I16; }

}  // namespace

TensorReader::TensorReader(const std::string& where, const SafeTensors& file, const std::vector<TensorSpec>& expected)
    : where_(where), file_(file) {
  std::vector<std::string> problems, names;
  std::set<std::string> known;
  const auto check_shape = [&](const std::string& name, const TensorView& view, const std::vector<int64_t>& shape) {
    if (view.shape != shape)
      problems.push_back(
          fmt::format("tensor '{}' is [{}], expected [{}]", name, fmt::join(view.shape, ", "), fmt::join(shape, ", ")));
  };
  for (const TensorSpec& spec : expected) {
    names.push_back(spec.name), known.insert(spec.name);
    const TensorView* tensor = file.find(spec.name);
    if (!tensor) {
      problems.push_back(fmt::format("tensor '{}' is missing", spec.name));
      continue;
    }
    check_shape(spec.name, *tensor, spec.shape);
    if (spec.integers && is_integer(*tensor)) {
      const std::string unit = unit_name(spec.name);
      known.insert(unit);
      const TensorView* units = file.find(unit);
      if (!units)
        problems.push_back(fmt::format("tensor '{}' is missing", unit));
      else if (units->dtype != DType::F32)
        problems.push_back(fmt::format("tensor '{}' is {}, expected F32", unit, name_of(units->dtype)));
      else
        check_shape(unit, *units, {spec.shape[0]});
    } else if (!is_float(tensor->dtype) && spec.kind != TensorSpec::Kind::kCounter) {
      problems.push_back(
          fmt::format("tensor '{}' is {}, expected F32, F64, F16 or BF16", spec.name, name_of(tensor->dtype)));
    }
  }
  for (const std::string& name : file.names()) {
    if (known.contains(name) || is_published_but_unused(name)) continue;
    // Each suggestion costs a search, which the problems that are only counted do not need.
    const std::string near = problems.size() < kListedProblems ? nearest(name, names) : "";
    problems.push_back(
        fmt::format("tensor '{}' is unknown{}", name, near.empty() ? "" : fmt::format(" (nearest: '{}')", near)));
  }
  if (!problems.empty()) throw input_error("{}: {}", where_, list_of(problems));
}

const TensorView& TensorReader::view(const std::string& name) const { return *file_.find(name); }

bool TensorReader::is_quantized(const std::string& name) const { return is_integer(view(name)); }

int TensorReader::integer_bits(const std::string& name) const { return view(name).dtype == DType::I8 ? 8 : 16; }

std::vector<float> TensorReader::floats(const std::string& name) const {
  const TensorView& tensor = view(name);
  std::vector<float> values = to_floats(tensor);
  file_.release(tensor);  // only the packed copy is kept
  for (const float v : values) {
    if (!std::isfinite(v)) throw input_error("{}: tensor '{}' holds a value that is not finite", where_, name);
  }
  return values;
}

std::vector<int16_t> TensorReader::integers(const std::string& name) const {
  const TensorView& tensor = view(name);
  std::vector<int16_t> values = tensor.dtype == DType::I8 ? read_as<int8_t>(tensor) : read_as<int16_t>(tensor);
  file_.release(tensor);
  const int lowest = tensor.dtype == DType::I8 ? INT8_MIN : INT16_MIN;
  for (const int16_t v : values) {
    if (v == lowest) throw input_error("{}: tensor '{}' holds {}, expected at least {}", where_, name, v, lowest + 1);
  }
  return values;
}

}  // namespace spikemix
