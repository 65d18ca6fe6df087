// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "spikemix/config/data_config.h"
#include "spikemix/data/dataset.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The images that a command measures a model on.
struct SplitChoice {
  std::string split = "test";  // "test", or "validation" or "train", as divided in the model's training
  int64_t images = 0;          // how many of them, chosen by subset(); 0: all
};

/// Opens them for `model`, a run folder or a model file, whose card is `card`. For a run with validation images,
/// "train" is the part that it learned from.
/// @param source  where the data are
/// @throws InputError if it is unknown how the training images were divided (a run or model without validation images),
/// or if those in `source` are not the run's
std::shared_ptr<const Dataset> open_split(const SplitChoice& choice, const std::string& model, const ModelCard& card,
                                          const DataConfig& source);

}  // namespace spikemix
