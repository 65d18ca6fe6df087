// SPDX-License-Identifier: MIT
#include "spikemix/train/freeze.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
namespace {

// "block.1" is block 1 with everything in it, and not block 10.
bool begins_with(const std::string& name, const std::string& beginning) {
  if (!name.starts_with(beginning) || beginning.empty()) return false;
  const bool cuts_a_number = name.size() > beginning.size() && std::isdigit(uint8_t(beginning.back())) &&
                             std::isdigit(uint8_t(name[beginning.size()]));
  return !cuts_a_number;
}

// The part of the network that a tensor belongs to.
enum class Section { kStem, kBlock, kHead };

std::map<std::string, Section> sections_of(const Plan& plan) {
  std::map<std::string, Section> of_part;
  for (const Segment& segment : plan.segments) {
    for (size_t i = segment.first; i < segment.last; ++i) {
      for (const LayerPart& part : plan.layers[i].parts)
        of_part[part.name] = !segment.mixer.empty()                                             ? Section::kBlock
                             : segment.writes == plan.features && &segment != &plan.segments[0] ? Section::kHead
                                                                                                : Section::kStem;
    }
  }
  std::map<std::string, Section> sections;
  for (const TensorSpec& tensor : tensors_of(plan)) {
    const auto part = of_part.find(tensor.layer);
    sections[tensor.name] = part == of_part.end() ? Section::kHead : part->second;
  }
  return sections;
}

bool is_named(const std::string& name, Section section, const std::string& entry) {
  if (entry == "all but head") return section != Section::kHead;
  if (entry == "stem") return section == Section::kStem;
  if (entry == "blocks") return section == Section::kBlock;
  return begins_with(name, entry);
}

// q, k and v share one norm computation: all or none of them use their batch's statistics.
void check_parts(const Plan& plan, const std::set<std::string>& frozen) {
  for (const LayerPlan& layer : plan.layers) {
    if (layer.parts.size() < 2 || !layer.has_norm()) continue;
    const auto is_frozen = [&](const LayerPart& part) { return frozen.contains(NormNames(part.tensors.norm).weight); };
    for (const LayerPart& part : layer.parts) {
      if (is_frozen(part) != is_frozen(layer.parts[0]))
        throw input_error("train.freeze: {}: its parts' norms are computed as one; freeze all of them or none",
                          layer.name);
    }
  }
}

}  // namespace

std::set<std::string> frozen_tensors(const Plan& plan, const std::vector<std::string>& entries) {
  std::set<std::string> frozen;
  if (entries.empty()) return frozen;
  const std::map<std::string, Section> sections = sections_of(plan);
  std::vector<std::string> learned;
  for (const TensorSpec& tensor : tensors_of(plan)) {
    if (tensor.learned()) learned.push_back(tensor.name);
  }
  for (const std::string& entry : entries) {
    bool found = false;
    for (const std::string& name : learned) {
      if (!is_named(name, sections.at(name), entry)) continue;
      frozen.insert(name);
      found = true;
    }
    if (found) continue;
    std::vector<std::string> names = {"stem", "blocks", "all but head"};
    names.insert(names.end(), learned.begin(), learned.end());
    const std::string near = nearest(entry, names);
    throw input_error("train.freeze: '{}' names no parameter of this model{}; `spikemix info --tensors` lists them",
                      entry, near.empty() ? "" : fmt::format(" (nearest: '{}')", near));
  }
  if (frozen.size() == learned.size()) throw input_error("train.freeze: freezes everything: nothing is left to learn");
  check_parts(plan, frozen);
  return frozen;
}

void freeze(SpikingTransformer& model, const std::vector<std::string>& entries) {
  const std::set<std::string> frozen = frozen_tensors(model.plan(), entries);
  for (auto& item : model.named_parameters()) {
    if (frozen.contains(item.key())) item.value().set_requires_grad(false);
  }
}

}  // namespace spikemix
