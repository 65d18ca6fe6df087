#include "spikemix/engine/pass.h"

#include <algorithm>
#include <bit>
#include <chrono>

#include <fmt/format.h>

#include "spikemix/core/clock.h"
#include "spikemix/engine/attention.h"
#include "spikemix/kernels/spike_product/frame_convolution.h"
#include "spikemix/kernels/spikes/max_pool.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

class Pass {
 public:
  Pass(const Network& network, Workspace& workspace, const Share& share, const Watch& watch)
      : net_(network),
        w_(workspace),
        mine_(workspace.members[size_t(share.member())]),
        share_(share),
        watch_(watch),
        T_(workspace.T),
        N_(network.tokens()),
        D_(network.channels()),
        words_(spike_words(D_)),
        last_(Clock::now()) {}

  void run(const float* input) {
    stem(input);
    for (const NetworkBlock& block : net_.blocks) {
      if (block.mixing)
        mix(*block.mixing);
      else
        attention(*block.attention, block.max_input);
      mlp(block);
    }
    sum_tokens();
  }

 private:
  // What the neurons of the next layer write to; rows [first, ..) of `rows`.
  NeuronState neurons(const LifParams& lif, int64_t out, int64_t rows, int64_t first, uint64_t* bits) const {
    const int64_t row_words = spike_words(out), stride = round_up_to(out, 64);
    float* potentials = nullptr;
    if (!w_.potentials.empty()) potentials = const_cast<float*>(w_.potentials[layer_].data()) + first * stride;
    return {.lif = lif,
            .T = T_,
            .potentials = potentials,
            .potentials_stride = stride,
            .spikes = bits + first * row_words,
            .row_words = row_words,
            .step_words = rows * row_words};
  }

