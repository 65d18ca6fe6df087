// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "spikemix/engine/layer_pass.h"
#include "spikemix/kernels/depthwise/depthwise.h"
#include "spikemix/kernels/spike_product/byte_product.h"
#include "spikemix/kernels/spike_product/frame_convolution.h"
#include "spikemix/kernels/spikes/spikes.h"

// Maps with weights, and everything that follows their sums.
namespace spikemix {

void LayerPass::convolution() {
  if (plan_->groups > 1)
    groups();
  else if (plan_->window.depthwise)
    depthwise();
  else if (is_of_frames(net_.plan, *plan_))
    convolution_of_frames();
  else if (from_->range.is_real())
    convolution_of_pixels();
  else if (plan_->window.kernel == 3)
    convolution_around();
  else
    linear();
}

// Tokens, or every n-th pixel.
void LayerPass::linear() {
  if (plan_->groups > 1) return groups();
  const Rows rows = my(to_->rows());
  const int64_t C = from_->channels, words = spike_words(C);
  if (from_->range.is_real()) {
    return dense(
        rows, [&](int64_t t) { return token_windows(value<const float>(plan_->reads) + t * to_->rows() * C, C, C); });
  }
  const void* const x = sampled(rows);
  const int64_t n = rows.second - rows.first, step = to_->rows() * words;
  if (takes_bytes()) {
    const auto* bytes = static_cast<const uint8_t*>(x);
    if (from_->range.is_spikes()) {
      auto* const own = scratch<uint8_t>(&LayerBuffers::byte_input);
      for (int64_t t = 0; t < w_.T; ++t) {
        const int64_t at = t * step + rows.first * words;
        bytes_of_spikes(n, C, 64 * words, static_cast<const uint64_t*>(x) + at, own + 64 * at);
      }
      bytes = own;
    }
    return products(rows, token_windows(bytes, byte_stride(C), 64 * words), 64 * step);
  }
  if (from_->range.is_spikes())
    lists_of_spikes(n, w_.T, C, static_cast<const uint64_t*>(x) + rows.first * words, step, mine_.lists);
  else
    lists_of_counts(n, w_.T, C, static_cast<const uint8_t*>(x) + rows.first * 64 * words, 64 * step,
                    planes_of(from_->range), mine_.lists);
  products(rows);
}

const void* LayerPass::sampled(Rows rows) {
  if (plan_->map != Map::kConvolution || plan_->window.stride == 1) return value<void>(plan_->reads);
  const int64_t stride = plan_->window.stride, bytes = step_bytes(form_of(from_->range), 1, from_->channels);
  auto* const out = scratch<std::byte>(&LayerBuffers::sampled);
  for (int64_t t = 0; t < w_.T; ++t) {
    const std::byte* const x = value<std::byte>(plan_->reads) + t * from_->rows() * bytes;
    for (int64_t row = rows.first; row < rows.second; ++row) {
      const int64_t from = (row / to_->width * from_->width + row % to_->width) * stride;
      std::memcpy(out + (t * to_->rows() + row) * bytes, x + from * bytes, size_t(bytes));
    }
  }
  return out;
}

// 3x3, on spikes or counts.
void LayerPass::convolution_around() {
  if (takes_bytes()) return convolution_of_bytes();
  const int64_t H = from_->height, W = from_->width, C = from_->channels, planes = planes_of(from_->range);
  auto* const index = scratch<uint16_t>(&LayerBuffers::index);
  auto* const begin = scratch<uint32_t>(&LayerBuffers::begin);
  const auto [first, last] = my(w_.T * H);
  if (from_->range.is_spikes())
    list_pixels(last - first, W, C, value<uint64_t>(plan_->reads) + first * W * spike_words(C),
                index + first * list_stride(W, C), begin + first * (W + 1));
  else
    list_pixels(first, last - first, w_.T * H, W, C, value<uint8_t>(plan_->reads), planes, index, begin);
  share_.wait();
  const Rows rows = my(to_->rows());
  lists_of_neighbours(rows.first, rows.second - rows.first, w_.T, {H, W, C, index, begin, planes}, mine_.lists);
  products(rows);
}

// The same without lists: everybody copies lines of pixels into an image with a border.
void LayerPass::convolution_of_bytes() {
  const int64_t H = from_->height, W = from_->width, C = from_->channels, words = spike_words(C);
  const int64_t pixel = byte_stride(C), line = bordered_line(*from_), lines = H + 2;
  auto* const image = scratch<uint8_t>(&LayerBuffers::byte_input);
  const auto [first, last] = my(w_.T * lines);
  for (int64_t i = first; i < last; ++i) {
    uint8_t* const out = image + i * line;
    const int64_t y = i % lines - 1, from = (i / lines * H + y) * W * words;
    if (y < 0 || y == H) {
      std::memset(out, 0, size_t(line));
      continue;
    }
    std::memset(out, 0, size_t(pixel));
    if (from_->range.is_spikes())
      bytes_of_spikes(W, C, pixel, value<uint64_t>(plan_->reads) + from, out + pixel);
    else
      bytes_of_counts(W, C, pixel, value<uint8_t>(plan_->reads) + 64 * from, out + pixel);
    std::memset(out + (W + 1) * pixel, 0, size_t(pixel));
  }
  share_.wait();
  products(my(to_->rows()),
           {.values = image, .run = 3 * pixel, .runs = 3, .run_step = line, .width = W, .step = pixel, .line = line},
           lines * line);
}

// Each group of channels is a value of its own. Its sums lie beside the others', and norm is applied after all of them.
void LayerPass::groups() {
  const int64_t G = plan_->groups, n = to_->channels / G;
  const Rows rows = my(to_->rows());
  take_groups(rows);
  for (int64_t g = 0; g < G; ++g) {
    const PackedWeights& weights = packed_->groups[plan_->shares_weight ? 0 : size_t(g)];
    lists_of_group(g, rows);
    count(0, double((rows.second - rows.first) * w_.T * weights.in), double(mine_.lists.spikes));
    Potentials out = sums(rows.first);
    out.values += g * n;
    spike_potentials(weights, mine_.lists, rows.second - rows.first, out);
  }
  finish(scratch<float>(&LayerBuffers::sums), rows);
}

// Separates the groups at the member's rows; for a convolution at its share of all rows, which everybody then reads.
void LayerPass::take_groups(Rows rows) {
  const int64_t G = plan_->groups, n = from_->channels / G, N = from_->rows(), H = from_->height, W = from_->width;
  const int64_t words = spike_words(from_->channels), own = spike_words(n), planes = planes_of(from_->range);
  const bool around = plan_->window.kernel == 3 && plan_->map == Map::kConvolution, bits = from_->range.is_spikes();
  const auto take = [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      for (int64_t g = 0; g < G; ++g) {
        if (bits) {
          take_spikes(g * n, n, value<uint64_t>(plan_->reads) + row * words, group<uint64_t>(g) + row * own);
        } else {
          uint8_t* const out = group<uint8_t>(g) + row * 64 * own;
          std::copy_n(value<uint8_t>(plan_->reads) + row * 64 * words + g * n, n, out);
          std::fill(out + n, out + 64 * own, uint8_t{0});
        }
      }
    }
  };
  if (!around) {
    for (int64_t t = 0; t < w_.T; ++t) take(t * N + rows.first, t * N + rows.second);
    return;
  }
  const auto [first, last] = my(w_.T * H);
  take(first * W, last * W);
  for (int64_t g = 0; g < G; ++g) {
    const int64_t all = planes * w_.T * H;
    auto* const index = scratch<uint16_t>(&LayerBuffers::index) + g * all * list_stride(W, n);
    auto* const begin = scratch<uint32_t>(&LayerBuffers::begin) + g * all * (W + 1);
    if (bits)
      list_pixels(last - first, W, n, group<uint64_t>(g) + first * W * own, index + first * list_stride(W, n),
                  begin + first * (W + 1));
    else
      list_pixels(first, last - first, w_.T * H, W, n, group<uint8_t>(g), planes, index, begin);
  }
  share_.wait();
}

