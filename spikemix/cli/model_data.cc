#include "spikemix/cli/model_data.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "spikemix/core/error.h"
#include "spikemix/core/file.h"

namespace spikemix {

DataConfig data_of_model(const std::filesystem::path& model, const std::string& data, const std::string& format,
                         int64_t skip_bad) {
  DataConfig source;
  source.dir = data, source.format = format, source.skip_bad = std::max<int64_t>(0, skip_bad);
  if (!data.empty()) return source;
  const std::filesystem::path record = model / "config.json";
  if (std::filesystem::is_directory(model) && std::filesystem::exists(record)) {
    const nlohmann::json json = nlohmann::json::parse(read_file(record), nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("config")) {
      source = config_from_json(json["config"], record.string()).data;
      if (skip_bad >= 0) source.skip_bad = skip_bad;
      return source;
    }
  }
  throw input_error("{}: does not say what it was trained on; give --data DIR", model.string());
}

void check_classes(const ModelCard& card, const Dataset& data, const std::string& model, const std::string& dir) {
  if (card.classes == data.classes()) return;
  if (card.classes.empty() && int64_t(data.classes().size()) == card.model.classes) return;
  if (card.classes.size() != data.classes().size()) {
    throw input_error("{}: tells {} classes apart, {} holds {}", model, card.model.classes, dir, data.classes().size());
  }
  for (size_t i = 0; i < card.classes.size(); ++i) {
    if (card.classes[i] != data.classes()[i]) {
      throw input_error("{}: its class {} is '{}', in {} it is '{}'", model, i, card.classes[i], dir,
                        data.classes()[i]);
    }
  }
}

}  // namespace spikemix
