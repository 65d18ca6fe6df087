// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "spikemix/config/data_config.h"
#include "spikemix/data/dataset.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// Where to take images from for `model`: `data` if given, otherwise what its run folder (the model or the folder
/// around its best/ or last/) was trained on.
/// @param skip_bad  data.skip_bad; negative: the run's, or 0
/// @throws InputError if neither says
DataConfig data_of_model(const std::filesystem::path& model, const std::string& data, const std::string& format,
                         int64_t skip_bad = -1);

/// Opens a split and reports on standard error which samples were left out, repeated or damaged.
std::shared_ptr<const Dataset> open_and_tell(const DataConfig& source, Split split);

/// @throws InputError if the data's classes are not the model's
void check_classes(const ModelCard& card, const Dataset& data, const std::string& model, const std::string& dir);

/// Reports on standard error that a recording comes from another sensor than the one that the model learned from.
/// Silent if a size is unknown. For a data set: reports the first that is larger, or that all are smaller.
void note_other_sensor(const ModelCard& card, const std::string& name, SensorSize own);
void note_other_sensor(const ModelCard& card, const Dataset& data);

}  // namespace spikemix
