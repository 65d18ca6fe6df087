// SPDX-License-Identifier: MIT
#include "spikemix/report/look.h"

#include <algorithm>
#include <numeric>

#include "spikemix/engine/tiny_model_test.h"
#include "spikemix/model/model.h"
#include "spikemix/report/sections.h"

namespace spikemix::reports {
namespace {

class LookTest : public EngineTest {
 protected:
  std::shared_ptr<const Network> network(const ModelCard& card) const {
    return load_network(write_model("look", card), Precision::kFp32);
  }
};

void expect_whole(const Trace& trace, const ModelCard& card) {
  const int64_t T = card.model.T;
  ASSERT_FALSE(trace.layers.empty());
  for (const LayerSpikes& layer : trace.layers) {
    EXPECT_EQ(layer.T, T);
    EXPECT_EQ(int64_t(layer.spikes.size()), T * layer.height * layer.width * layer.channels) << layer.layer;
    EXPECT_LE(*std::ranges::max_element(layer.spikes), 1);
  }
  const Plan plan = make_plan(card.model, card.neuron);
  EXPECT_EQ(trace.mixers.size(),
            size_t(std::ranges::count_if(plan.segments, [](const Segment& s) { return !s.mixer.empty(); })));
  for (const MixerValues& mixer : trace.mixers) {
    const size_t values = size_t(mixer.height * mixer.width * mixer.channels);
    EXPECT_EQ(mixer.before.size() % values, 0u) << mixer.block;
    EXPECT_EQ(mixer.after.size(), size_t(T) * values) << mixer.block;
    EXPECT_GT(std::accumulate(mixer.before.begin(), mixer.before.end(), 0.0), 0);
  }
  EXPECT_NEAR(std::accumulate(trace.probabilities.begin(), trace.probabilities.end(), 0.0), 1, 1e-12);
}

TEST_F(LookTest, EveryFamilyAndStreamIsTraced) {
  for (const char* architecture : {"spikformer", "maxformer", "qkformer"}) {
    for (const char* mixer : {"fft2d", "ssa", "dwc3"}) {
      ModelCard card = tiny_card(mixer);
      card.model.architecture = architecture;
      if (architecture != std::string("spikformer")) card.model.height = card.model.width = 32;
      SCOPED_TRACE(testing::Message() << architecture << " " << mixer);
      const auto net = network(card);
      const Trace traced = trace(net, inputs(1, Session(net).input_size()).data());
      expect_whole(traced, card);
      EXPECT_FALSE(traced.membranes.empty());
      const std::string page = sample("m", card, {"x", "cat", {1, 1, {1, 2, 3}}, traced});
      EXPECT_NE(page.find("m-spectrum-1"), std::string::npos);
    }
  }
  for (const auto& [stream, mixer] : {std::pair("membrane", "fft2d"), std::pair("iand", "fft2d"),
                                      std::pair("membrane", "fatm"), std::pair("spike", "fatm")}) {
    ModelCard card = tiny_card(mixer);
    card.model.stream = stream;
    SCOPED_TRACE(testing::Message() << stream << " " << mixer);
    const auto net = network(card);
    const Trace traced = trace(net, inputs(1, Session(net).input_size()).data());
    expect_whole(traced, card);
    EXPECT_EQ(traced.mixers[0].with_stream, stream == std::string("membrane"));
  }
}

// The output of the transform's branch is what the layer fires, and its input is the stream before the block.
TEST_F(LookTest, MixersSeeTheStream) {
  const ModelCard card = tiny_card("fft2d");
  const auto net = network(card);
  const Trace traced = trace(net, inputs(1, Session(net).input_size()).data());
  const auto spikes_of = [&](const std::string& name) {
    const auto found = std::ranges::find(traced.layers, name, &LayerSpikes::layer);
    EXPECT_NE(found, traced.layers.end()) << name;
    return std::vector<float>(found->spikes.begin(), found->spikes.end());
  };
  const std::vector<float> mixed = spikes_of("block.0.attn"), fc2 = spikes_of("block.0.mlp.fc2");
  EXPECT_EQ(traced.mixers[0].after, mixed);
  std::vector<float> stream = traced.mixers[0].before;
  for (size_t i = 0; i < stream.size(); ++i) stream[i] += mixed[i] + fc2[i];
  EXPECT_EQ(traced.mixers[1].before, stream);
}

TEST_F(LookTest, MixersOverTimeHaveNoMembranes) {
  const auto net = network(tiny_card("fft1d:axes=time"));
  const Trace traced = trace(net, inputs(1, Session(net).input_size()).data());
  EXPECT_TRUE(traced.membranes.empty());
  EXPECT_FALSE(traced.no_membranes.empty());
}

TEST(SurestMistakes, AreWrongAndInOrder) {
  Answers answers;
  answers.classes = {"a", "b"};
  answers.truth = {0, 1, 0, 1}, answers.answer = {1, 1, 1, 0}, answers.probability = {0.6, 0.9, 0.8, 0.7};
  EXPECT_EQ(surest_mistakes(answers, 2), (std::vector<size_t>{2, 3}));
  EXPECT_EQ(answers.right(), 1);
  EXPECT_EQ(answers.counts(), (std::vector<int64_t>{0, 2, 1, 1}));
}

TEST(Confusion, WithManyClassesIsAPictureAndTheCommonestMistakes) {
  Answers answers;
  for (int64_t i = 0; i < 100; ++i) {
    answers.classes.push_back("<" + std::to_string(i) + ">");
    answers.truth.push_back(i), answers.answer.push_back(i < 90 ? i : 7), answers.probability.push_back(0.5);
  }
  const std::string html = confusion("m", answers, {}, "data");
  EXPECT_LT(html.size(), 40000u);
  EXPECT_NE(html.find("data-top1=\"90\""), std::string::npos);
  EXPECT_NE(html.find("<th scope=\"row\">&lt;95&gt;</th><td>&lt;7&gt;</td>"), std::string::npos);
}

}  // namespace
}  // namespace spikemix::reports
