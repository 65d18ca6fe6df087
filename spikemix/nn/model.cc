#include "spikemix/nn/model.h"

#include <fmt/ranges.h>

#include "spikemix/core/error.h"
#include "spikemix/nn/initial_weights.h"
#include "spikemix/nn/recompute.h"

namespace spikemix {
namespace {

void check(const ModelConfig& c) {
  const auto positive = [](const char* key, int64_t value) {
    if (value < 1) throw input_error("model.{} = {}: must be at least 1", key, value);
  };
  positive("channels", c.channels), positive("height", c.height), positive("width", c.width);
  positive("classes", c.classes), positive("T", c.T), positive("depth", c.depth), positive("mlp_ratio", c.mlp_ratio);
  if (c.embed_dim < 8 || c.embed_dim % 8)
    throw input_error(
        "model.embed_dim = {}: must be a multiple of 8, since the stem's first convolution has D / 8 channels",
        c.embed_dim);
  if (c.depth > 126)  // each block adds up to 2 to a count that starts at up to 2 and is kept in a byte (and in bf16)
    throw input_error("model.depth = {}: at most 126 blocks", c.depth);
  if (c.input != "image" && c.input != "events")
    throw input_error("model.input = '{}': must be image or events", c.input);
  if (c.pool.size() != 4)
    throw input_error("model.pool has {} values, expected 4: one for each convolution of the stem", c.pool.size());
  if (c.mixer.size() != 1 && int64_t(c.mixer.size()) != c.depth)
    throw input_error("model.mixer has {} entries, expected 1 or {} (model.depth)", c.mixer.size(), c.depth);
  for (int64_t block = 0; block < c.depth; ++block)
    if (!mixer_spec(c, block).entry->make && (c.heads < 1 || c.embed_dim % c.heads))
      throw input_error("model.heads = {}: must divide model.embed_dim = {}", c.heads, c.embed_dim);
}

// A stem's or block's forward pass, which keeps all that its backward needs, or its input alone.
template <class Part>
torch::Tensor run(Part& part, const torch::Tensor& x, Values values, bool recompute, const Pass& pass) {
  if (!recompute) return part->forward(x, pass);
  return recomputed([part](const torch::Tensor& in, const Pass& p) mutable { return part->forward(in, p); },
                    part->parameters(), x, values, pass);
}

}  // namespace

Spikformer::Spikformer(const ModelConfig& model, const NeuronConfig& neuron, uint64_t seed)
    : config_(model), training_steps_(model.T) {
  check(model);
  stem_ = register_module("patch_embed", Stem(model, neuron));
  auto blocks = register_module("block", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < model.depth; ++i)
    blocks_.push_back(blocks->register_module(std::to_string(i), Block(i, model, neuron)));
  head_ = register_module("head", Weights(std::vector<int64_t>{model.classes, model.embed_dim}, true));
  draw_initial_weights(*this, seed);
}

torch::Tensor Spikformer::forward(const torch::Tensor& images) {
  const ModelConfig& c = config_;
  const std::vector<int64_t> still = {images.size(0), c.channels, c.height, c.width};
  const std::vector<int64_t> events = {images.size(0), c.T, c.channels, c.height, c.width};
  if (images.sizes() != (c.input == "image" ? still : events))
    throw input_error("the model takes input of shape {} (batch first), found [{}]",
                      c.input == "image" ? fmt::format("[B, {}, {}, {}]", c.channels, c.height, c.width)
                                         : fmt::format("[B, {}, {}, {}, {}]", c.T, c.channels, c.height, c.width),
                      fmt::join(images.sizes(), ", "));
  const bool in_double = head_->weight.scalar_type() == torch::kFloat64;
  const auto type = in_double ? torch::kFloat64 : precision_;
  const Pass pass{.type = type,
                  .training = is_training(),
                  .sparse_below = sparse_below_,
                  .T = is_training() ? training_steps_ : c.T,
                  .observer = observer_ ? &observer_ : nullptr,
                  .ranks = ranks_};

  torch::Tensor x = run(stem_, images, Values::kReal, recompute_, pass);  // [T, B, N, D]
  for (Block& block : blocks_) x = run(block, x, Values::kCounts, recompute_, pass);
  x = x.mean(torch::IntArrayRef{0, 2}, false, head_->weight.scalar_type());  // [B, D]
  return torch::linear(x, head_->weight, head_->bias);
}

int64_t learned_values(const torch::nn::Module& model) {
  int64_t count = 0;
  for (const auto& parameter : model.parameters()) count += parameter.numel();
  return count;
}

}  // namespace spikemix
