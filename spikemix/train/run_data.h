#pragma once

#include <memory>

#include "spikemix/config/config.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

/// What a run learns from, chooses its best epoch by, and is tested on.
struct RunData {
  std::shared_ptr<const Dataset> train, validation, test;  // validation: null if data.validation is 0

  /// What each epoch is measured on.
  const std::shared_ptr<const Dataset>& choosing() const { return validation ? validation : test; }
  /// Its name: "validation" or "test".
  const char* best_on() const { return validation ? "validation" : "test"; }
};

/// Both splits of data.dir, pictures fitted to the model's size (and cached, data/fitted.h).
/// @throws InputError naming the key, the file and the byte
RunData open_run_data(const Config& config, const OpenListener& listener);

/// The config with what the data decides, and what "0" and "" stand for, written out.
/// @throws InputError naming the key that does not fit the data
Config resolved(Config config, const RunData& data);

}  // namespace spikemix
