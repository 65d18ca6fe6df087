// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/data/facts.h"
#include "spikemix/train/process_group.h"
#include "spikemix/train/run_data.h"

namespace spikemix {

/// The program's versions, and every key of the settings that were asked for.
Facts facts_of(const Config& asked);
/// Counts, classes, and hashes of labels, sources and some samples, for the parts of both splits that are used.
Facts facts_of(const RunData& data);

/// Throws on every rank, with the same text, if one rank has other facts than the rest.
/// @throws InputError naming the ranks that differ from the majority (or from rank 0, if there are two), and in what
void agree(ProcessGroup& ranks, const Facts& own);

/// That text; empty if all ranks agree. One entry for each rank.
std::string disagreement(const std::vector<Facts>& ranks, const std::vector<std::string>& hosts);

}  // namespace spikemix
