#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/engine/network.h"
#include "spikemix/kernels/spike_product/spike_lists.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {

inline int64_t round_up_to(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// The buffers of one image on its way through a network. Made once; sizes are for the worst case, but what no spike
/// touches is never committed by the system.
struct Workspace {
  /// @param T        time steps that pass at once: the network's, or 1 when streaming
  /// @param members  threads that work on the image together
  /// @throws InputError before anything is allocated, if it would be more than max_bytes
  Workspace(const Network& network, int64_t T, int64_t members, bool keep_potentials, int64_t max_bytes);

  /// The next step is the first one that token_sums counts.
  void forget_sums();

  /// What each thread has for itself.
  struct Member {
    SpikeLists lists;
    std::vector<float> patches;  // of an image's first convolution: [kPatchRows, 9 C]
    std::vector<float> mixer_scratch, mixer_term;
    std::vector<int32_t> key_value;  // attention: [d, d]
    std::vector<int32_t> attended;   // [d]
  };
  static constexpr int64_t kPatchRows = 64;

  int64_t T;
  std::vector<uint64_t> marks;                  // of event frames, [T, height, words of width]
  std::vector<uint64_t> map_bits, pooled_bits;  // spikes of the stem, [T, height, width, words]
  std::vector<uint16_t> pixel_index;            // PixelLists
  std::vector<uint32_t> pixel_begin;
  std::vector<uint8_t> counts;                    // the residual stream, [T, N, 64 words]
  std::vector<uint64_t> spikes, hidden, q, k, v;  // [T, N, words]
  std::vector<float> mixer_in, mixer_out;         // [T, N, D]
  std::vector<Member> members;
  /// [rows, 64 * n] for each layer, in the order of the pass; empty unless kept.
  std::vector<std::vector<float>> potentials;
  /// Sums of the residual stream over tokens and the steps so far, [D].
  std::vector<int64_t> token_sums;
  int64_t steps = 0;
};

}  // namespace spikemix
