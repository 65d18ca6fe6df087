#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "spikemix/engine/packed_network.h"

namespace spikemix {

/// How the engine holds a value: spikes as bits, [parts, T, rows, words]; counts as bytes, [T, rows, 64 words], zero
/// behind the last channel; real numbers as floats, [parts, T, rows, channels]. What is still has one step.
enum class Form { kBits, kBytes, kFloats };
Form form_of(const Range& range);
/// Bytes of one step and part.
int64_t step_bytes(Form form, int64_t rows, int64_t channels);
/// Bit planes of a value's counts; 1 for spikes.
int64_t planes_of(const Range& range);

/// Does a layer have nothing but a sum to make of what it reads and merges?
bool is_sum_alone(const LayerPlan& layer);
/// The first convolution of event frames, which goes from pixel to pixel (frame_convolution.h).
bool is_of_frames(const Plan& plan, const LayerPlan& layer);

/// A place in a workspace's memory; bytes 0: none.
struct Buffer {
  int64_t offset = 0, bytes = 0;
};

/// What a layer needs while it runs, besides what it reads and writes.
struct LayerBuffers {
  Buffer made;          // in its own form, before it is merged
  Buffer sums;          // floats in front of norm or neurons, [T, rows, channels]
  Buffer unpacked;      // what it reads, as floats
  Buffer groups;        // of channels of what it reads, each as a value of its own
  Buffer sampled;       // every n-th pixel of what it reads
  Buffer gates;         // bits of attention's neurons
  Buffer index, begin;  // PixelLists
  Buffer marks;         // of event frames, [T, height, words of width]

  int64_t bytes() const {
    const std::array all = {&made, &sums, &unpacked, &groups, &sampled, &gates, &index, &begin, &marks};
    static_assert(sizeof(LayerBuffers) == all.size() * sizeof(Buffer), "a buffer that bytes() does not count");
    int64_t sum = 0;
    for (const Buffer* buffer : all) sum += buffer->bytes;
    return sum;
  }
};

/// Places in one piece of memory, so that what is not needed at the same time may share it. A sum takes the place of
/// the value that it is added to, where nobody reads that any more.
struct Buffers {
  std::vector<Buffer> values;        // beside Plan::values; none for the input
  std::vector<LayerBuffers> layers;  // beside Plan::layers
  int64_t bytes = 0;                 // of all
};

/// @param T  time steps that pass at once
Buffers place_buffers(const PackedNetwork& network, int64_t T);

}  // namespace spikemix