  // Everybody's spikes of this layer are there: show and time them, then go on to the next layer.
  void layer_done(const std::string& name, int64_t rows, int64_t channels, uint64_t* bits) {
    share_.wait();
    if (watch_.observer && share_.member() == 0) (*watch_.observer)(name, T_, rows, channels, bits);
    if (watch_.observer) share_.wait();
    layer_timed();
    ++layer_;
  }
  void layer_timed() {
    if (!watch_.profile) return;
    const Clock::time_point now = Clock::now();
    LayerProfile& profile = (*watch_.profile)[layer_];
    profile.seconds += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  void count(double inputs, double additions) {
    if (!watch_.profile) return;
    LayerProfile& profile = (*watch_.profile)[layer_];
    profile.inputs += inputs, profile.additions += additions;
  }

  void stem(const float* input) {
    const StemLayer& first = net_.stem[0];
    first_convolution(first, input);
    uint64_t* bits = pool(first, w_.map_bits.data());
    for (size_t i = 1; i < net_.stem.size(); ++i) {
      const StemLayer& layer = net_.stem[i];
      convolution(layer.map, layer.height, layer.width, layer.C, bits, w_.map_bits.data());
      bits = pool(layer, w_.map_bits.data());
    }
    // The stem's spikes, and behind them those of the relative position: the residual stream begins.
    const auto [begin, end] = share_.of(T_ * N_);
    std::fill(w_.counts.begin() + begin * 64 * words_, w_.counts.begin() + end * 64 * words_, uint8_t{0});
    add(bits, begin, end);
    convolution(net_.relative_position, net_.card.model.token_rows(), net_.card.model.token_columns(), D_, bits,
                w_.spikes.data());
    add(w_.spikes.data(), begin, end);
    share_.wait();
  }

  void add(const uint64_t* bits, int64_t begin, int64_t end) {
    add_spikes(end - begin, words_, bits + begin * words_, w_.counts.data() + begin * 64 * words_);
  }

  void first_convolution(const StemLayer& layer, const float* input) {
    if (net_.card.model.input == "events")
      convolution_of_frames(layer, {input, T_, layer.C, layer.height, layer.width});
    else
      convolution_of_image(layer, input);
    layer_done(layer.map.name, layer.height * layer.width, layer.map.weights.out, w_.map_bits.data());
  }

  // [T, C, H, W] of small counts, most of them zero.
  void convolution_of_frames(const StemLayer& layer, const Frames& frames) {
    const int64_t pixels = layer.height * layer.width;
    const auto [first, last] = share_.of(T_ * layer.height);
    mark_pixels(frames, first, last, w_.marks.data());
    share_.wait();
    const auto [begin, end] = share_.of(layer.height);
    frame_convolution(layer.map.weights, frames, w_.marks.data(), begin, end,
                      neurons(layer.map.lif, layer.map.weights.out, pixels, 0, w_.map_bits.data()));
    if (!watch_.profile) return;
    const int64_t marked = count_ones(int64_t(w_.marks.size()), w_.marks.data());
    count(double(T_ * pixels * layer.map.weights.in), double(marked * layer.map.weights.in));
  }

  // Real pixels, [C, H, W]: once for all steps.
  void convolution_of_image(const StemLayer& layer, const float* image) {
    const int64_t H = layer.height, W = layer.width, C = layer.C, pixels = H * W, in = 9 * C;
    const auto [begin, end] = share_.of(pixels);
    for (int64_t r0 = begin; r0 < end; r0 += Workspace::kPatchRows) {
      const int64_t rows = std::min(Workspace::kPatchRows, end - r0);
      float* out = mine_.patches.data();
      for (int64_t r = r0; r < r0 + rows; ++r) {
        const int64_t y = r / W, x = r % W;
        for (int64_t k = 0; k < 9; ++k) {
          const int64_t from_y = y + k / 3 - 1, from_x = x + k % 3 - 1;
          const bool inside = from_y >= 0 && from_y < H && from_x >= 0 && from_x < W;
          for (int64_t c = 0; c < C; ++c) *out++ = inside ? image[c * pixels + from_y * W + from_x] : 0;
        }
      }
      dense_product(layer.map.weights, mine_.patches.data(), rows,
                    neurons(layer.map.lif, layer.map.weights.out, pixels, r0, w_.map_bits.data()));
    }
    count(double(pixels * in), double(pixels * in));
  }

  void convolution(const SpikingMap& map, int64_t H, int64_t W, int64_t C, const uint64_t* in, uint64_t* out) {
    const int64_t pixels = H * W;
    const auto [first, last] = share_.of(T_ * H);
    list_pixels(last - first, W, C, in + first * W * spike_words(C), w_.pixel_index.data() + first * list_stride(W, C),
                w_.pixel_begin.data() + first * (W + 1));
    share_.wait();  // also: nobody reads `in` any more, which may be `out`
    const auto [begin, end] = share_.of(pixels);
    lists_of_neighbours(begin, end - begin, T_, {H, W, C, w_.pixel_index.data(), w_.pixel_begin.data()}, mine_.lists);
    product(map, end - begin, pixels, begin, out);
    layer_done(map.name, pixels, map.weights.out, out);
  }

  void product(const SpikingMap& map, int64_t rows, int64_t all_rows, int64_t first, uint64_t* out) {
    count(double(rows * T_ * map.weights.in), double(mine_.lists.spikes));
    spike_product(map.weights, mine_.lists, rows, neurons(map.lif, map.weights.out, all_rows, first, out));
  }

  // Returns where the spikes are.
  uint64_t* pool(const StemLayer& layer, uint64_t* bits) {
    if (!layer.pool) return bits;
    const PoolShape shape{layer.height, layer.width, layer.map.weights.out};
    uint64_t* const pooled = w_.pooled_bits.data();
    const auto [begin, end] = share_.of(T_ * shape.out_H());
    spike_max_pool(shape, begin, end, bits, pooled);
    share_.wait();
    return pooled;
  }

  void mix(const MixingLayer& layer) {
    // Each step (or all together, for a mixer over time) is one member's.
    const bool time = layer.mixer->mixes_time();
    const int64_t samples = time ? 1 : T_, values = time ? T_ * N_ * D_ : N_ * D_;
    const auto [first, last] = share_.of(samples);
    for (int64_t s = first; s < last; ++s) {
      float *x = w_.mixer_in.data() + s * values, *y = w_.mixer_out.data() + s * values;
      for (int64_t row = 0; row < values / D_; ++row)
        unpack_counts(0, D_, w_.counts.data() + (s * (values / D_) + row) * 64 * words_, x + row * D_);
      if (layer.coefficients.empty()) {
        layer.mixer->forward(0, x, y, mine_.mixer_scratch.data());
        continue;
      }
      std::fill_n(y, values, 0.0f);
      for (size_t k = 0; k < layer.coefficients.size(); ++k) {
        layer.mixer->forward(int64_t(k), x, mine_.mixer_term.data(), mine_.mixer_scratch.data());
        for (int64_t i = 0; i < values; ++i) y[i] += layer.coefficients[k] * mine_.mixer_term[size_t(i)];
      }
    }
    share_.wait();
    const auto [begin, end] = share_.of(N_);
    neuron_spikes_of(layer.norm, layer.lif, begin, end, w_.spikes.data());
    layer_done(layer.name, N_, D_, w_.spikes.data());
    add_all(w_.spikes.data());
  }

  // Neurons on mixer_out, [T, N, D]: rows [begin, end).
  void neuron_spikes_of(const PackedWeights& norm, const LifParams& lif, int64_t begin, int64_t end, uint64_t* out) {
    const NeuronState state = neurons(lif, D_, N_, begin, out);
    neuron_spikes(norm, w_.mixer_out.data() + begin * D_, end - begin, N_ * D_, D_, state);
  }

  // The tokens of this member, at every step.
  template <class Body>
  void for_my_tokens(const Body& body) {
    const auto [begin, end] = share_.of(N_);
    for (int64_t t = 0; t < T_; ++t) body(t * N_ + begin, t * N_ + end);
  }
  void add_all(const uint64_t* bits) {
    for_my_tokens([&](int64_t begin, int64_t end) { add(bits, begin, end); });
  }

  void list_counts(int64_t max_input) {
    const auto [begin, end] = share_.of(N_);
    lists_of_counts(end - begin, T_, D_, w_.counts.data() + begin * 64 * words_, N_ * 64 * words_,
                    std::bit_width(uint64_t(max_input)), mine_.lists);
  }
  void list_spikes(int64_t channels, const uint64_t* bits) {
    const auto [begin, end] = share_.of(N_);
    const int64_t words = spike_words(channels);
    lists_of_spikes(end - begin, T_, channels, bits + begin * words, N_ * words, mine_.lists);
  }
  void token_product(const SpikingMap& map, uint64_t* out) {
    const auto [begin, end] = share_.of(N_);
    product(map, end - begin, N_, begin, out);
    layer_done(map.name, N_, map.weights.out, out);
  }

  void attention(const AttentionLayer& layer, int64_t max_input) {
    list_counts(max_input);
    token_product(layer.q, w_.q.data());
    token_product(layer.k, w_.k.data());
    token_product(layer.v, w_.v.data());
    const auto [first, last] = share_.of(layer.heads);
    for (int64_t t = 0; t < T_; ++t) {
      const int64_t at = t * N_ * words_;
      attend(N_, layer.heads, D_ / layer.heads, first, last, w_.q.data() + at, w_.k.data() + at, w_.v.data() + at,
             mine_, w_.mixer_out.data() + t * N_ * D_);
    }
    share_.wait();
    const auto [begin, end] = share_.of(N_);
    neuron_spikes_of(layer.norm, layer.lif, begin, end, w_.spikes.data());
    layer_done(layer.name, N_, D_, w_.spikes.data());
    list_spikes(D_, w_.spikes.data());
    token_product(layer.projection, w_.q.data());
    add_all(w_.q.data());
  }

  void mlp(const NetworkBlock& block) {
    list_counts(block.max_input + 1);
    token_product(block.fc1, w_.hidden.data());
    list_spikes(block.fc1.weights.out, w_.hidden.data());
    token_product(block.fc2, w_.spikes.data());
    add_all(w_.spikes.data());
    share_.wait();  // the next mixer reads every token
  }

  void sum_tokens() {
    const auto [begin, end] = share_.of(D_);
    for (int64_t row = 0; row < T_ * N_; ++row) {
      const uint8_t* counts = w_.counts.data() + row * 64 * words_;
      for (int64_t c = begin; c < end; ++c) w_.token_sums[size_t(c)] += counts[c];
    }
    if (share_.member() == 0) w_.steps += T_;
    share_.wait();
    layer_timed();
  }

  const Network& net_;
  Workspace& w_;
  Workspace::Member& mine_;
  const Share& share_;
  const Watch& watch_;
  const int64_t T_, N_, D_, words_;
  size_t layer_ = 0;
  Clock::time_point last_;
};

std::string kernel_name(const PackedWeights& weights) {
  switch (weights.type) {
    case WeightType::kF32:
      return "spike lists, fp32";
    case WeightType::kU16:
      return fmt::format("spike lists, int16 x {}", weights.panels[0].rows);
    case WeightType::kU8:
      return fmt::format("spike lists, int8 x {}", weights.panels[0].rows);
  }
  return "";
}

}  // namespace

