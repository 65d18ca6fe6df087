#pragma once

#include <memory>
#include <string_view>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// `images` of the data set: the same share of each class (rounded to whole images by largest remainder), the first
/// ones of each, in the data set's order. 0: all of it. `key` names the setting in errors.
/// @throws InputError if there are fewer
std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> dataset, int64_t images, std::string_view key);

/// A data set in two, each in its order.
struct Divided {
  std::shared_ptr<const Dataset> learned, validation;
};

/// `share` of the data set goes to validation: the same share of each class (rounded as subset() does), drawn by `seed`
/// alone, whatever machine or rank draws.
/// @throws InputError naming data.validation, if one of the two would be empty
Divided divide(const std::shared_ptr<const Dataset>& dataset, double share, uint64_t seed);

}  // namespace spikemix
