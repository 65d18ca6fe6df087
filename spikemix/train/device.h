// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "spikemix/train/launch.h"

namespace spikemix {

/// The device that train.device names, ready for use: "cpu" or "cuda:N", as torch::Device takes it. On a GPU this
/// restricts LibTorch, for the whole process, to operations that repeat to the bit, and to fp32 without TF32.
/// @param launch  with several ranks, "cuda" means for each the GPU with its local rank's number
/// @throws InputError if the device is not available
std::string open_device(const std::string& name, const Launch& launch = {});

/// Waits until an open device has finished its work; the CPU always has.
void finish(const std::string& device);

/// Peak memory so far, in bytes: what LibTorch holds of a GPU's memory, or the whole process on the CPU.
int64_t peak_memory(const std::string& device);
/// From now on, peaks are measured from here.
void forget_peak_memory(const std::string& device);

/// Bytes that are free on an open device.
int64_t available_memory(const std::string& device);

}  // namespace spikemix