void forward(const Network& network, const float* input, Workspace& w, const Share& share, const Watch& watch) {
  Pass(network, w, share, watch).run(input);
}

void classify(const Network& network, const Workspace& w, float* logits) {
  const int64_t D = network.channels();
  const double values = double(network.tokens() * w.steps);
  for (size_t c = 0; c < network.head_bias.size(); ++c) {
    double sum = network.head_bias[c];
    const float* row = network.head_weight.data() + int64_t(c) * D;
    for (int64_t d = 0; d < D; ++d) sum += row[d] * (double(w.token_sums[size_t(d)]) / values);
    logits[c] = float(sum);
  }
}

std::vector<LayerProfile> describe_layers(const Network& network) {
  std::vector<LayerProfile> layers;
  for_layers(network, [&](const NetworkLayer& layer) {
    if (layer.weights) {
      layers.push_back({.name = layer.name,
                        .kernel = kernel_name(*layer.weights),
                        .dense_macs = double(layer.rows * layer.weights->in * layer.channels)});
    } else {
      layers.push_back(
          {.name = layer.name, .kernel = layer.attention ? "q (k' v) of spikes" : "linear transform, fp32"});
    }
  });
  layers[0].kernel =
      network.card.model.input == "events" ? "pixels with events, fp32" : "dense fp32, once for all steps";
  layers.push_back({.name = "mean over tokens, head", .kernel = "integer sums"});
  return layers;
}

}  // namespace spikemix
