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

/// Is it about what is in the data? The others are about where they lie, which may change.
bool is_of_contents(const Fact& fact);

/// Those of its contents.
Facts facts_of_contents(const Dataset& data, const std::string& split);

}  // namespace spikemix
