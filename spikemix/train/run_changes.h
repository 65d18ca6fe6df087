// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/train/run_folder.h"

namespace spikemix {

/// The config that a run continues with: the recorded `config` with key=value changes. Few keys may change:
/// train.epochs, and those that change no bit. With another number of epochs the run continues from the epoch that it
/// has reached as a run of that many does: from there the learning rate follows the longer (or shorter) cosine.
/// @throws InputError for any other key, for fewer epochs than have begun, and for a run that is done
Config with_changes(Config config, const std::vector<std::string>& changes, const RunFolder& folder);

}  // namespace spikemix
