// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include "spikemix/base/exceptions.h"
#include "spikemix/formats/pth.h"

namespace spikemix {

/// Reads a PyTorch checkpoint and every byte of its tensors, or it is refused. Returns what a target of libFuzzer does.
inline int read_checkpoint(std::span<const std::byte> bytes) {
  try {
    const auto file = PthFile::parse(bytes, "model.pth");
    unsigned sum = 0;
    for (const auto& tensor : file.tensors()) {
      for (const std::byte byte : tensor.tensor.data) sum += unsigned(byte);
    }
    if (sum == 1u << 31) return -1;  // so that the bytes are read
  } catch (const InputError&) {
  }
  return 0;
}

}  // namespace spikemix
