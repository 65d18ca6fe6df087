// SPDX-License-Identifier: MIT
#include <string>

#include <fmt/format.h>

#include "spikemix/import/shape_reader.h"

namespace spikemix {

/// Names as in zhouchenlin2096/QKFormer, cifar10 and cifar100 (three stages), cifar10-dvs and dvs128-gesture (two).
Shape read_qkformer(const TensorMap& tensors, const std::string& file) {
  const ShapeReader reader(tensors, file);
  const bool events = reader.has("patch_embed1.proj3_conv.weight");
  const bool three = reader.has("patch_embed3.proj4_conv.weight");
  if (three == events) {
    throw reader.error(fmt::format(
        "with a stem for {} and {} stages; only those for CIFAR (3 stages) and for event frames (2 stages) are "
        "imported",
        events ? "events" : "images", three ? 3 : 2));
  }
  Shape shape;
  shape.fixed = {"model.architecture=qkformer"};
  const int64_t classes = read_ends(reader, events, "patch_embed1.proj_conv.weight", shape);
  read_stages(reader, three ? 3 : 2, "mlp.mlp1", {"tssa.", "ssa."}, /*may_be_empty=*/false, shape);
  add_published_data(events, classes, shape);
  shape.published.push_back(events ? "model.heads=16" : "model.heads=8");
  shape.published.push_back("model.ssa_scale=0.125");
  return shape;
}

}  // namespace spikemix
