#pragma once

#include <cstdint>
#include <string>

#include "spikemix/train/launch.h"

namespace spikemix {

/// The device that train.device names, ready for use: "cpu" or "cuda:N", as torch::Device takes it. On a GPU LibTorch
/// is told, for the whole process, to take only operations that repeat to the bit, and no TF32 for fp32.
/// @param launch  of several ranks, "cuda" is for each the GPU with its number on the machine
/// @throws InputError if it is not there
std::string open_device(const std::string& name, const Launch& launch = {});

/// Waits until an open device has done all that it was asked for; the CPU always has.
void finish(const std::string& device);

/// Bytes, the most that it was so far: of a GPU's memory, what LibTorch holds; of the CPU's, the whole process.
int64_t peak_memory(const std::string& device);
/// From now on the peak is that of what comes.
void forget_peak_memory(const std::string& device);

/// Bytes that are free on an open device now.
int64_t available_memory(const std::string& device);

}  // namespace spikemix
