// SPDX-License-Identifier: MIT
#include "spikemix/cli/model_data.h"

#include <algorithm>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/talk.h"
#include "spikemix/config/config_json.h"
#include "spikemix/data/damaged.h"
#include "spikemix/data/event_input.h"
#include "spikemix/data/report.h"

namespace spikemix {
namespace {

// A model's run: the folder itself, or that of RUN/best/model.safetensors.
std::filesystem::path run_folder_of(const std::filesystem::path& model) {
  if (std::filesystem::is_directory(model)) return model;
  return std::filesystem::absolute(model).parent_path().parent_path();
}

}  // namespace

DataConfig data_of_model(const std::filesystem::path& model, const std::string& data, const std::string& format,
                         int64_t skip_bad) {
  DataConfig source;
  check_format(format);
  source.dir = data, source.format = format, source.skip_bad = std::max<int64_t>(0, skip_bad);
  if (!data.empty()) return source;
  if (is_builtin(model.string())) throw input_error("the built-in model: does not bring its data; give --data DIR");
  const std::filesystem::path record = run_folder_of(model) / "config.json";
  if (std::filesystem::exists(record)) {
    const nlohmann::json json = parse_json(read_file(record), record.string() + ":");
    if (json.is_object() && json.contains("config")) {
      source = config_from_json(json["config"], record.string()).data;
      if (skip_bad >= 0) source.skip_bad = skip_bad;
      return source;
    }
  }
  throw input_error("{}: does not say what it was trained on; give --data DIR", model.string());
}

std::shared_ptr<const Dataset> open_and_tell(const DataConfig& source, Split split) {
  std::shared_ptr<const Dataset> data = open_dataset(source, split, opening_printer());
  tell_damaged(*data, split, opening_printer());
  tell(data->report(), source.dir, opening_printer().note);
  return data;
}

void check_classes(const ModelCard& card, const Dataset& data, const std::string& model, const std::string& dir) {
  if (card.classes == data.classes()) return;
  if (card.classes.empty() && int64_t(data.classes().size()) == card.model.classes) return;
  if (card.classes.size() != data.classes().size()) {
    throw input_error("{}: has {} classes, {} has {}", model, card.model.classes, dir, data.classes().size());
  }
  for (size_t i = 0; i < card.classes.size(); ++i) {
    if (card.classes[i] != data.classes()[i]) {
      throw input_error("{}: its class {} is '{}', in {} it is '{}'", model, i, card.classes[i], dir,
                        data.classes()[i]);
    }
  }
}

void note_other_sensor(const ModelCard& card, const std::string& name, SensorSize own) {
  const SensorSize model = model_sensor(card.frames);
  if (!model.known() || !own.known() || own == model) return;
  const SensorSize frames = frame_sensor(card.frames, {.sensor = model, .own = own});
  const std::string result = frames == model ? "taken as its upper left part"
                                             : fmt::format("frames are made for {} x {}", frames.width, frames.height);
  say("{}: {} x {} pixels, the model learned from {} x {}: {}", name, own.width, own.height, model.width, model.height,
      result);
}

void note_other_sensor(const ModelCard& card, const Dataset& data) {
  if (!data.holds_events()) return;
  const SensorSize model = model_sensor(card.frames);
  int64_t larger = 0;
  SensorSize beyond, largest;  // the first that is larger than the model's; the largest of those stated
  std::string name;
  for (int64_t i = 0; i < data.size(); ++i) {
    const RecordingInfo recording = data.recording(i);
    const SensorSize own = recording.own;
    if ((own.width > model.width || own.height > model.height) && larger++ == 0) beyond = own, name = data.source(i);
    if (!recording.says) continue;
    largest = {std::max(largest.width, own.width), std::max(largest.height, own.height)};
  }
  if (larger == 0) return note_other_sensor(card, data.source(0), largest);
  if (larger > 1) name += fmt::format(" (and {} more of {})", larger - 1, data.size());
  note_other_sensor(card, name, beyond);
}

}  // namespace spikemix
