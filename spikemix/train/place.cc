#include "spikemix/train/place.h"

#include "spikemix/core/error.h"
#include "spikemix/core/safetensors.h"

namespace spikemix {

Place place_of(const std::map<std::string, std::string>& metadata, const std::string& where) {
  try {
    return nlohmann::json::parse(metadata.at("place")).get<Place>();
  } catch (const std::exception&) {
    throw input_error("{}: does not say where the run stands", where);
  }
}

Place read_place(const std::filesystem::path& state) {
  if (!std::filesystem::exists(state)) return {};
  return place_of(SafeTensors::open(state).metadata(), state.string());
}

}  // namespace spikemix
