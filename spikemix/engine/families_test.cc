// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "spikemix/engine/calibrate.h"
#include "spikemix/engine/reference_test.h"
#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/mixer.h"

// Every architecture, residual stream, stem and mixer: compared with plain loops, and with itself.
namespace spikemix {
namespace {

struct Family {
  std::string name;
  ModelCard card;
};

ModelCard family_card(const std::string& architecture, const std::string& mixer, const std::string& input) {
  ModelCard card = tiny_card(mixer);
  ModelConfig& m = card.model;
  m.architecture = architecture, m.T = 3;
  if (input == "events") {
    m.input = "events", m.channels = 2;
    card.mean = card.std = {};
  }
  if (architecture == "spikformer") return card;
  m.embed_dim = 32, m.mixer = {mixer};
  if (input == "events") m.height = m.width = 32, m.embed_dim = 48, m.heads = {4};
  return card;
}

std::vector<Family> families() {
  std::vector<Family> all;
  for (const char* input : {"image", "events"}) {
    for (const MixerEntry& mixer : mixers()) {
      for (const char* stream : {"spike", "membrane", "iand"}) {
        ModelCard card = family_card("spikformer", mixer.name, input);
        card.model.stream = stream;
        all.push_back({fmt::format("{}, {}, {}", input, mixer.name, stream), card});
      }
    }
    for (const char* stream : {"spike", "membrane", "iand"}) {
      for (const char* stem : {"conv4", "conv2", "conv1"}) {
        for (const bool first : {false, true}) {
          ModelCard card = family_card("spikformer", "ssa", input);
          card.model.stream = stream, card.model.stem = stem, card.model.pool_before_neuron = first;
          card.neuron.kind = first ? "plif" : "if", card.neuron.reset = first ? "soft" : "hard";
          if (first) card.neuron.v_threshold = 2;  // otherwise nearly all fire
          all.push_back({fmt::format("{}, {}, {}, {}", input, stem, stream, first), card});
        }
      }
      ModelCard own = family_card("spikformer", "wt2d", input);
      own.model.stream = stream, own.model.pool = {0, 1, 0, 1, 0};
      own.model.stem_channels = {5, 9, 3, 17, own.model.embed_dim};
      all.push_back({fmt::format("{}, five convolutions, {}", input, stream), own});
    }
    for (const char* architecture : {"maxformer", "qkformer"}) {
      for (const char* mixer : {"ssa", "qk-token", "qk-channel", "sdsa1", "dwc3", "maxpool3", "avgpool3",
                                "identity:branch=false", "wt2d", "random"})
        all.push_back({fmt::format("{}, {}, {}", input, architecture, mixer), family_card(architecture, mixer, input)});
    }
  }
  // Integer neurons.
  for (const char* mixer : {"fft2d", "gated", "ssa", "qk-channel", "dwc3", "maxpool3"}) {
    for (const char* architecture : {"spikformer", "maxformer", "qkformer"}) {
      for (const char* stream : {"spike", "membrane"}) {
        if (std::string(architecture) != "spikformer" && std::string(stream) == "spike") continue;
        ModelCard integer = family_card(architecture, mixer, "image");
        integer.neuron.kind = "integer", integer.neuron.levels = 3;
        if (std::string(architecture) == "spikformer") integer.model.stream = stream;
        all.push_back({fmt::format("integer, {}, {}, {}", architecture, mixer, stream), integer});
      }
    }
  }
  // Wavelets with signed spikes: odd grids, groups of 3 and of 70 channels, every kind of neuron.
  for (const char* stream : {"spike", "membrane", "iand"}) {
    for (const auto& [kind, channels, height, width] :
         {std::tuple("lif", 48, 21, 13), std::tuple("plif", 16, 9, 35), std::tuple("integer", 48, 12, 20),
          std::tuple("if", 16 * 70, 6, 5)}) {
      if (std::string(kind) == "integer" && std::string(stream) == "iand") continue;
      ModelCard odd = family_card("spikformer", "fatm", "image");
      odd.model.stream = stream, odd.model.embed_dim = channels, odd.model.depth = 1;
      odd.model.height = height, odd.model.width = width, odd.neuron.kind = kind, odd.neuron.levels = 3;
      all.push_back({fmt::format("fatm, {}, {}, {} x {}", stream, kind, height, width), odd});
    }
  }
  ModelCard last = family_card("maxformer", "fatm", "image");
  last.model.embed_dim = 64, last.model.height = 14, last.model.width = 10;
  last.model.mixer = {"dwc3", "fatm", "fatm"};
  all.push_back({"fatm, maxformer", last});
  ModelCard narrow = family_card("spikformer", "identity", "image");  // outputs that do not fill a vector
  narrow.neuron.kind = "integer", narrow.model.embed_dim = 40;
  all.push_back({"integer, 40 channels", narrow});
  ModelCard frames = family_card("spikformer", "wt2d", "events");
  frames.neuron.kind = "integer", frames.model.stream = "membrane";
  all.push_back({"integer, events", frames});
  // As wide as the stream, sizes that do not fill a vector, and 70 channels.
  ModelCard card = family_card("maxformer", "dwc5", "image");
  card.model.mlp_ratio = 1, card.model.height = 7, card.model.width = 5, card.model.heads = {3};
  card.model.embed_dim = 72, card.model.depths = {1, 1, 1}, card.model.mixer = {"qk-token", "dwc5", "ssa"};
  all.push_back({"odd maxformer", card});
  card = family_card("qkformer", "ssa", "image");
  card.model.height = 9, card.model.width = 6, card.model.embed_dim = 144, card.model.heads = {4, 3, 8};
  card.model.mixer = {"qk-channel", "sdsa1", "qk-token"}, card.neuron.v_reset = -0.25;
  all.push_back({"odd qkformer", card});
  return all;
}

// The thread sanitizer would take hours for all of them; every seventh still has each kind of input, stream and
// architecture.
#ifdef __SANITIZE_THREAD__
constexpr size_t kEvery = 7;
#else
constexpr size_t kEvery = 1;
#endif

class FamiliesTest : public EngineTest {
 protected:
  static std::vector<float> inputs_of(const Session& session, int64_t images) {
    std::vector<float> x = inputs(images, session.input_size());
    const bool events = session.network().card.model.takes_events();
    for (size_t i = 0; i < x.size() && events; ++i) x[i] = i % 3 ? 0 : std::round(std::abs(2 * x[i]));
    return x;
  }
  static std::vector<float> infer(Session& session, int64_t images, const std::vector<float>& x) {
    std::vector<float> logits(size_t(images * session.network().card.model.classes), -1);
    session.infer(images, x.data(), logits.data());
    return logits;
  }
};

// Each layer reads the reference's spikes and potentials, so that only its own error shows.
TEST_F(FamiliesTest, EqualThePlainLoopsLayerByLayer) {
  for (const Family& family : families()) {
    SCOPED_TRACE(family.name);
    const fs::path file = write_model("m", family.card);
    Session session(load_network(file, Precision::kFp32));
    Reference reference(make_plan(family.card.model, family.card.neuron), SafeTensors::open(file));
    const std::vector<float> x = inputs_of(session, 1);
    const Agreement a = compare(session, reference, x.data());
    EXPECT_LE(a.flips, a.values / 2000) << a.flips << " of " << a.values;
    EXPECT_LT(a.worst, 1e-5);
    EXPECT_GT(a.fired, a.values / 50) << "a model that does not fire proves nothing";
    EXPECT_LT(a.fired, a.values * 49 / 50);
    EXPECT_LT(a.logits, 1e-3);
    if (HasFailure()) return;
  }
}

TEST_F(FamiliesTest, EveryWayOfRunningGivesTheSameBits) {
  const std::vector<Family> all = families();
  for (size_t f = 0; f < all.size(); f += kEvery) {
    const Family& family = all[f];
    const fs::path file = write_model("m", family.card);
    for (const Precision precision : {Precision::kFp32, Precision::kInt8}) {
      SCOPED_TRACE(testing::Message() << family.name << " " << name_of(precision));
      const auto network = load_network(file, precision);
      Session one(network);
      const int64_t images = family.name.ends_with("former, ssa") ? 32 : 5;
      const std::vector<float> x = inputs_of(one, images);
      std::vector<float> expected;
      for (int64_t i = 0; i < images; ++i) {  // batch 1
        const std::vector<float> image(x.begin() + i * one.input_size(), x.begin() + (i + 1) * one.input_size());
        const std::vector<float> logits = infer(one, 1, image);
        expected.insert(expected.end(), logits.begin(), logits.end());
      }
      // After the last block of an iand stream with untrained weights, few spikes are left.
      bool differ = family.card.model.stream == "iand";
      for (size_t i = 3; i < expected.size(); ++i) differ |= expected[i] != expected[i - 3];
      EXPECT_TRUE(differ) << "a model whose answers do not depend on its input proves nothing";
      EXPECT_EQ(infer(one, images, x), expected);
      const int64_t threads = precision == Precision::kFp32 ? 2 : 3;
      Session together(network, {.threads = threads});
      EXPECT_EQ(infer(together, images, x), expected) << threads << " threads";
      Session streaming(network, {.streaming = true});
      EXPECT_EQ(infer(streaming, 2, x), std::vector(expected.begin(), expected.begin() + 6));
      if (HasFailure()) return;
    }
  }
}

TEST_F(FamiliesTest, IntegerWeightsChangeLittle) {
  for (const Family& family : families()) {
    SCOPED_TRACE(family.name);
    const fs::path file = write_model("m", family.card);
    const auto exact = load_network(file, Precision::kFp32);
    const std::vector<float> x = inputs_of(Session(exact), 2);
    for (const auto& [precision, most] : {std::pair(Precision::kInt16, 0.02), std::pair(Precision::kInt8, 0.3)}) {
      for (const LayerChange& change : measure_changes(exact, load_network(file, precision), 2, x.data()))
        EXPECT_LE(change.share(), most) << change.layer << " " << name_of(precision) << ", " << change.spikes;
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace spikemix
