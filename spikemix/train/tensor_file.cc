// SPDX-License-Identifier: MIT
#include "spikemix/train/tensor_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/hash.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix {
namespace {

constexpr std::array<std::pair<DType, torch::ScalarType>, 10> kTypes = {{{DType::F64, torch::kFloat64},
                                                                         {DType::F32, torch::kFloat32},
                                                                         {DType::F16, torch::kFloat16},
                                                                         {DType::BF16, torch::kBFloat16},
                                                                         {DType::I64, torch::kInt64},
                                                                         {DType::I32, torch::kInt32},
                                                                         {DType::I16, torch::kInt16},
                                                                         {DType::I8, torch::kInt8},
                                                                         {DType::U8, torch::kUInt8},
                                                                         {DType::BOOL, torch::kBool}}};
const std::string kHashKey = "spikemix_hash";  // in the metadata

DType to_dtype(torch::ScalarType type) {
  const auto entry = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return pair.second == type; });
  if (entry == kTypes.end()) throw std::logic_error("a tensor of a type that safetensors does not have");
  return entry->first;
}

torch::ScalarType to_scalar_type(DType type) {
  return std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return pair.first == type; })->second;
}

// Over everything in a file but the hash itself, independent of order.
std::string hash_of(NamedTensors on_cpu, const std::map<std::string, std::string>& metadata) {
  Hash hash;
  for (const auto& [key, value] : metadata) {
    if (key != kHashKey) hash.add(key).add(value);
  }
  std::ranges::sort(on_cpu, {}, [](const auto& named) -> const std::string& { return named.first; });
  for (const auto& [name, t] : on_cpu)
    hash.add(name).add({static_cast<const std::byte*>(t.const_data_ptr()), size_t(t.nbytes())});
  return hash.text();
}

}  // namespace

void write_tensors(const std::filesystem::path& file, const NamedTensors& tensors,
                   std::map<std::string, std::string> metadata, bool with_hash) {
  NamedTensors on_cpu;  // keeps copies alive until they are written
  std::vector<NamedTensor> views;
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor& t = on_cpu.emplace_back(name, tensor.detach().to(torch::kCPU).contiguous()).second;
    views.push_back({name,
                     {to_dtype(t.scalar_type()),
                      t.sizes().vec(),
                      {static_cast<const std::byte*>(t.const_data_ptr()), size_t(t.nbytes())}}});
  }
  if (with_hash) metadata[kHashKey] = hash_of(on_cpu, metadata);
  write_safetensors(file, views, metadata);
}

NamedTensors tensors_in(const SafeTensors& file) {
  NamedTensors tensors;
  for (const std::string& name : file.names()) {
    const TensorView& view = *file.find(name);
    torch::Tensor tensor = torch::empty(view.shape, to_scalar_type(view.dtype));
    // copied: the tensors outlive the mapping, and a mapping need not be aligned
    std::memcpy(tensor.mutable_data_ptr(), view.data.data(), view.data.size());
    tensors.emplace_back(name, std::move(tensor));
  }
  return tensors;
}

TensorFile read_tensors(const std::filesystem::path& file) {
  const SafeTensors source = SafeTensors::open(file);
  TensorFile result{.tensors = tensors_in(source), .metadata = source.metadata()};
  const auto hash = result.metadata.find(kHashKey);
  if (hash != result.metadata.end() && hash->second != hash_of(result.tensors, result.metadata))
    throw input_error("{}: damaged: its contents do not have the hash {} that was written with them", file.string(),
                      hash->second);
  return result;
}

}  // namespace spikemix
