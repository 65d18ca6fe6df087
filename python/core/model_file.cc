// SPDX-License-Identifier: MIT
#include "model_file.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/ranges.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include "calls.h"
#include "spikemix/base/error.h"
#include "spikemix/engine/tensor_reader.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/model/model.h"

namespace spikemix::python {
namespace {

using Given = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

// Integer weights as the values that they stand for: unit x integer, for each output.
std::vector<float> weights_of(const TensorReader& reader, const TensorSpec& spec) {
  if (!spec.integers || !reader.is_quantized(spec.name)) return reader.floats(spec.name);
  const std::vector<int16_t> integers = reader.integers(spec.name);
  const std::vector<float> units = reader.floats(unit_name(spec.name));
  std::vector<float> values(integers.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = units[i / (values.size() / units.size())] * float(integers[i]);
  return values;
}

using Tensors = nb::typed<nb::dict, nb::str, nb::ndarray<nb::numpy>>;

std::tuple<std::string, Tensors> read_model(const std::filesystem::path& path) {
  std::string card;
  std::vector<TensorSpec> specs;
  std::vector<std::vector<float>> floats;
  std::vector<int64_t> counters;
  {
    const nb::gil_scoped_release release;
    const std::filesystem::path file = model_file_of(path);
    const ModelCard read = read_model_card(file);
    card = read.to_text();
    const SafeTensors tensors = SafeTensors::open(file);
    specs = tensors_of(make_plan(read.model, read.neuron));
    const TensorReader reader(file.string(), tensors, specs);
    for (const TensorSpec& spec : specs) {
      const bool counter = spec.kind == TensorSpec::Kind::kCounter;
      floats.push_back(counter ? std::vector<float>() : weights_of(reader, spec));
      int64_t count = 0;
      const TensorView& view = *tensors.find(spec.name);
      if (counter && view.dtype == DType::I64 && view.data.size() == sizeof(count))
        std::memcpy(&count, view.data.data(), sizeof(count));
      counters.push_back(count);
    }
  }
  nb::dict result;
  for (size_t i = 0; i < specs.size(); ++i) {
    const char* const name = specs[i].name.c_str();
    if (specs[i].kind == TensorSpec::Kind::kCounter)
      result[name] = array_of(std::vector{counters[i]}, {});
    else
      result[name] = array_of(std::move(floats[i]), {specs[i].shape.begin(), specs[i].shape.end()});
  }
  return {card, result};
}

void write_model(const std::filesystem::path& path, const std::string& card_text,
                 const std::map<std::string, Given>& tensors) {
  const nb::gil_scoped_release release;
  check_model_name(path);
  const ModelCard card = ModelCard::from_text(card_text, "the model's card");
  std::vector<NamedTensor> named;
  for (const TensorSpec& spec : tensors_of(make_plan(card.model, card.neuron))) {
    const auto found = tensors.find(spec.name);
    if (found == tensors.end()) throw input_error("tensor '{}' is missing", spec.name);
    const Given& tensor = found->second;
    const std::vector<int64_t> shape(tensor.shape_ptr(), tensor.shape_ptr() + tensor.ndim());
    const bool counter = spec.kind == TensorSpec::Kind::kCounter;
    if (shape != spec.shape || tensor.dtype() != (counter ? nb::dtype<int64_t>() : nb::dtype<float>()))
      throw input_error("tensor '{}' is [{}], expected {} [{}]", spec.name, fmt::join(shape, ", "),
                        counter ? "int64" : "float32", fmt::join(spec.shape, ", "));
    const std::span data(static_cast<const std::byte*>(tensor.data()), tensor.nbytes());
    named.push_back({spec.name, {counter ? DType::I64 : DType::F32, shape, data}});
  }
  write_safetensors(path, named, {{"format", "pt"}, {"spikemix", card.to_text()}});
}

}  // namespace

void bind_model_file(nb::module_& m) {
  m.def("read_model", &read_model, nb::arg("path"),
        "The card (JSON text) and the tensors of a model file or folder; integer weights as floats.");
  m.def(
      "check_model_folder", [](const std::filesystem::path& folder) { check_model_folder(folder); }, nb::arg("folder"),
      "Refuses a folder that is a run or lies in one.");
  m.def("write_model", &write_model, nb::arg("path"), nb::arg("card"), nb::arg("tensors"),
        "A model file, which appears whole or not at all.");
}

}  // namespace spikemix::python
