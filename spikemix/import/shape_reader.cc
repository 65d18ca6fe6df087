// SPDX-License-Identifier: MIT
#include "spikemix/import/shape_reader.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"

namespace spikemix {

size_t ShapeReader::rank(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? 0 : found->second.shape.size();
}

int64_t ShapeReader::size(const std::string& name, size_t axis) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw error(fmt::format("without the tensor '{}'", name));
  const std::vector<int64_t>& shape = found->second.shape;
  if (axis >= shape.size() || shape[axis] < 1)
    throw error(fmt::format("whose tensor '{}' is [{}]", name, fmt::join(shape, ", ")));
  return shape[axis];
}

int64_t ShapeReader::blocks(const std::string& prefix, const std::string& tensor) const {
  int64_t n = 0;
  while (has(fmt::format("{}{}.{}", prefix, n, tensor))) ++n;
  return n;
}

int64_t ShapeReader::mlp_ratio(const std::string& weight) const {
  const int64_t hidden = size(weight, 0), inputs = size(weight, 1);
  if (hidden % inputs != 0)
    throw error(
        fmt::format("whose MLP ('{}') has {} hidden values, expected a multiple of {}", weight, hidden, inputs));
  return hidden / inputs;
}

bool ShapeReader::is_empty(const std::string& block, const std::vector<std::string>& branches) const {
  return std::ranges::none_of(branches, [&](const std::string& branch) {
    const std::string prefix = block + branch;
    const auto first = tensors_.lower_bound(prefix);
    return first != tensors_.end() && first->first.starts_with(prefix);
  });
}

std::string ShapeReader::mixer(const std::string& block, const std::vector<std::string>& branches) const {
  for (const std::string& branch : branches) {
    const std::string prefix = block + branch;
    if (has(prefix + "dwc.weight"))
      throw error(fmt::format("whose attention is followed by a depthwise convolution ('{}dwc.weight')", prefix));
    if (has(prefix + "conv.weight")) return fmt::format("dwc{}", size(prefix + "conv.weight", 2));
    const bool q = has(prefix + "q_bn.weight"), v = has(prefix + "v_bn.weight");
    if (q) return v ? "ssa" : "qk-token";
    if (has(prefix + "bn.weight")) return "";
  }
  throw error(fmt::format("in which '{}' is none of `spikemix mixers`", block.substr(0, block.size() - 1)));
}

InputError ShapeReader::error(const std::string& text) const { return input_error("{} {}", file_, text); }

std::string list_setting(const std::string& key, const std::vector<std::string>& values) {
  if (values.size() == 1) return fmt::format("model.{}={}", key, values[0]);
  // Quoted, because a mixer's options also contain commas.
  return fmt::format("model.{}=[\"{}\"]", key, fmt::join(values, "\",\""));
}

int64_t read_ends(const ShapeReader& reader, bool events, const std::string& stem, Shape& shape) {
  const int64_t classes = reader.size("head.weight", 0);
  shape.read = {fmt::format("model.input={}", events ? "events" : "image"),
                fmt::format("model.channels={}", reader.size(stem, 1)),
                fmt::format("model.embed_dim={}", reader.size("head.weight", 1)),
                fmt::format("model.classes={}", classes)};
  return classes;
}

void read_stages(const ShapeReader& reader, int64_t stages, const std::string& mlp,
                 const std::vector<std::string>& branches, bool may_be_empty, Shape& shape) {
  std::vector<int64_t> depths;
  std::vector<std::string> of_stages, of_blocks;
  bool alike = true;
  std::set<int64_t> ratios;
  for (int64_t stage = 1; stage <= stages; ++stage) {
    const std::string prefix = fmt::format("stage{}.", stage);
    const int64_t depth = reader.blocks(prefix, mlp + "_bn.weight");
    if (depth == 0) throw reader.error(fmt::format("without '{}0.{}_bn.weight'", prefix, mlp));
    depths.push_back(depth);
    for (int64_t i = 0; i < depth; ++i) {
      const std::string block = fmt::format("{}{}.", prefix, i);
      const bool empty = may_be_empty && reader.is_empty(block, branches);
      const std::string mixer = empty ? "identity:branch=false" : reader.mixer(block, branches);
      if (mixer.empty())
        shape.mixer_unknown =
            fmt::format("'{}' has a norm and no weights: it is a linear transform, but any of them fits", block);
      if (empty) {
        shape.notes.push_back(
            fmt::format("{}{} has no tensors before its MLP: it gets no mixer, as published (a pool "
                        "would have none either: model.mixer)",
                        prefix, i));
      }
      of_blocks.push_back(mixer);
      if (i == 0) of_stages.push_back(mixer);
      alike = alike && mixer == of_stages.back();
      ratios.insert(reader.mlp_ratio(block + mlp + "_conv.weight"));
    }
  }
  if (ratios.size() > 1)
    throw reader.error(fmt::format("whose MLPs are {} times as wide as their blocks, expected the same in all",
                                   fmt::join(ratios, " and ")));
  shape.read.push_back(fmt::format("model.depths={}", fmt::join(depths, ",")));
  if (shape.mixer_unknown.empty()) shape.read.push_back(list_setting("mixer", alike ? of_stages : of_blocks));
  shape.read.push_back(fmt::format("model.mlp_ratio={}", *ratios.begin()));
}

void add_published_data(bool events, int64_t classes, Shape& shape) {
  const int64_t side = events ? 128 : 32;
  shape.published.insert(shape.published.end(),
                         {fmt::format("model.T={}", events ? 16 : 4), fmt::format("model.height={}", side),
                          fmt::format("model.width={}", side)});
  shape.recipe =
      events ? (classes == 11 ? "dvs128-gesture" : "cifar10-dvs") : (classes == 100 ? "cifar100" : "cifar10");
  shape.data_set = shape.recipe;
}

}  // namespace spikemix
