#pragma once

#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/data/facts.h"
#include "spikemix/train/process_group.h"
#include "spikemix/train/run_data.h"

namespace spikemix {

/// Versions of the program, and every key of what was asked for.
Facts facts_of(const Config& asked);
/// Counts, classes, and hashes of labels, sources and some samples, of what is left of both splits.
Facts facts_of(const RunData& data);

/// Throws on every rank, with the same text, if one has other facts than the rest.
/// @throws InputError naming the ranks that differ from most (of two: from rank 0), and in what
void agree(ProcessGroup& ranks, const Facts& own);

/// That text; empty if all are alike. One entry for each rank.
std::string disagreement(const std::vector<Facts>& ranks, const std::vector<std::string>& hosts);

}  // namespace spikemix
