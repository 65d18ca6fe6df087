// SPDX-License-Identifier: MIT
#include "spikemix/data/facts.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/base/hash.h"

namespace spikemix {
namespace {

constexpr int64_t kSamples = 16;  // whose pixels are compared too
constexpr const char* kSources = "images' sources";

void add_sample(Hash& hash, const Dataset& data, int64_t i) {
  if (data.holds_events()) {
    const RecordingInfo info = data.recording(i);
    hash.add(info.events), hash.add(info.first_t), hash.add(info.last_t);
    return;
  }
  try {
    const Image image = data.image(i);
    hash.add(std::as_bytes(std::span(image.pixels)));
  } catch (const InputError&) {  // whoever reads it will report it
    hash.add("bad");
  }
}

}  // namespace

Facts facts_of(const Dataset& data, const std::string& split) {
  Hash labels, sources, samples;
  for (int64_t i = 0; i < data.size(); ++i) labels.add(data.label(i)), sources.add(data.source(i));
  for (int64_t k = 0; k < std::min(kSamples, data.size()); ++k)
    add_sample(samples, data, data.size() * k / std::min(kSamples, data.size()));
  return {{split + " images", std::to_string(data.size())},
          {"hash of the " + split + " labels", labels.text()},
          {"hash of the " + split + " " + kSources, sources.text()},
          {fmt::format("hash of {} {} images", kSamples, split), samples.text()}};
}

bool is_of_contents(const Fact& fact) { return !fact.what.ends_with(kSources); }

Facts facts_of_contents(const Dataset& data, const std::string& split) {
  Facts facts = facts_of(data, split);
  std::erase_if(facts, [](const Fact& fact) { return !is_of_contents(fact); });
  return facts;
}

}  // namespace spikemix
