// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace spikemix {

struct ScalingOptions {
  std::string recipe;  // empty: the published network for CIFAR-10
  std::vector<std::string> overrides;
  std::vector<std::string> mixers;          // empty: kScalingMixers
  std::vector<int64_t> tokens;              // empty: kScalingTokens
  int64_t embed_dim = 0, heads = 0, T = 0;  // 0: the recipe's
  double density = 0.15, seconds = 0.3;
  std::string precision, csv, plot;
  int64_t threads = 1;
  bool json = false;
};

/// The flags that need `scaling`, the option --scaling.
void add_scaling_options(CLI::App& command, CLI::Option* scaling, ScalingOptions& options);

/// `spikemix bench --scaling [RECIPE]`: time and memory of mixers and of whole models over the number of tokens, each
/// with the power law that fits.
void bench_scaling(const ScalingOptions& options);

}  // namespace spikemix
