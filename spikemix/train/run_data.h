// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "spikemix/config/config.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

/// The data that a run trains on, chooses its best epoch by, and is tested on.
struct RunData {
  std::shared_ptr<const Dataset> train, validation, test;  // validation: null if data.validation is 0

  /// The split that each epoch is measured on.
  const std::shared_ptr<const Dataset>& choosing() const { return validation ? validation : test; }
  /// Its name: "validation" or "test".
  const char* best_on() const { return validation ? "validation" : "test"; }
};

/// Both splits of data.dir, with pictures fitted to the model's size (and cached, data/fitted.h).
/// @throws InputError naming the key, the file and the byte
RunData open_run_data(const Config& config, const OpenListener& listener);

/// The config with the settings that depend on the data, and the meanings of "0" and "", filled in.
/// @throws InputError naming the key that does not fit the data
Config resolved(Config config, const RunData& data);

}  // namespace spikemix
