// SPDX-License-Identifier: MIT
#include "spikemix/engine/buffers.h"

#include <algorithm>
#include <bit>

#include "spikemix/kernels/spike_product/byte_product.h"
#include "spikemix/kernels/spike_product/spike_lists.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {

Form form_of(const Range& range) {
  return range.is_real() ? Form::kFloats : range.is_spikes() ? Form::kBits : Form::kBytes;
}

int64_t step_bytes(Form form, int64_t rows, int64_t channels) {
  switch (form) {
    case Form::kBits:
      return rows * spike_words(channels) * 8;
    case Form::kBytes:
      return rows * spike_words(channels) * 64;
    case Form::kFloats:
      return rows * channels * 4;
  }
  return 0;
}

int64_t planes_of(const Range& range) { return std::bit_width(uint64_t(range.largest())); }

int64_t bordered_line(const ValuePlan& from) { return (from.width + 2) * byte_stride(from.channels) + 64; }

bool is_sum_alone(const LayerPlan& layer) {
  return layer.map == Map::kNone && !layer.has_norm() && !layer.neurons && layer.position.empty();
}

bool is_of_frames(const Plan& plan, const LayerPlan& layer) {
  const Window& w = layer.window;
  return layer.map == Map::kConvolution && layer.reads == 0 && !plan.input().still && w.kernel == 3 && w.stride == 1 &&
         w.padding == 1 && !w.depthwise;
}

namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kSlack = 64;  // vectors read this many bytes past the last row

class Placer {
 public:
  Placer(const PackedNetwork& network, int64_t T) : network_(network), plan_(network.plan), T_(T) {}

