// SPDX-License-Identifier: MIT
// A picture of any format: it has pixels of the size that it claims, or it is refused.
#include <cstdlib>

#include "fuzz.h"
#include "spikemix/base/exceptions.h"
#include "spikemix/data/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const spikemix::Image image = spikemix::decode_image({data, size}, "picture");
    if (int64_t(image.pixels.size()) != image.height * image.width * image.channels) std::abort();
  } catch (const spikemix::InputError&) {
  }
  return 0;
}
