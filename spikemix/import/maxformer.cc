// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <fmt/format.h>

#include "spikemix/import/shape_reader.h"

namespace spikemix {

/// Its depthwise 7x7 mixer is called conv5.
void rename_maxformer(TensorMap& tensors, const std::string&) {
  const std::string from = ".mixer.conv5", to = ".mixer.conv";
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (name.find(from) != name.npos) names.push_back(name);
  }
  for (const std::string& name : names) {
    auto node = tensors.extract(name);
    node.key() = std::string(name).replace(name.find(from), from.size(), to);
    tensors.insert(std::move(node));
  }
}

/// Names as in bic-L/MaxFormer, cifar10-100 (three stages) and event (two).
Shape read_maxformer(const TensorMap& tensors, const std::string& file) {
  const ShapeReader reader(tensors, file);
  const bool events = reader.has("patch_embed1.max_embed3.embed_conv.weight");
  const int64_t stages = events ? 2 : 3, channels = reader.size("patch_embed1.proj_conv.weight", 1);
  if (reader.has("patch_embed3.embed1.embed_conv.weight") == events || (channels == 2) != events) {
    throw reader.error(fmt::format(
        "with a stem for {}, {} channels and {} stages; only those for CIFAR (3 stages) and for event frames "
        "(2 channels, 2 stages) are imported",
        events ? "events" : "images", channels, reader.has("patch_embed3.embed1.embed_conv.weight") ? 3 : 2));
  }
  Shape shape;
  shape.fixed = {"model.architecture=maxformer"};
  const int64_t classes = read_ends(reader, events, "patch_embed1.proj_conv.weight", shape);
  read_stages(reader, stages, "mlp.fc1", {"attn.", "mixer."}, /*may_be_empty=*/true, shape);
  add_published_data(events, classes, shape);
  shape.published.push_back(events ? "model.heads=16" : "model.heads=8");
  shape.published.push_back("model.ssa_scale=0.125");
  return shape;
}

}  // namespace spikemix