void LayerPass::lists_of_group(int64_t g, Rows rows) {
  const int64_t n = from_->channels / plan_->groups, N = from_->rows(), count = rows.second - rows.first;
  const int64_t words = spike_words(n), planes = planes_of(from_->range);
  if (plan_->map == Map::kConvolution && plan_->window.kernel == 3) {
    const int64_t H = from_->height, W = from_->width, all = planes * w_.T * H;
    lists_of_neighbours(rows.first, count, w_.T,
                        {H, W, n, scratch<uint16_t>(&LayerBuffers::index) + g * all * list_stride(W, n),
                         scratch<uint32_t>(&LayerBuffers::begin) + g * all * (W + 1), planes},
                        mine_.lists);
  } else if (from_->range.is_spikes()) {
    lists_of_spikes(count, w_.T, n, group<uint64_t>(g) + rows.first * words, N * words, mine_.lists);
  } else {
    lists_of_counts(count, w_.T, n, group<uint8_t>(g) + rows.first * 64 * words, 64 * N * words, planes, mine_.lists);
  }
}

// A sample tells, so that a sparse layer loses no time; it is the same for everybody.
bool LayerPass::takes_bytes() const {
  int64_t outputs = 0;
  for (const PackedPart& part : packed_->parts) {
    if (!part.weights.dense) return false;
    outputs += part.weights.out;
  }
  return density(/*sample=*/32) >= byte_product_density(outputs);
}

