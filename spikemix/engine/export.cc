#include "spikemix/engine/export.h"

#include <list>
#include <span>
#include <vector>

#include "spikemix/core/error.h"
#include "spikemix/core/model_file.h"
#include "spikemix/core/safetensors.h"
#include "spikemix/engine/check_card.h"
#include "spikemix/engine/network.h"
#include "spikemix/engine/quantize.h"
#include "spikemix/engine/tensor_reader.h"

namespace spikemix {
namespace {

// The tensors of the new file, and the memory that they lie in.
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

// "block.0.mlp.fc1_linear.weight" -> "block.0.mlp.fc1"; a convolution of the stem keeps its own name.
std::string layer_of(const std::string& weight) {
  std::string layer = weight.substr(0, weight.size() - std::string(".weight").size());
  for (const char* suffix : {"_linear", "_conv"}) {
    if (layer.starts_with("block.") && layer.ends_with(suffix)) layer.resize(layer.rfind('_'));
  }
  return layer;
}

}  // namespace

void export_model(const std::filesystem::path& from, const std::filesystem::path& to, Precision precision,
                  const std::set<std::string>& wide) {
  const std::filesystem::path file = model_file_of(from);
  const SafeTensors tensors = SafeTensors::open(file);
  const ModelCard card = read_model_card(file);
  check_card(card, file.string());
  const TensorReader reader(file.string(), tensors, card);
  Tensors out;
  for (const TensorSpec& spec : tensor_list(card.model, card.neuron)) {
    if (spec.name.ends_with("num_batches_tracked")) {
      const TensorView& steps = *tensors.find(spec.name);
      out.add(spec.name, steps.dtype, spec.shape, std::vector<std::byte>(steps.data.begin(), steps.data.end()));
    } else if (!may_be_integer(spec)) {
      out.add(spec.name, DType::F32, spec.shape, reader.floats(spec.name));
    } else if (reader.is_quantized(spec.name)) {
      throw input_error("{}: its weights are integers already; export the trained model", file.string());
    } else {
      const int64_t outputs = spec.shape[0], inputs = spec.values() / outputs;
      const std::vector<float> weights = reader.floats(spec.name);
      const QuantizedWeights q = quantize(precision, outputs, inputs, weights.data(), largest_input(spec.name),
                                          wide.contains(layer_of(spec.name)));
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
