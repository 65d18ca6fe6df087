// SPDX-License-Identifier: MIT
// A PyTorch checkpoint from a stranger: its tensors can all be read, or it is refused.
#include "checkpoint.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return spikemix::read_checkpoint(spikemix::fuzz_bytes(data, size));
}
