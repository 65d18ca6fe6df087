#pragma once

#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// Something that two sides must have alike: {"training images", "400"}.
struct Fact {
  std::string what, value;
};
using Facts = std::vector<Fact>;

/// What identifies a data set: its count, and hashes of its labels, its sources and some samples.
/// @param split  as facts name it: "training", "validation" or "test"
Facts facts_of(const Dataset& data, const std::string& split);

/// Those of its contents: without where they lie, which may change.
Facts facts_of_contents(const Dataset& data, const std::string& split);

}  // namespace spikemix
