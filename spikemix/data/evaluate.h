// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/loader.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

struct EvalResult {
  int64_t images = 0;
  double top1 = 0, top5 = 0;  // percent
  double loss = 0;            // cross entropy, no smoothing
  double images_per_second = 0;
  std::vector<int32_t> answers;  // the class given to each image, in the data's order; ties: the first
};

/// The card of a model that `config` trains on `train`, before it has learned anything.
ModelCard card_of(const Config& config, const Dataset& train);

/// The loader options for a model's images (size, channels, normalisation) or recordings (frames): no augmentation.
LoaderOptions test_loader_options(const ModelCard& card, int64_t batch, int64_t threads);

/// The loader options with which `config` trains that model: shuffled, augmented, whole batches only.
LoaderOptions train_loader_options(const ModelCard& card, const Config& config);

/// Logits of a batch, row-major [B, classes].
using Classifier = std::function<std::vector<float>(const Batch&)>;

/// Replaces values by their sums over all ranks.
using SumOfRanks = std::function<void(std::span<double> values)>;

/// Accuracy, loss and speed of a classifier on all of `data`.
/// @param on_batch receives the number of images done after each batch; may be empty
/// @param sum      for ranks that share the batches (LoaderOptions): gives each rank the result of all
EvalResult evaluate(std::shared_ptr<const Dataset> data, const LoaderOptions& options, const Classifier& classifier,
                    const std::function<void(int64_t done)>& on_batch = {}, const SumOfRanks& sum = {});

}  // namespace spikemix
