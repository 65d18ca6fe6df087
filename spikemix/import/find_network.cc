// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/import/import.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

// Scalars that profilers (thop) and weight averages leave in a state dict.
bool is_counter(const std::string& name) {
  const std::string part = name.substr(name.rfind('.') + 1);
  return part == "total_ops" || part == "total_params" || part == "n_averaged" || part == "num_updates";
}

struct Candidate {
  const Family* family;
  std::string prefix;

  bool is_average() const { return prefix.find("ema") != prefix.npos || prefix.find("averag") != prefix.npos; }
};

// Every place in a file that has all the anchors of a family; if several families match, the first in the list.
std::vector<Candidate> candidates(const std::vector<NamedTensor>& tensors) {
  std::set<std::string> names, taken;
  for (const NamedTensor& tensor : tensors) names.insert(tensor.name);
  std::vector<Candidate> found;
  for (const Family& family : families()) {
    for (const std::string& name : names) {
      if (!name.ends_with(family.anchors[0])) continue;
      const std::string prefix = name.substr(0, name.size() - family.anchors[0].size());
      if (!(prefix.empty() || prefix.ends_with('.'))) continue;
      const bool all = std::ranges::all_of(
          family.anchors, [&](std::string_view anchor) { return names.contains(prefix + std::string(anchor)); });
      if (all && taken.insert(prefix).second) found.push_back({&family, prefix});
    }
  }
  return found;
}

InputError no_network(const WeightsFile& file) {
  std::vector<std::string> some;
  for (const NamedTensor& tensor : file.tensors()) {
    if (some.size() < 4) some.push_back(fmt::format("'{}'", tensor.name));
  }
  return input_error("{}: no Spikformer, Max-Former or QKFormer by the names of its {} tensors ({}{})",
                     file.path().string(), file.tensors().size(), fmt::join(some, ", "),
                     some.size() < file.tensors().size() ? ", ..." : "");
}

}  // namespace

FoundNetwork find_network(const WeightsFile& file) {
  std::vector<Candidate> found = candidates(file.tensors());
  if (found.empty()) throw no_network(file);
  std::vector<std::string> averages;
  if (found.size() > 1) {
    const auto first = std::ranges::stable_partition(found, [](const Candidate& c) { return !c.is_average(); });
    for (const Candidate& average : first) averages.push_back(average.prefix);
    found.erase(first.begin(), first.end());
  }
  if (found.size() != 1) {
    std::vector<std::string> places;
    for (const Candidate& c : found) places.push_back(fmt::format("'{}' ({})", c.prefix, c.family->name));
    for (const std::string& average : averages) places.push_back(fmt::format("'{}'", average));
    throw input_error("{}: holds {} networks, under {}; save one alone", file.path().string(), places.size(),
                      fmt::join(places, ", "));
  }
  FoundNetwork network{found[0].family, found[0].prefix, {}, {}, {}, 0};
  const std::string what = fmt::format("{}: a {}", file.path().string(), network.family->name);
  if (!network.family->read) throw input_error("{}: {}", what, network.family->refusal);
  const auto is_ours = [&](const std::string& name) {
    return name.starts_with(network.prefix) &&
           std::ranges::none_of(averages, [&](const std::string& average) { return name.starts_with(average); });
  };
  for (const NamedTensor& tensor : file.tensors()) {
    const bool ours = is_ours(tensor.name);
    const std::string name = ours ? tensor.name.substr(network.prefix.size()) : tensor.name;
    if (is_counter(name)) {
      ++network.counters;
    } else if (is_published_but_unused(name)) {
      network.unused.push_back(tensor.name);
    } else if (!ours) {
      network.elsewhere.push_back(tensor.name);
    } else {
      network.tensors.emplace(name, tensor.tensor);
    }
  }
  if (network.family->rename) network.family->rename(network.tensors, what);
  return network;
}

}  // namespace spikemix
