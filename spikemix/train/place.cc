#include "spikemix/train/place.h"

#include "spikemix/core/error.h"
#include "spikemix/core/json.h"
#include "spikemix/core/safetensors.h"

namespace spikemix {
namespace {

// No run is anywhere else: such a place is damage, and would ruin the weights.
void check(const Place& place, const std::string& where) {
  constexpr double kMost = 1e15;
  const auto expect = [&](const char* what, auto value, double least, double most) {
    if (!(double(value) >= least && double(value) <= most))
      throw input_error("{}: its {} is {}, expected {} to {}: damaged? Put a copy of it back, or train anew", where,
                        what, value, least, most);
  };
  expect("epoch", place.epoch, 0, kMost);
  expect("step", place.step, 0, kMost);
  expect("metrics_size", place.metrics_size, 0, kMost);
  expect("best_epoch", place.best_epoch, -1, kMost);
  expect("peak_memory", place.peak_memory, 0, kMost);
  expect("loss_sum", place.loss_sum, -kMost, kMost);
  for (const double seconds : {place.epoch_seconds, place.total_seconds, place.test_seconds})
    expect("seconds", seconds, 0, kMost);
  for (const double top1 : {place.best_top1, place.last_top1}) expect("top-1", top1, -1, 100);
  expect("test_images_per_second", place.test_images_per_second, 0, kMost);
}

}  // namespace

Place place_of(const std::map<std::string, std::string>& metadata, const std::string& where) {
  Place place;
  try {
    nlohmann::json json = parse_json(metadata.at("place"), where + ":");
    // Numbers that are no integers become some by conversion, which check() cannot see any more.
    for (const char* key : {"epoch", "step", "metrics_size", "best_epoch", "peak_memory"}) {
      const nlohmann::json& value = json.at(key);
      if (!value.is_number_integer() || value.get<double>() >= 0x1p63) throw InputError(key);
    }
    if (json.is_object()) json.emplace("test_seconds", 0.0);  // not in states of earlier versions
    place = json.get<Place>();
  } catch (const std::exception&) {
    throw input_error("{}: does not say where the run stands", where);
  }
  check(place, where);
  return place;
}

Place read_place(const std::filesystem::path& state) {
  if (!std::filesystem::exists(state)) return {};
  return place_of(SafeTensors::open(state).metadata(), state.string());
}

}  // namespace spikemix
