// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "spikemix/data/dataset.h"
#include "spikemix/formats/model_card.h"
#include "spikemix/nn/modules/model.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// Weights that a training starts from, instead of those that the model drew (nn/modules/initial_weights.h). Both kinds
/// are as in KellerJordan/cifar10-airbench.

/// train.identity_start: in each 3x3 convolution that reads spikes or potentials (except depthwise ones), output i
/// becomes a copy of input i, for all i that both have: 1 in the middle of the kernel. The other outputs are unchanged.
void start_as_identities(SpikingTransformer& model);

/// Filters that whiten their input: v / sqrt(lambda + 5e-4) for the eigenvectors v of the patches' covariance with the
/// largest eigenvalues lambda, then the same filters negated. The largest entry of a v is positive.
///
/// @param patches  [n, inputs]: sums[i] and products[i, j] over n patches
/// @param outputs  the number of filters available: min(inputs, outputs / 2) eigenvectors are taken
/// @returns [2 x that many, inputs] in double
torch::Tensor whitening_filters(int64_t n, const torch::Tensor& sums, const torch::Tensor& products, int64_t outputs);

/// train.whiten: the first filters of the first layer become whitening_filters() of what the layer sees of the training
/// images, normalised and not augmented: the first 4,096 images of 32 x 32 (as many pixels for other sizes), with
/// equally many of each class. Windows that extend past the picture are left out. Depends only on the data and the
/// config.
///
/// @param state  Learner::state(): the model and its average
void whiten(const NamedTensors& state, const Plan& plan, const ModelCard& card,
            const std::shared_ptr<const Dataset>& images, int64_t threads);

}  // namespace spikemix
