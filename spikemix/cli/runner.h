// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "spikemix/data/loader.h"
#include "spikemix/engine/network.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// How the user wants a model to run; add_runner_options() adds the flags to a command.
struct RunnerOptions {
  std::string model;  // file or run folder; empty or "builtin": the built-in one
  std::string engine = "spikemix", precision, device = "cpu";
  int64_t threads = 0;
};
void add_runner_options(CLI::App& command, RunnerOptions& options);

/// A trained model that classifies, on the event-driven engine or under LibTorch.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual const ModelCard& card() const = 0;
  /// Logits of `batch`, row-major [B, classes].
  virtual std::vector<float> logits(const Batch& batch) = 0;
  /// "spikemix int8", "torch fp32": for display.
  virtual std::string name() const = 0;
};

/// @throws InputError naming the flag or the file
std::unique_ptr<Runner> make_runner(const RunnerOptions& options);

/// The network that --engine spikemix runs. @throws InputError naming the flag or the file
std::shared_ptr<const Network> load_network_of(const RunnerOptions& options);

/// The bounds of --batch: those of train.batch.
CLI::Validator batch_bounds();
/// @throws InputError for a batch far larger than the data: a mistake, or wasted memory
void check_batch(int64_t batch, int64_t images);

/// `threads`, or one for each core if 0. @throws InputError if negative
int64_t thread_count(int64_t threads);

}  // namespace spikemix
