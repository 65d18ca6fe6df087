// SPDX-License-Identifier: MIT
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <torch/library.h>

#include "spikemix/formats/pth.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/nn/torch.h"

// The file readers and the writer as operators, to compare with the safetensors package and torch.save.
namespace spikemix {
namespace {

using Named = std::tuple<std::vector<std::string>, std::vector<torch::Tensor>>;

// In the order of DType.
constexpr c10::ScalarType kTypes[] = {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16,
                                      torch::kInt64,   torch::kInt32,   torch::kInt16,   torch::kInt8,
                                      torch::kUInt8,   torch::kBool};

torch::Tensor copy(const TensorView& view) {
  torch::Tensor tensor = torch::empty(view.shape, kTypes[size_t(view.dtype)]);
  if (!view.data.empty()) std::memcpy(tensor.data_ptr(), view.data.data(), view.data.size());
  return tensor;
}

Named load_safetensors(const std::string& path) {
  const SafeTensors file = SafeTensors::open(path);
  Named result;
  for (const std::string& name : file.names()) {
    std::get<0>(result).push_back(name);
    std::get<1>(result).push_back(copy(*file.find(name)));
  }
  return result;
}

// Alternating keys and values.
std::vector<std::string> safetensors_metadata(const std::string& path) {
  std::vector<std::string> result;
  const SafeTensors file = SafeTensors::open(path);
  for (const auto& [key, value] : file.metadata()) result.insert(result.end(), {key, value});
  return result;
}

void save_safetensors(const std::string& path, const std::vector<std::string>& names,
                      const std::vector<torch::Tensor>& tensors, const std::string& config) {
  std::vector<NamedTensor> named;
  for (size_t i = 0; i < names.size(); ++i) {
    TORCH_CHECK(tensors[i].is_contiguous(), names[i], " has gaps");
    const auto type = std::ranges::find(kTypes, tensors[i].scalar_type());
    named.push_back({names[i],
                     {DType(type - std::begin(kTypes)),
                      tensors[i].sizes().vec(),
                      {static_cast<const std::byte*>(tensors[i].const_data_ptr()), tensors[i].nbytes()}}});
  }
  write_safetensors(path, named, {{"format", "pt"}, {"spikemix", config}});
}

Named load_pth(const std::string& path) {
  const PthFile file = PthFile::open(path);
  Named result;
  for (const NamedTensor& tensor : file.tensors()) {
    std::get<0>(result).push_back(tensor.name);
    std::get<1>(result).push_back(copy(tensor.tensor));
  }
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(spikemix_test, library) {
  library.def("load_safetensors(str path) -> (str[], Tensor[])", load_safetensors);
  library.def("safetensors_metadata(str path) -> str[]", safetensors_metadata);
  library.def("save_safetensors(str path, str[] names, Tensor[] tensors, str config) -> ()", save_safetensors);
  library.def("load_pth(str path) -> (str[], Tensor[])", load_pth);
}

}  // namespace spikemix
