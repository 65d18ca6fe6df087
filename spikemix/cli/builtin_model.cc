#include "spikemix/cli/builtin_model.h"

#include <cstddef>
#include <span>

// cmake/builtin_model.S.in: the bytes of the file.
extern "C" {
extern const std::byte spikemix_builtin_model_begin[], spikemix_builtin_model_end[];
}

namespace spikemix {

std::shared_ptr<const Network> load_model(const std::string& model, Precision precision) {
  if (!model.empty()) return load_network(model, precision);
  const std::span bytes(spikemix_builtin_model_begin, spikemix_builtin_model_end);
  return load_network(bytes, "the built-in model", precision);
}

}  // namespace spikemix
