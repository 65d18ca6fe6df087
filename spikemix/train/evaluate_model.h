// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/data/evaluate.h"
#include "spikemix/nn/modules/model.h"
#include "spikemix/train/process_group.h"

namespace spikemix {

/// Accuracy, loss and speed of `model` on all of `data`; leaves the model in evaluation mode.
/// @param on_batch receives the number of images done after each batch; may be empty
/// @param ranks    share the data and get one result; null: this process alone
EvalResult evaluate_model(SpikingTransformer& model, const ModelCard& card, std::shared_ptr<const Dataset> data,
                          int64_t batch, int64_t loader_threads, const std::function<void(int64_t done)>& on_batch = {},
                          ProcessGroup* ranks = nullptr);

}  // namespace spikemix
