// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <iterator>

#include <fmt/format.h>
#include <hwy/highway.h>

#include "spikemix/base/hash.h"
#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"
#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/spikes.h"

// What the engine computed before it ran networks from plans: logits, streamed steps and every layer's spikes, as
// hashes. That older program wrote golden_test.inc, whose numbers stay: models that ran then give the same bits.
namespace spikemix {
namespace {

struct Golden {
  const char* name;
  uint64_t logits, trace;
};
constexpr Golden kGolden[] = {
#include "spikemix/engine/golden_test.inc"
};

struct Case {
  std::string name;
  ModelCard card;
  Precision precision;
};

constexpr const char* kMixers[] = {"ssa",   "fft1d",   "fft2d", "wt1d",     "wt2d",    "dwt-c",
                                   "fwt-c", "hartley", "dct",   "hadamard", "identity"};
constexpr const char* kKinds[] = {"lif", "if", "plif"};
constexpr const char* kResets[] = {"hard", "soft"};
constexpr Precision kPrecisions[] = {Precision::kFp32, Precision::kInt16, Precision::kInt8};

ModelCard card_of(const std::vector<std::string>& mixers, const std::string& input, const std::string& kind,
                  const std::string& reset) {
  ModelCard card = tiny_card();
  ModelConfig& m = card.model;
  m.mixer = mixers;
  if (mixers.size() > 1) m.depth = int64_t(mixers.size());
  if (input == "events") {
    m.input = "events", m.channels = 2, m.T = 4;
    card.mean = card.std = {};
  }
  card.neuron.kind = kind, card.neuron.reset = reset;
  return card;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, const ModelCard& card) {
    for (const Precision precision : kPrecisions)
      all.push_back({fmt::format("{}/{}", name, name_of(precision)), card, precision});
  };
  size_t turn = 0;
  for (const char* input : {"image", "events"}) {
    for (const char* mixer : kMixers) {  // each with one kind of neuron
      const char *kind = kKinds[turn % 3], *reset = kResets[turn / 3 % 2];
      add(fmt::format("{}/{}/{}-{}", input, mixer, kind, reset), card_of({mixer}, input, kind, reset));
      ++turn;
    }
    for (const char* kind : kKinds) {  // attention and a transform with all kinds
      for (const char* reset : kResets)
        add(fmt::format("{}/ssa+fft2d/{}-{}", input, kind, reset), card_of({"ssa", "fft2d"}, input, kind, reset));
    }
    for (const char* mixer : {"hadamard:axes=time", "wt2d:wavelet=db2:levels=1", "fft2d:axes=height,width"})
      add(fmt::format("{}/{}/lif-hard", input, mixer), card_of({mixer}, input, "lif", "hard"));
  }
  // Sizes that do not fill a vector, more than one word of channels, pools at other places, larger counts.
  ModelCard card = card_of({"ssa", "dwt-c", "wt1d"}, "image", "lif", "hard");
  card.model.embed_dim = 24, card.model.heads = {3}, card.model.height = 9, card.model.width = 7;
  card.model.pool = {1, 0, 1, 0}, card.neuron.v_reset = -0.25, card.neuron.tau = 1.5;
  add("odd", card);
  card = card_of({"fft2d", "ssa", "hadamard", "ssa", "identity"}, "events", "if", "soft");
  card.model.embed_dim = 72, card.model.heads = {4}, card.model.mlp_ratio = 1, card.model.pool = {1, 1, 0, 0};
  add("deep", card);
  card = card_of({"wt2d"}, "events", "plif", "hard");
  card.model.height = 7, card.model.width = 70, card.model.pool = {0, 0, 0, 1}, card.model.alternate = true;
  add("wide", card);
  card = card_of({"dct"}, "image", "lif", "soft");
  card.model.channels = 1, card.model.pool = {0, 1, 1, 1}, card.model.T = 5, card.model.ssa_scale = 0.25;
  card.mean = card.std = {};
  add("grey", card);
  return all;
}

class GoldenTest : public EngineTest {
 protected:
  static constexpr int64_t kImages = 3;

  // Whole counts for events, most of them zero; pixels for images.
  static std::vector<float> inputs_of(const Session& session, bool events) {
    std::vector<float> x = inputs(kImages, session.input_size());
    for (size_t i = 0; i < x.size() && events; ++i) x[i] = i % 3 ? 0 : std::round(std::abs(2 * x[i]));
    return x;
  }
  static void add(Hash& hash, const std::vector<float>& values) { hash.add(std::as_bytes(std::span(values))); }

  static uint64_t logits_of(const std::shared_ptr<const Network>& network, int64_t threads) {
    Session session(network, {.threads = threads});
    const std::vector<float> x = inputs_of(session, network->card.model.input == "events");
    std::vector<float> logits(size_t(kImages * network->card.model.classes));
    session.infer(kImages, x.data(), logits.data());
    Hash hash;
    add(hash, logits);
    return hash.value();
  }

  // Every layer's name and spikes, and the logits step by step.
  static uint64_t trace_of(const std::shared_ptr<const Network>& network, int64_t threads, bool streams) {
    Hash hash;
    const auto watch = [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const uint64_t* bits) {
      hash.add(layer).add(T).add(rows).add(channels);
      hash.add(std::as_bytes(std::span(bits, size_t(T * rows * spike_words(channels)))));
    };
    const bool events = network->card.model.input == "events";
    std::vector<float> logits(size_t(network->card.model.classes));
    Session whole(network, {.threads = threads});
    const std::vector<float> x = inputs_of(whole, events);
    whole.set_observer(watch);
    whole.infer(1, x.data(), logits.data());
    if (!streams) return hash.value();
    Session streaming(network, {.threads = threads, .streaming = true});
    streaming.set_observer(watch);
    for (int64_t t = 0; t < 2 * network->card.model.T; ++t) {
      streaming.step(x.data() + (events ? t * streaming.step_input_size() : 0), logits.data());
      add(hash, logits);
    }
    return hash.value();
  }
};

// body() on each SIMD target that has fused multiply-adds: those round the same way.
template <class Body>
void on_targets_that_fuse(const Body& body) {
  on_every_target([&] {
    const int64_t targets = hwy::SupportedTargets();
    const std::string name = hwy::TargetName(targets & -targets);
    if (name.starts_with("AVX") || name.starts_with("NEON") || name.starts_with("SVE")) body();
  });
}

TEST_F(GoldenTest, OldModelsGiveTheirOldBits) {
  const std::vector<Case> all = cases();
  EXPECT_EQ(all.size(), std::size(kGolden));
  for (const Case& c : all) {
    const bool streams = c.name.find("time") == std::string::npos;
    const auto network = load_network(write_model("m", c.card), c.precision);
    const auto golden =
        std::find_if(std::begin(kGolden), std::end(kGolden), [&](const Golden& g) { return g.name == c.name; });
    on_targets_that_fuse([&] {
      const uint64_t logits = logits_of(network, 1), trace = trace_of(network, 1, streams);
      EXPECT_EQ(logits_of(network, 2), logits) << c.name;
      EXPECT_EQ(trace_of(network, 2, streams), trace) << c.name;
      const bool same = golden != std::end(kGolden) && golden->logits == logits && golden->trace == trace;
      EXPECT_TRUE(same) << fmt::format("    {{\"{}\", {:#018x}, {:#018x}}},", c.name, logits, trace);
    });
  }
}

}  // namespace
}  // namespace spikemix