double LayerPass::density(int64_t sample) const {
  const int64_t rows = w_.T * from_->rows(), words = step_bytes(form_of(from_->range), 1, from_->channels) / 8;
  const auto* const x = w_.at<const uint64_t>(w_.buffers.values[size_t(plan_->reads)]);
  const int64_t n = std::min(rows, sample);
  int64_t ones = 0;
  for (int64_t i = 0; i < n; ++i) ones += count_ones(words, x + i * rows / n * words);
  return double(ones) / double(n * from_->channels);
}

template <class Product, class PotentialsOf>
void LayerPass::all_parts(Rows rows, double additions, bool as_bytes, const Product& product,
                          const PotentialsOf& potentials_of) {
  const int64_t n = rows.second - rows.first;
  for (size_t part = 0; part < packed_->parts.size(); ++part) {
    const PackedWeights& weights = packed_->parts[part].weights;
    count(part, double(n * w_.T * weights.in), additions, as_bytes);
    if (plan_->neurons && plan_->position.empty()) {
      product(weights, n, neurons(part, rows.first, made_spikes()));
    } else {
      const Potentials out = plan_->neurons ? sums(rows.first) : potentials(part, rows.first);
      potentials_of(weights, n, out);
      potentials_done(out, rows);
    }
    if (part + 1 < packed_->parts.size()) timed(part);
  }
  if (plan_->neurons && plan_->position.empty()) made(rows);
}

void LayerPass::products(Rows rows) {
  all_parts(
      rows, double(mine_.lists.spikes), /*as_bytes=*/false,
      [&](const PackedWeights& weights, int64_t n, const NeuronState& state) {
        spike_product(weights, mine_.lists, n, state);
      },
      [&](const PackedWeights& weights, int64_t n, const Potentials& out) {
        spike_potentials(weights, mine_.lists, n, out);
      });
}

void LayerPass::products(Rows rows, const Windows<uint8_t>& x, int64_t step) {
  const int64_t all = w_.T * from_->rows(), inputs = (rows.second - rows.first) * w_.T * packed_->parts[0].weights.in;
  all_parts(
      rows, watch_.profile ? density(all) * double(inputs) : 0, /*as_bytes=*/true,
      [&](const PackedWeights& weights, int64_t n, const NeuronState& state) {
        byte_product(weights, x, step, rows.first, n, state);
      },
      [&](const PackedWeights& weights, int64_t n, const Potentials& out) {
        byte_potentials(weights, x, step, rows.first, n, out);
      });
}

// Potentials after norm: apply neurons, or add them to the stream.
void LayerPass::potentials_done(const Potentials& potentials, Rows rows) {
  if (plan_->neurons)
    finish(scratch<float>(&LayerBuffers::sums), rows, /*norm=*/false);
  else
    add_position(potentials.values, potentials.T, rows);
}

