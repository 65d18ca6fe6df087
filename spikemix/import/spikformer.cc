// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/import/shape_reader.h"

namespace spikemix {
namespace {

// The published models for images have linear maps, those for events convolutions of size 1.
bool takes_events(const ShapeReader& reader) {
  const std::string conv = "block.0.mlp.fc1_conv.weight";
  if (!reader.has(conv)) return false;
  if (reader.rank(conv) == 3) return true;
  throw reader.error(fmt::format(
      "for ImageNet (its MLP is made of 2-D convolutions, '{}'); only those for CIFAR and DVS are imported", conv));
}

void read_stem(const ShapeReader& reader, Shape& shape) {
  const std::string proj = "patch_embed.proj_conv.weight";
  if (!reader.has("patch_embed.rpe_conv.weight")) {
    shape.read.push_back("model.stem=conv1");
    shape.read.push_back(fmt::format("model.patch={}", reader.size(proj, 2)));
  } else if (!reader.has("patch_embed.proj_conv2.weight")) {
    shape.read.push_back("model.stem=conv2");
  }
}

void read_blocks(const ShapeReader& reader, bool events, Shape& shape) {
  const int64_t depth = reader.blocks("block.", "mlp.fc1_bn.weight");
  const std::string weight = events ? ".mlp.fc1_conv.weight" : ".mlp.fc1_linear.weight";
  const int64_t ratio = reader.mlp_ratio("block.0" + weight);
  std::vector<std::string> mixers;
  for (int64_t i = 0; i < depth; ++i) {
    const std::string block = fmt::format("block.{}.", i);
    mixers.push_back(reader.mixer(block, {"attn."}));
    if (mixers.back().empty())
      shape.mixer_unknown =
          fmt::format("'{}attn' has a norm and no weights: it is a linear transform, but any of them fits", block);
  }
  shape.read.push_back(fmt::format("model.depth={}", depth));
  shape.read.push_back(fmt::format("model.mlp_ratio={}", ratio));
  if (std::ranges::all_of(mixers, [&](const std::string& mixer) { return mixer == mixers[0]; })) mixers.resize(1);
  if (shape.mixer_unknown.empty()) shape.read.push_back(list_setting("mixer", mixers));
}

Shape read(const ShapeReader& reader, bool events) {
  Shape shape;
  shape.fixed = {"model.architecture=spikformer"};
  const int64_t classes = read_ends(reader, events, "patch_embed.proj_conv.weight", shape);
  read_stem(reader, shape);
  read_blocks(reader, events, shape);
  add_published_data(events, classes, shape);
  shape.published.push_back(fmt::format("model.pool={}", events ? "1,1,1,1" : "0,0,1,1"));
  return shape;
}

}  // namespace

/// Names as in ZK-Zhou/spikformer, cifar10/model.py and cifar10dvs/model.py.
Shape read_spikformer(const TensorMap& tensors, const std::string& file) {
  const ShapeReader reader(tensors, file);
  const bool events = takes_events(reader);
  Shape shape = read(reader, events);
  shape.published.push_back(events ? "model.heads=16" : "model.heads=12");
  shape.published.push_back(events ? "model.ssa_scale=0.25" : "model.ssa_scale=0.125");
  return shape;
}

/// Call it after rename_spikingjelly_spikformer(). Its pools come before the neurons.
Shape read_spikingjelly_spikformer(const TensorMap& tensors, const std::string& file) {
  const ShapeReader reader(tensors, file);
  const bool events = takes_events(reader), imagenet = reader.size("head.weight", 0) == 1000;
  Shape shape = read(reader, events);
  shape.fixed.push_back("model.pool_before_neuron=true");
  if (imagenet && !events) {  // spikformer_ti and spikformer_s
    for (const char* setting : {"model.height=224", "model.width=224", "model.pool=1,1,1,1"})
      shape.published.push_back(setting);
    shape.published.push_back("data.mean=0.485,0.456,0.406");
    shape.published.push_back("data.std=0.229,0.224,0.225");
    shape.data_set = "imagenet";
  }
  shape.published.push_back(reader.size("head.weight", 1) == 256 ? "model.heads=8" : "model.heads=12");
  shape.published.push_back("model.ssa_scale=0.125");
  return shape;
}

}  // namespace spikemix