  Buffers place() {
    buffers_.values.resize(plan_.values.size());
    buffers_.layers.resize(plan_.layers.size());
    find_last_readers();
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      now_ = int64_t(i);
      std::erase_if(taken_, [&](const Taken& t) { return t.last < now_; });
      const LayerPlan& layer = plan_.layers[i];
      add_scratch(layer, buffers_.layers[i]);
      if (network_.layers[i].parts[0].weights.dense) add_bytes(layer, buffers_.layers[i].byte_input);
      add_value(layer);
    }
    return std::move(buffers_);
  }

 private:
  struct Taken {
    Buffer* buffer;
    int64_t last;  // the last layer that uses it
  };

  int64_t bordered_pixels(const LayerPlan& layer) const {
    const ValuePlan& from = value(layer.reads);
    return (from.height + 2 * layer.window.padding) * (from.width + 2 * layer.window.padding);
  }
  const ValuePlan& value(int64_t index) const { return plan_.values[size_t(index)]; }
  int64_t steps(const ValuePlan& v) const { return v.still ? 1 : T_; }

  void find_last_readers() {
    last_.assign(plan_.values.size(), -1);
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      for (const int64_t v : {plan_.layers[i].reads, plan_.layers[i].merges, plan_.layers[i].writes}) {
        if (v >= 0) last_[size_t(v)] = int64_t(i);
      }
    }
    last_[size_t(plan_.features)] = int64_t(plan_.layers.size());
  }

  // The first gap that is large enough.
  void add(Buffer& buffer, int64_t bytes, int64_t last) {
    if (bytes == 0) return;
    buffer.bytes = (bytes + kSlack + kAlignment - 1) / kAlignment * kAlignment;
    std::sort(taken_.begin(), taken_.end(),
              [](const Taken& a, const Taken& b) { return a.buffer->offset < b.buffer->offset; });
    buffer.offset = 0;
    for (const Taken& t : taken_) {
      if (buffer.offset + buffer.bytes <= t.buffer->offset) break;
      buffer.offset = std::max(buffer.offset, t.buffer->offset + t.buffer->bytes);
    }
    taken_.push_back({&buffer, last});
    buffers_.bytes = std::max(buffers_.bytes, buffer.offset + buffer.bytes);
  }
  void add(Buffer& buffer, int64_t bytes) { add(buffer, bytes, now_); }

  bool in_place(const LayerPlan& layer) const {
    if (layer.merge == Merge::kNone || layer.merges == 0 || layer.merges == layer.reads) return false;
    const ValuePlan &from = value(layer.merges), &to = value(layer.writes);
    return form_of(from.range) == form_of(to.range) && from.still == to.still && last_[size_t(layer.merges)] == now_;
  }

  void add_value(const LayerPlan& layer) {
    const ValuePlan& to = value(layer.writes);
    Buffer& buffer = buffers_.values[size_t(layer.writes)];
    const int64_t last = last_[size_t(layer.writes)];
    if (!in_place(layer))
      return add(buffer, to.parts * steps(to) * step_bytes(form_of(to.range), to.rows(), to.channels), last);
    Buffer& old = buffers_.values[size_t(layer.merges)];
    buffer = old;
    for (Taken& t : taken_) {
      if (t.buffer == &old) t = {&buffer, last};
    }
  }

  void add_scratch(const LayerPlan& layer, LayerBuffers& scratch) {
    const ValuePlan &from = value(layer.reads), &to = value(layer.writes);
    const bool real = from.range.is_real(), sum_alone = is_sum_alone(layer);
    const NeuronGrid grid = neuron_grid(plan_, layer);
    if (layer.merge != Merge::kNone && !sum_alone && (layer.neurons || layer.map == Map::kMaxPool)) {
      const int64_t T = layer.neurons ? T_ : steps(from);
      add(scratch.made, T * step_bytes(form_of(layer.makes), to.rows(), to.channels));
    }
    if (needs_sums(layer, from)) add(scratch.sums, steps(from) * step_bytes(Form::kFloats, grid.rows, grid.channels));
    const bool reads_floats = layer.map == Map::kTransform || layer.map == Map::kGated || layer.window.depthwise ||
                              layer.map == Map::kTokenMean || (layer.map == Map::kNone && !sum_alone);
    if (!real && reads_floats)
      add(scratch.unpacked, steps(from) * step_bytes(Form::kFloats, from.rows(), from.channels));
    if (layer.map == Map::kAttention && layer.attention != Attention::kSsa)
      add(scratch.gates, T_ * step_bytes(Form::kBits, grid.rows, grid.channels));
    if (is_of_frames(plan_, layer)) add(scratch.marks, T_ * from.height * spike_words(from.width) * 8);
    const int64_t group = from.channels / layer.groups;
    if (layer.groups > 1) add(scratch.groups, layer.groups * T_ * step_bytes(form_of(from.range), from.rows(), group));
    if (layer.map != Map::kConvolution || layer.window.depthwise) return;
    if (real) {
      if (!is_of_frames(plan_, layer)) add(scratch.bordered, steps(from) * 4 * from.channels * bordered_pixels(layer));
      return;
    }
    if (layer.window.kernel == 3) {
      const int64_t rows = planes_of(from.range) * T_ * from.height * layer.groups;
      add(scratch.index, rows * list_stride(from.width, group) * 2);
      add(scratch.begin, rows * (from.width + 1) * 4);
    } else if (layer.window.stride > 1) {
      add(scratch.sampled, T_ * step_bytes(form_of(from.range), to.rows(), from.channels));
    }
  }

  void add_bytes(const LayerPlan& layer, Buffer& bytes) {
    const ValuePlan& from = value(layer.reads);
    if (layer.map == Map::kConvolution && layer.window.kernel == 3)
      add(bytes, T_ * (from.height + 2) * bordered_line(from));
    else if (from.range.is_spikes())
      add(bytes, T_ * step_bytes(Form::kBytes, value(layer.writes).rows(), from.channels));
  }

  bool needs_sums(const LayerPlan& layer, const ValuePlan& from) const {
    switch (layer.map) {
      case Map::kTransform:
      case Map::kGated:
      case Map::kAttention:
        return true;
      case Map::kConvolution:
      case Map::kLinear:
        if (layer.window.depthwise || layer.groups > 1) return true;
        // Otherwise a product's neurons fire as soon as its sums are complete.
        return layer.neurons &&
               (!layer.position.empty() || (from.range.is_real() && !from.still && !is_of_frames(plan_, layer)));
      case Map::kNone:
        return layer.neurons && !layer.position.empty();
      default:
        return false;
    }
  }

  const PackedNetwork& network_;
  const Plan& plan_;
  const int64_t T_;
  Buffers buffers_;
  std::vector<int64_t> last_;
  std::vector<Taken> taken_;
  int64_t now_ = 0;
};

}  // namespace

Buffers place_buffers(const PackedNetwork& network, int64_t T) { return Placer(network, T).place(); }

}  // namespace spikemix
