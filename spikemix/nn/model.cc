#include "spikemix/nn/model.h"

#include <fmt/ranges.h>

#include "spikemix/core/error.h"
#include "spikemix/core/validate.h"
#include "spikemix/nn/initial_weights.h"
#include "spikemix/nn/recompute.h"

namespace spikemix {
namespace {

// A stem's or block's forward pass, which keeps all that its backward needs, or its input alone.
template <class Part>
torch::Tensor run(Part& part, const torch::Tensor& x, Values values, bool recompute, const Pass& pass) {
  std::vector<torch::Tensor> learned = part->parameters();
  std::erase_if(learned, [](const torch::Tensor& parameter) { return !parameter.requires_grad(); });
  if (!recompute || learned.empty()) return part->forward(x, pass);
  return recomputed([part](const torch::Tensor& in, const Pass& p) mutable { return part->forward(in, p); }, learned, x,
                    values, pass);
}

}  // namespace

Spikformer::Spikformer(const ModelConfig& model, const NeuronConfig& neuron, uint64_t seed)
    : config_(model), training_steps_(model.T) {
  validate(model, neuron);
  if (model.classes < 1) throw input_error("model.classes = {}: expected 1 or more", model.classes);
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
