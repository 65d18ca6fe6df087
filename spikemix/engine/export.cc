// SPDX-License-Identifier: MIT
#include "spikemix/engine/export.h"

#include <list>
#include <span>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/engine/check_card.h"
#include "spikemix/engine/quantize.h"
#include "spikemix/engine/tensor_reader.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
namespace {

// The tensors of the new file, and the memory that holds them.
class Tensors {
 public:
  template <class T>
  void add(const std::string& name, DType dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    memory_.emplace_back(bytes.begin(), bytes.end());
    list_.push_back({name, {dtype, std::move(shape), memory_.back()}});
  }
  std::span<const NamedTensor> list() const { return list_; }

 private:
  std::list<std::vector<std::byte>> memory_;
  std::vector<NamedTensor> list_;
};

}  // namespace

void export_model(const std::filesystem::path& from, const std::filesystem::path& to, Precision precision,
                  const std::set<std::string>& wide) {
  const std::filesystem::path file = model_file_of(from);
  const SafeTensors tensors = SafeTensors::open(file);
  const ModelCard card = read_model_card(file);
  const std::vector<TensorSpec> specs = tensors_of(checked_plan(card, file.string()));
  const TensorReader reader(file.string(), tensors, specs);
  Tensors out;
  for (const TensorSpec& spec : specs) {
    if (spec.kind == TensorSpec::Kind::kCounter) {
      const TensorView& steps = *tensors.find(spec.name);
      out.add(spec.name, steps.dtype, spec.shape, std::vector<std::byte>(steps.data.begin(), steps.data.end()));
    } else if (!spec.integers) {
      out.add(spec.name, DType::F32, spec.shape, reader.floats(spec.name));
    } else if (reader.is_quantized(spec.name)) {
      throw input_error("{}: its weights are integers already; export the trained model", file.string());
    } else {
      const int64_t outputs = spec.shape[0], inputs = spec.values() / outputs;
      const std::vector<float> weights = reader.floats(spec.name);
      const QuantizedWeights q = quantize(precision, outputs, inputs, weights.data(),
                                          Range::whole(0, spec.largest_input), wide.contains(spec.layer));
      if (precision == Precision::kInt8)
        out.add(spec.name, DType::I8, spec.shape, std::vector<int8_t>(q.values.begin(), q.values.end()));
      else
        out.add(spec.name, DType::I16, spec.shape, q.values);
      out.add(unit_name(spec.name), DType::F32, {outputs}, q.unit);
    }
  }
  write_safetensors(to, out.list(), {{"format", "pt"}, {"spikemix", card.to_text()}});
}

}  // namespace spikemix
