// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string_view>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// The first `images` of the data set: the same share of each class (rounded to whole images by largest remainder),
/// taken from the start of each, in the data set's order. 0: all of it. `key` names the setting in errors.
/// @throws InputError if there are fewer
std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> dataset, int64_t images, std::string_view key);

/// A data set divided in two, each part in the original order.
struct Divided {
  std::shared_ptr<const Dataset> learned, validation;
};

/// Moves `share` of the data set to validation: the same share of each class (rounded as subset() does), drawn only by
/// `seed`, independent of machine and rank.
/// @throws InputError naming data.validation, if one of the two would be empty
Divided divide(const std::shared_ptr<const Dataset>& dataset, double share, uint64_t seed);

}  // namespace spikemix
