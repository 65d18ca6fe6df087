// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/engine/packed_network.h"
#include "spikemix/engine/session.h"
#include "spikemix/engine/team.h"
#include "spikemix/engine/workspace.h"

namespace spikemix {

/// The observers of a pass; null pointers: nobody.
struct Watch {
  const Session::Observer* observer = nullptr;
  const Session::PotentialObserver* potentials = nullptr;
  const Session::CountObserver* counts = nullptr;
  const Session::SignedObserver* signed_spikes = nullptr;
  std::vector<LayerProfile>* profile = nullptr;  // one for each part of each layer, in order, and one for the head
};

/// Runs one input through the network, w.T steps at once; every member of a team calls it with its share. Adds the sums
/// of the features to w.feature_sums and w.T to w.steps.
///
/// @param input  [C, H, W], or [w.T, C, H, W] of event frames
void forward(const PackedNetwork& network, const float* input, Workspace& w, const Share& share, const Watch& watch);

/// Logits [classes] of the steps so far.
void classify(const PackedNetwork& network, const Workspace& w, float* logits);

/// The layers of a pass, in order, with everything that does not depend on the input.
std::vector<LayerProfile> describe_layers(const PackedNetwork& network);

}  // namespace spikemix
