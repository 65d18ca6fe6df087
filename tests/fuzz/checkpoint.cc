// SPDX-License-Identifier: MIT
// A PyTorch checkpoint from a stranger: its tensors can all be read, or it is refused.
#include "fuzz.h"
#include "spikemix/base/exceptions.h"
#include "spikemix/formats/pth.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto file = spikemix::PthFile::parse(spikemix::fuzz_bytes(data, size), "model.pth");
    unsigned sum = 0;
    for (const auto& tensor : file.tensors()) {
      for (const std::byte byte : tensor.tensor.data) sum += unsigned(byte);
    }
    if (sum == 1u << 31) return -1;  // so that the bytes are read
  } catch (const spikemix::InputError&) {
  }
  return 0;
}
