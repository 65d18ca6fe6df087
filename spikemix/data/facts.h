// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// A fact that two sides must agree on: {"training images", "400"}.
struct Fact {
  std::string what, value;
};
using Facts = std::vector<Fact>;

/// The facts that identify a data set: its count, and hashes of its labels, its sources and some samples.
/// @param split  as in the facts' names: "training", "validation" or "test"
Facts facts_of(const Dataset& data, const std::string& split);

/// Is the fact about the data's contents? The others are about their paths, which may change.
bool is_of_contents(const Fact& fact);

/// Only the facts about its contents.
Facts facts_of_contents(const Dataset& data, const std::string& split);

}  // namespace spikemix
