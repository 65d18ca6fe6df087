// SPDX-License-Identifier: MIT
#include "spikemix/train/device.h"

#include <cstdlib>

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/cuda.h>

#include "spikemix/base/error.h"
#include "spikemix/base/process_memory.h"
#include "spikemix/nn/torch.h"

namespace spikemix {
namespace {

// LibTorch then refuses operations whose result depends on the order of threads, and makes cuBLAS and cuDNN choose
// deterministic ones. And fp32 stays fp32: cuDNN's convolutions would otherwise round their inputs to TF32's 10 bits.
void set_up_cuda() {
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // LibTorch asks for it: with it cuBLAS repeats
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);  // nothing here reads uninitialised memory
  context.setAllowTF32CuDNN(false);
}

torch::Device parsed(const std::string& name) {
  try {
    const torch::Device device(name);
    if (device.is_cpu() || device.is_cuda()) return device;
  } catch (const c10::Error&) {
  }
  throw input_error("device '{}': expected cpu, cuda or cuda:N", name);
}

}  // namespace

std::string open_device(const std::string& name, const Launch& launch) {
  const torch::Device device = parsed(name);
  if (device.is_cpu()) return "cpu";
  if (!at::Context::hasCUDART()) {
    throw input_error(
        "device '{}': this build's LibTorch has no CUDA; script/bootstrap takes another from SPIKEMIX_TORCH", name);
  }
  const int64_t count = torch::cuda::device_count();
  const int64_t index = device.has_index() ? device.index() : launch.local_rank;
  if (count == 0) throw input_error("device '{}': CUDA finds no GPU that it can use on this machine", name);
  if (index >= count) {
    throw input_error("device '{}': rank {} would use GPU {} (counted from 0), and this machine has {}", name,
                      launch.rank, index, count);
  }
  set_up_cuda();
  return "cuda:" + std::to_string(index);
}

void finish(const std::string& device) {
  if (const torch::Device d(device); d.is_cuda()) torch::cuda::synchronize(d.index());
}

int64_t peak_memory(const std::string& device) {
  const torch::Device d(device);
  if (d.is_cpu()) return peak_memory();
  constexpr auto kAll = size_t(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::getDeviceAllocator(d.type())->getDeviceStats(d.index()).reserved_bytes[kAll].peak;
}

void forget_peak_memory(const std::string& device) {
  const torch::Device d(device);
  if (d.is_cpu()) return forget_peak_memory();
  c10::getDeviceAllocator(d.type())->resetPeakStats(d.index());
}

int64_t available_memory(const std::string& device) {
  const torch::Device d(device);
  return d.is_cpu() ? available_memory() : int64_t(c10::getDeviceAllocator(d.type())->getMemoryInfo(d.index()).first);
}

}  // namespace spikemix
