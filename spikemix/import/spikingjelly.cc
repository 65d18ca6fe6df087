// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/import/family.h"

namespace spikemix {
namespace {

/// Tensors under `from` are renamed to `to`; "#" stands for a block's number. With `parts`, the tensor is several of
/// the same size, stacked, and "@" stands for each one's letter.
struct Rule {
  std::string_view from, to, parts = "";
};

// The value of "#", and the rest of the name after the rule's `from`, if the name is one of its tensors.
struct Match {
  std::string number, rest;
};
std::optional<Match> match(std::string_view name, std::string_view from) {
  Match result;
  if (const size_t hash = from.find('#'); hash != from.npos) {
    if (!name.starts_with(from.substr(0, hash))) return std::nullopt;
    name.remove_prefix(hash), from.remove_prefix(hash + 1);
    const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
    if (digits == 0) return std::nullopt;
    result.number = name.substr(0, digits);
    name.remove_prefix(digits);
  }
  if (!name.starts_with(from)) return std::nullopt;
  result.rest = name.substr(from.size());
  if (!result.rest.starts_with('.')) return std::nullopt;
  return result;
}

std::string filled(std::string_view to, const std::string& number, std::string_view part) {
  std::string result;
  for (const char c : to) {
    if (c == '#') {
      result += number;
    } else if (c == '@') {
      result += part;
    } else {
      result += c;
    }
  }
  return result;
}

// Rows of part `i` of `n`; a counter belongs to every part.
TensorView part_of(const TensorView& tensor, size_t i, size_t n, const std::string& name, const std::string& file) {
  TensorView part = tensor;
  if (tensor.shape.empty()) return part;
  if (tensor.shape[0] % int64_t(n) != 0) {
    throw input_error("{} whose tensor '{}' is [{}], expected {} parts of the same size", file, name,
                      fmt::join(tensor.shape, ", "), n);
  }
  part.shape[0] /= int64_t(n);
  part.data = tensor.data.subspan(i * (tensor.data.size() / n), tensor.data.size() / n);
  return part;
}

void rename(TensorMap& tensors, const std::vector<Rule>& rules, const std::string& file) {
  TensorMap result;
  const auto put = [&](const std::string& name, const TensorView& tensor) {
    if (!result.emplace(name, tensor).second) throw input_error("{} with two tensors for '{}'", file, name);
  };
  for (const auto& [name, tensor] : tensors) {
    bool known = false;
    for (const Rule& rule : rules) {
      const std::optional<Match> found = match(name, rule.from);
      if (!found) continue;
      known = true;
      const size_t n = rule.parts.size();
      if (n == 0) put(filled(rule.to, found->number, "") + found->rest, tensor);
      for (size_t i = 0; i < n; ++i) {
        put(filled(rule.to, found->number, rule.parts.substr(i, 1)) + found->rest, part_of(tensor, i, n, name, file));
      }
      break;
    }
    if (!known) put(name, tensor);
  }
  tensors = std::move(result);
}

}  // namespace

/// Its linear maps are convolutions of size 1 without bias, with q, k and v in one; ours for images are matrices.
void rename_spikingjelly_spikformer(TensorMap& tensors, const std::string& file) {
  const std::vector<int64_t>& first = tensors.at("patch_embed.stages.0.conv_bn.block.0.weight").shape;
  const bool events = first.size() > 1 && first[1] == 2;
  const std::string map = events ? "_conv" : "_linear";
  const std::string qkv = "block.#.attn.@" + map, proj = "block.#.attn.proj" + map, fc1 = "block.#.mlp.fc1" + map,
                    fc2 = "block.#.mlp.fc2" + map;
  rename(tensors,
         {{"patch_embed.stages.0.conv_bn.block.0", "patch_embed.proj_conv"},
          {"patch_embed.stages.0.conv_bn.block.1", "patch_embed.proj_bn"},
          {"patch_embed.stages.#.conv_bn.block.0", "patch_embed.proj_conv#"},
          {"patch_embed.stages.#.conv_bn.block.1", "patch_embed.proj_bn#"},
          {"patch_embed.positional_encoding.conv_bn.block.0", "patch_embed.rpe_conv"},
          {"patch_embed.positional_encoding.conv_bn.block.1", "patch_embed.rpe_bn"},
          {"blocks.#.attn.qkv_conv_bn.0", qkv, "qkv"},
          {"blocks.#.attn.qkv_conv_bn.1", "block.#.attn.@_bn", "qkv"},
          {"blocks.#.attn.proj_conv_bn.0", proj},
          {"blocks.#.attn.proj_conv_bn.1", "block.#.attn.proj_bn"},
          {"blocks.#.mlp.fc1.0", fc1},
          {"blocks.#.mlp.fc1.1", "block.#.mlp.fc1_bn"},
          {"blocks.#.mlp.fc2.0", fc2},
          {"blocks.#.mlp.fc2.1", "block.#.mlp.fc2_bn"}},
         file);
  for (auto& [name, tensor] : tensors) {
    if (name.ends_with("_linear.weight") && tensor.shape.size() == 3 && tensor.shape[2] == 1) tensor.shape.pop_back();
  }
}

/// maxformer_cifar: the layers of the authors' model under other names.
void rename_spikingjelly_maxformer(TensorMap& tensors, const std::string& file) {
  rename(tensors,
         {{"patch_embed1.conv", "patch_embed1.proj_conv"},
          {"patch_embed1.bn", "patch_embed1.proj_bn"},
          {"patch_embed1.branch.1", "patch_embed1.embed1.embed_conv"},
          {"patch_embed1.branch.2", "patch_embed1.embed1.embed_bn"},
          {"patch_embed1.shortcut.1", "patch_embed1.embed2.embed_conv"},
          {"patch_embed1.shortcut.2", "patch_embed1.embed2.embed_bn"},
          {"patch_embed#.conv1", "patch_embed#.max_embed1.embed_conv"},
          {"patch_embed#.bn1", "patch_embed#.max_embed1.embed_bn"},
          {"patch_embed#.conv2", "patch_embed#.embed1.embed_conv"},
          {"patch_embed#.bn2", "patch_embed#.embed1.embed_bn"},
          {"patch_embed#.shortcut.0", "patch_embed#.max_embed2.embed_conv"},
          {"patch_embed#.shortcut.1", "patch_embed#.max_embed2.embed_bn"},
          {"stage1.#.fc1", "stage1.#.mlp.fc1_conv"},
          {"stage1.#.bn1", "stage1.#.mlp.fc1_bn"},
          {"stage1.#.fc2", "stage1.#.mlp.fc2_conv"},
          {"stage1.#.bn2", "stage1.#.mlp.fc2_bn"},
          {"stage2.#.dwconv", "stage2.#.mixer.conv"},
          {"stage2.#.bn", "stage2.#.mixer.conv_bn"},
          {"stage2.#.mlp.fc1", "stage2.#.mlp.fc1_conv"},
          {"stage2.#.mlp.bn1", "stage2.#.mlp.fc1_bn"},
          {"stage2.#.mlp.fc2", "stage2.#.mlp.fc2_conv"},
          {"stage2.#.mlp.bn2", "stage2.#.mlp.fc2_bn"},
          {"stage3.#.attn.qkv.0", "stage3.#.attn.@_conv", "qkv"},
          {"stage3.#.attn.qkv.1", "stage3.#.attn.@_bn", "qkv"},
          {"stage3.#.attn.proj.0", "stage3.#.attn.proj_conv"},
          {"stage3.#.attn.proj.1", "stage3.#.attn.proj_bn"},
          {"stage3.#.mlp.fc1", "stage3.#.mlp.fc1_conv"},
          {"stage3.#.mlp.bn1", "stage3.#.mlp.fc1_bn"},
          {"stage3.#.mlp.fc2", "stage3.#.mlp.fc2_conv"},
          {"stage3.#.mlp.bn2", "stage3.#.mlp.fc2_bn"}},
         file);
}

}  // namespace spikemix
