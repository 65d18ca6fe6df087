// SPDX-License-Identifier: MIT
// A model file from a stranger: it is refused with an InputError, or it loads and runs one image.
#include <vector>

#include "fuzz.h"
#include "spikemix/base/exceptions.h"
#include "spikemix/engine/session.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const auto precision : {spikemix::Precision::kFp32, spikemix::Precision::kInt8}) {
    try {
      const auto network = spikemix::load_network(spikemix::fuzz_bytes(data, size), "model.safetensors", precision);
      spikemix::Session session(network, {.max_image_bytes = 1 << 24});
      if (session.input_size() > 1 << 16) return 0;  // valid, and slow
      const std::vector<float> input(size_t(session.input_size()), 0.5f);
      std::vector<float> logits(size_t(network->card.model.classes));
      session.infer(1, input.data(), logits.data());
    } catch (const spikemix::InputError&) {
    }
  }
  return 0;
}
