// SPDX-License-Identifier: MIT
#include "spikemix/train/agreement.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/ranges.h>
#include <torch/version.h>
#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/json.h"
#include "spikemix/base/version.h"
#include "spikemix/config/config_json.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

constexpr size_t kListedFacts = 3, kListedRanks = 8;

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "?";
}

// "rank 1 (node7)", "ranks 1 (node7), 2 (node8)", or "the other 30 ranks".
std::string names_of(const std::vector<size_t>& ranks, const std::vector<std::string>& hosts) {
  std::vector<std::string> names;
  for (const size_t rank : ranks) names.push_back(fmt::format("{} ({})", rank, hosts[rank]));
  const size_t more = names.size() - std::min(names.size(), kListedRanks);
  names.resize(names.size() - more);
  return fmt::format("{} {}{}", ranks.size() == 1 ? "rank" : "ranks", fmt::join(names, ", "),
                     more ? fmt::format(" and {} more", more) : "");
}

// One fact of all ranks, in words: which ranks differ from the majority.
std::string difference(const std::string& what, const std::vector<std::string>& values,
                       const std::vector<std::string>& hosts) {
  std::map<std::string, std::vector<size_t>> having;
  for (size_t rank = 0; rank < values.size(); ++rank) having[values[rank]].push_back(rank);
  if (having.size() == 1) return "";
  size_t usual = 0;  // a rank with the majority's value; rank 0 if there is none
  for (const auto& [value, ranks] : having) {
    if (ranks.size() > having[values[usual]].size()) usual = ranks.front();
  }
  std::vector<std::string> parts;
  for (const auto& [value, ranks] : having) {
    if (value == values[usual]) continue;
    parts.push_back(fmt::format("{} {} {}", names_of(ranks, hosts), ranks.size() == 1 ? "has" : "have", value));
    if (parts.size() == kListedFacts) break;
  }
  const std::vector<size_t>& most = having[values[usual]];
  const std::string others = most.size() == 1 ? names_of(most, hosts) : fmt::format("the other {} ranks", most.size());
  return fmt::format("{}: {}, {} {} {}", what, fmt::join(parts, ", "), others, most.size() == 1 ? "has" : "have",
                     values[usual]);
}

std::string value_of(const Facts& facts, const std::string& what) {
  const auto fact = std::ranges::find(facts, what, &Fact::what);
  return fact == facts.end() ? "nothing" : fact->value;
}

Json to_json(const Facts& facts) {
  Json json = {{"host", host_name()}, {"facts", Json::array()}};
  for (const Fact& fact : facts) json["facts"].push_back({fact.what, fact.value});
  return json;
}

}  // namespace

Facts facts_of(const Config& asked) {
  Facts facts = {{"version", fmt::format("{} ({}), LibTorch {}", kVersion, kGitCommit, TORCH_VERSION)}};
  const Json json = spikemix::to_json(asked);
  for (const auto& [section, keys] : json.items()) {
    if (!keys.is_object()) continue;  // the run's name
    for (const auto& [key, value] : keys.items()) facts.push_back({section + "." + key, json_text(value)});
  }
  return facts;
}

Facts facts_of(const RunData& data) {
  Facts facts;
  Hash classes;
  for (const std::string& name : data.train->classes()) classes.add(name).add(int64_t{0});
  facts.push_back({"classes", std::to_string(data.train->classes().size())});
  facts.push_back({"hash of the classes' names", classes.text()});
  const auto add = [&facts](const Dataset& split, const char* name) {
    for (Fact& fact : facts_of(split, name)) facts.push_back(std::move(fact));
  };
  add(*data.train, "training");
  if (data.validation) add(*data.validation, "validation");
  add(*data.test, "test");
  return facts;
}

std::string disagreement(const std::vector<Facts>& ranks, const std::vector<std::string>& hosts) {
  std::vector<std::string> different;
  for (const Fact& fact : ranks.front()) {
    std::vector<std::string> values;
    for (const Facts& facts : ranks) values.push_back(value_of(facts, fact.what));
    if (std::string text = difference(fact.what, values, hosts); !text.empty()) different.push_back(std::move(text));
  }
  if (different.empty()) return "";
  const size_t more = different.size() - std::min(different.size(), kListedFacts);
  different.resize(different.size() - more);
  return fmt::format("the ranks differ in {}{}; all need the same program, settings and data",
                     fmt::join(different, "; "), more ? fmt::format("; and {} more", more) : "");
}

void agree(ProcessGroup& ranks, const Facts& own) {
  const std::vector<std::string> texts = ranks.gather(json_text(to_json(own)));
  std::string text;
  if (ranks.launch().leads()) {
    std::vector<Facts> facts;
    std::vector<std::string> hosts;
    for (const std::string& of_rank : texts) {
      const Json json = parse_json(of_rank, "what a rank says it trains on");
      hosts.push_back(json.at("host").get<std::string>());
      Facts& list = facts.emplace_back();
      for (const Json& fact : json.at("facts")) list.push_back({fact.at(0), fact.at(1)});
    }
    text = disagreement(facts, hosts);
  }
  text = ranks.share(text);
  if (!text.empty()) throw InputError(text);
}

}  // namespace spikemix
