#pragma once

#include <memory>
#include <string>

#include "spikemix/config/data_config.h"
#include "spikemix/data/dataset.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The images that a command measures a model on.
struct SplitChoice {
  std::string split = "test";  // "test", or "validation" or "train": as they were divided in the model's training
  int64_t images = 0;          // of them, as subset() chooses; 0: all
};

/// Opens them for `model`, a run folder or a model file, whose card is `card`. "train" of a run with validation images
/// is what it learned from.
/// @param source  where the data are
/// @throws InputError if it is unknown how the training images were divided (a run or model without validation images),
/// or if those of `source` are not the run's
std::shared_ptr<const Dataset> open_split(const SplitChoice& choice, const std::string& model, const ModelCard& card,
                                          const DataConfig& source);

}  // namespace spikemix