// Real inputs: x(t) has the windows of a step, which is 0 if the value is still.
template <class Inputs>
void LayerPass::dense(Rows rows, const Inputs& x) {
  const bool fires = plan_->neurons && plan_->position.empty() && from_->still;
  const int64_t n = rows.second - rows.first;
  const PackedPart& part = packed_->parts[0];
  const double inputs = double(n * steps(*from_) * part.weights.in);
  count(0, inputs, inputs);
  if (fires) {
    dense_product(part.weights, x(0), rows.first, n, neurons(0, rows.first, made_spikes()));
    return made(rows);
  }
  const Potentials out = plan_->neurons ? sums(rows.first) : potentials(0, rows.first);
  for (int64_t t = 0; t < out.T; ++t) {
    dense_potentials(part.weights, x(from_->still ? 0 : t), rows.first, n,
                     {.values = out.values + t * out.step,
                      .stride = out.stride,
                      .added_to = out.added_to ? out.added_to + t * out.added_step : nullptr});
  }
  potentials_done(out, rows);
}

// Everybody copies lines of the input, [C, H, W], or a value, [H, W, C], into an image with a border.
void LayerPass::convolution_of_pixels() {
  const Window& window = plan_->window;
  const int64_t H = from_->height, W = from_->width, C = from_->channels, border = window.padding;
  const int64_t lines = H + 2 * border, line = (W + 2 * border) * C;
  const bool planar = plan_->reads == 0;
  const int64_t pixel = planar ? 1 : C, channel = planar ? H * W : 1;
  const float* const values = planar ? input_ : value<float>(plan_->reads);
  float* const image = scratch<float>(&LayerBuffers::bordered);
  const auto [first, last] = my(steps(*from_) * lines);
  for (int64_t i = first; i < last; ++i) {
    float* const out = image + i * line;
    const int64_t y = i % lines - border;
    std::fill_n(out, line, 0.0f);
    if (y < 0 || y >= H) continue;
    const float* const x = values + i / lines * H * W * C + y * W * pixel;
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t column = 0; column < W; ++column) out[(border + column) * C + c] = x[column * pixel + c * channel];
    }
  }
  share_.wait();
  dense(my(to_->rows()), [&](int64_t t) {
    return Windows<float>{.values = image + t * lines * line,
                          .run = window.kernel * C,
                          .runs = window.kernel,
                          .run_step = line,
                          .width = to_->width,
                          .step = window.stride * C,
                          .line = window.stride * line};
  });
}

// Small counts, most of them zero.
void LayerPass::convolution_of_frames() {
  const Frames frames{input_, w_.T, from_->channels, from_->height, from_->width};
  auto* const marks = scratch<uint64_t>(&LayerBuffers::marks);
  const auto [first, last] = my(w_.T * frames.height);
  mark_pixels(frames, first, last, marks);
  share_.wait();
  const PackedWeights& weights = packed_->parts[0].weights;
  const auto [begin, end] = my(frames.height);
  const Rows rows{begin * frames.width, end * frames.width};
  if (watch_.profile) {
    const int64_t marked = count_ones(w_.T * frames.height * frames.row_words(), marks);
    count(0, double(w_.T * from_->rows() * weights.in), double(marked * weights.in));
  }
  if (plan_->neurons && plan_->position.empty()) {
    frame_convolution(weights, frames, marks, begin, end, neurons(0, 0, made_spikes()));
    return made(rows);
  }
  Potentials out = plan_->neurons ? sums(0) : potentials(0, 0);
  frame_potentials(weights, frames, marks, begin, end, out);
  out.values += rows.first * out.stride;
  potentials_done(out, rows);
}

void LayerPass::depthwise() {
  const float* const x = floats(my(from_->rows()));
  share_.wait();
  const int64_t H = to_->height;
  float* const y = scratch<float>(&LayerBuffers::sums);
  const DepthwiseShape shape{H, to_->width, to_->channels, plan_->window.kernel};
  const auto [begin, end] = my(H);
  for (int64_t t = 0; t < steps(*from_); ++t)
    depthwise_convolution(shape, t * H + begin, t * H + end, packed_->depthwise.data(), x, y);
  finish(y, {begin * to_->width, end * to_->width});
}

}  // namespace spikemix
