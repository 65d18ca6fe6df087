// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <hwy/aligned_allocator.h>

#include "spikemix/engine/buffers.h"
#include "spikemix/engine/packed_network.h"
#include "spikemix/kernels/spike_product/spike_lists.h"

namespace spikemix {

inline int64_t round_up_to(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// The buffers of one image on its way through a network. Allocated once, for the worst case; the system never commits
/// memory that no spike touches.
struct Workspace {
  /// @param T        time steps that run at once: the network's, or 1 when streaming
  /// @param members  threads that work on the image together
  /// @throws InputError before anything is allocated, if it would be more than max_bytes
  Workspace(const PackedNetwork& network, int64_t T, int64_t members, bool keep_potentials, int64_t max_bytes);

  /// Bytes that a layer needs while it runs, besides its input and output: its scratch, and one member's own buffers.
  static int64_t layer_bytes(const PackedNetwork& network, const Buffers& buffers, size_t layer, int64_t T);

  /// Resets every neuron to rest.
  void forget_potentials();
  /// The next step becomes the first that feature_sums counts.
  void forget_sums();

  template <class X>
  X* at(const Buffer& buffer) {
    return reinterpret_cast<X*>(memory.get() + buffer.offset);
  }

  /// Buffers of a single thread.
  struct Member {
    SpikeLists lists;
    std::vector<float> mixer_scratch, mixer_term;
    std::vector<int32_t> key_value;  // attention: [d, d]
    std::vector<int32_t> attended;   // [d], or [channels] for attentions that sum over tokens
  };

  int64_t T;
  int64_t bytes = 0;  // of all buffers below
  Buffers buffers;
  hwy::AlignedFreeUniquePtr<std::byte[]> memory;
  std::vector<Member> members;
  /// For each part of each layer with neurons, in the order of the pass: [rows, 64 * n]; empty unless kept.
  struct Potentials {
    float rest;
    std::vector<float> values;
  };
  std::vector<Potentials> potentials;
  /// Sums of the features over tokens and the steps so far, [channels]: exact for counts.
  std::vector<double> feature_sums;
  int64_t steps = 0;

 private:
  struct MemberSizes;
  static MemberSizes member_sizes(const PackedNetwork& network, size_t layer, int64_t T);
};

}  // namespace spikemix
