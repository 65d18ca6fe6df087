// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "spikemix/engine/packed_network.h"

namespace spikemix {

/// How the engine stores a value: spikes as bits, [parts, T, rows, words]; counts as bytes, [T, rows, 64 words], with
/// zeros after the last channel; real numbers as floats, [parts, T, rows, channels]. Still values have one step.
enum class Form { kBits, kBytes, kFloats };
Form form_of(const Range& range);
/// Bytes of one step and part.
int64_t step_bytes(Form form, int64_t rows, int64_t channels);
/// Bit planes of a value's counts; 1 for spikes.
int64_t planes_of(const Range& range);

/// Bytes of a line of pixels with a border of one, each byte_stride() long, and room for what copying writes after it.
int64_t bordered_line(const ValuePlan& from);

/// Does the layer do nothing but add what it reads to what it merges with?
bool is_sum_alone(const LayerPlan& layer);
/// Is the layer the first convolution of event frames, which visits only pixels with events (frame_convolution.h)?
bool is_of_frames(const Plan& plan, const LayerPlan& layer);

/// A place in a workspace's memory; bytes 0: none.
struct Buffer {
  int64_t offset = 0, bytes = 0;
};

/// What a layer needs while it runs, besides its input and output.
struct LayerBuffers {
  Buffer made;          // the output in its own form, before the merge
  Buffer sums;          // floats before norm or neurons, [T, rows, channels]
  Buffer unpacked;      // the input, as floats
  Buffer groups;        // groups of the input's channels, each as a value of its own
  Buffer sampled;       // every n-th pixel of the input
  Buffer gates;         // bits of attention's neurons
  Buffer index, begin;  // PixelLists
  Buffer marks;         // for event frames, [T, height, words of width]
  Buffer bordered;      // the input as floats with a border of zeros, [steps, rows, columns, channels]
  Buffer byte_input;    // the input for byte_product(): [T, rows, 64 words], or [T, height + 2] bordered_line()s

  int64_t bytes() const {
    const std::array all = {&made,  &sums,  &unpacked, &groups,   &sampled,   &gates,
                            &index, &begin, &marks,    &bordered, &byte_input};
    static_assert(sizeof(LayerBuffers) == all.size() * sizeof(Buffer), "a buffer that bytes() does not count");
    int64_t sum = 0;
    for (const Buffer* buffer : all) sum += buffer->bytes;
    return sum;
  }
};

/// Places in one piece of memory, in which buffers that are not needed at the same time overlap. A sum takes the place
/// of the value that it is added to, if nobody reads that value any more.
struct Buffers {
  std::vector<Buffer> values;        // parallel to Plan::values; none for the input
  std::vector<LayerBuffers> layers;  // parallel to Plan::layers
  int64_t bytes = 0;                 // in all
};

/// @param T  time steps that run at once
Buffers place_buffers(const PackedNetwork& network, int64_t T);

}  // namespace spikemix
