#pragma once

#include <memory>
#include <string_view>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// `images` of the data set: the same share of each class (rounded to whole images by largest remainder), the first
/// ones of each, in the data set's order. 0: all of it. `key` names the setting in errors.
/// @throws InputError if there are fewer
std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> dataset, int64_t images, std::string_view key);

}  // namespace spikemix
