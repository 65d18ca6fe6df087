// SPDX-License-Identifier: MIT
// A recipe: its settings describe a network that can be planned, or it is refused.
#include <string>

#include "fuzz.h"
#include "spikemix/base/exceptions.h"
#include "spikemix/config/config.h"
#include "spikemix/model/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const spikemix::Config config =
        spikemix::parse_recipe(std::string(reinterpret_cast<const char*>(data), size), "recipe.toml");
    validate(config);
    spikemix::make_plan(config.model, config.neuron);
  } catch (const spikemix::InputError&) {
  }
  return 0;
}
