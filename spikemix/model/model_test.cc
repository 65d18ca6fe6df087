// SPDX-License-Identifier: MIT
#include "spikemix/model/model.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Plan plan_of(const ModelConfig& model) { return make_plan(model, NeuronConfig()); }
int64_t learned(const ModelConfig& model, const NeuronConfig& neuron = {}) {
  return learned_values(tensors_of(make_plan(model, neuron)));
}

ModelConfig published_dvs() {
  ModelConfig m;
  m.input = "events", m.channels = 2, m.height = m.width = 128, m.T = 16;
  m.embed_dim = 256, m.depth = 2, m.heads = {16}, m.ssa_scale = 0.25, m.pool = {1, 1, 1, 1};
  return m;
}

ModelConfig published_maxformer() {
  ModelConfig m;
  m.architecture = "maxformer", m.mixer = {"identity:branch=false", "dwc3", "ssa"}, m.heads = {8};
  return m;
}

ModelConfig published_qkformer() {
  ModelConfig m;
  m.architecture = "qkformer", m.mixer = {"qk-token", "qk-token", "ssa"}, m.heads = {8};
  return m;
}

void refuses(const ModelConfig& model, const std::string& text) {
  EXPECT_THAT([&] { plan_of(model); }, ThrowsMessage<InputError>(HasSubstr(text)));
}

TEST(Plan, PublishedSizes) {
  ModelConfig cifar;
  cifar.mixer = {"ssa"};
  EXPECT_EQ(learned(cifar), 9'324'730);
  ModelConfig dvs = published_dvs();
  dvs.mixer = {"ssa"};
  EXPECT_EQ(learned(dvs), 2'566'666);
  EXPECT_EQ(learned(published_qkformer()), 6'706'234);
  EXPECT_EQ(learned(published_maxformer()), 6'568'282);
  dvs.architecture = "maxformer", dvs.mixer = {"dwc3", "ssa"};
  EXPECT_EQ(learned(dvs), 1'950'602);
  dvs.architecture = "qkformer", dvs.mixer = {"qk-token", "ssa"}, dvs.mlp_ratio = 1;
  EXPECT_EQ(learned(dvs), 1'504'138);
}

// A linear mixer has only its batch norm; a learned combination has one coefficient for each basis; PLIF has one w for
// each neuron layer.
TEST(Plan, TensorsOfMixersAndNeurons) {
  ModelConfig m;
  m.mixer = {"fft2d"};
  const int64_t ssa_block = 4 * (384 * 384 + 384 + 2 * 384), lt_block = 2 * 384;
  const int64_t fixed = learned(m);
  EXPECT_EQ(fixed, 9'324'730 - 4 * (ssa_block - lt_block));
  m.mixer = {"dwt-c", "fft2d", "fft2d", "fft2d"};
  m.bases = {"haar", "db2"};
  EXPECT_EQ(learned(m), fixed + 2);
  m.mixer = {"gated", "fft2d", "gated:transform=wt2d", "fft2d"}, m.bases = {};
  EXPECT_EQ(learned(m), fixed + 2 * 8 * 5 * 384 + 64 * 384);
  for (const TensorSpec& tensor : tensors_of(plan_of(m))) {
    if (tensor.kind != TensorSpec::Kind::kGate) continue;
    EXPECT_FALSE(tensor.hidden || tensor.integers) << tensor.name;  // no matrix: not for Muon, stays real
  }
  NeuronConfig plif;
  plif.kind = "plif";
  m.mixer = {"fft2d"};
  EXPECT_EQ(learned(m, plif), fixed + 5 + 4 * 3);
  m.mixer = {"ssa"};
  const int64_t ssa = learned(m);
  m.mixer = {"random"};
  EXPECT_EQ(learned(m), ssa - 4 * 2 * 384 * 384);
}

// 3.08 billion multiply-adds an image at T = 4 for 4-384 with a transform, as docs/results.md says.
TEST(Plan, MultiplyAdds) {
  ModelConfig m;
  double macs = 0;
  for (const TensorSpec& tensor : tensors_of(plan_of(m))) macs += tensor.macs;
  EXPECT_NEAR(macs * double(m.T), 3.08e9, 0.005e9);
}

// The overflow proof rests on these bounds: 2 before the first block, and 1 more after each half of a block.
TEST(Plan, RangesFollowTheResidualStream) {
  ModelConfig m;
  m.mixer = {"ssa"}, m.depth = 13;
  const auto largest_input = [&](const std::string& weight) {
    for (const TensorSpec& tensor : tensors_of(plan_of(m))) {
      if (tensor.name == weight) return tensor.largest_input;
    }
    return int64_t{-1};
  };
  EXPECT_EQ(largest_input("patch_embed.proj_conv.weight"), 0);  // real values
  EXPECT_EQ(largest_input("patch_embed.rpe_conv.weight"), 1);
  EXPECT_EQ(largest_input("block.0.attn.q_linear.weight"), 2);
  EXPECT_EQ(largest_input("block.0.attn.proj_linear.weight"), 1);
  EXPECT_EQ(largest_input("block.0.mlp.fc1_linear.weight"), 3);
  EXPECT_EQ(largest_input("block.0.mlp.fc2_linear.weight"), 1);
  EXPECT_EQ(largest_input("block.12.attn.v_linear.weight"), 26);
  for (const char* stream : {"membrane", "iand"}) {
    m.stream = stream;
    EXPECT_EQ(largest_input("block.12.attn.v_linear.weight"), 1) << stream;
    EXPECT_EQ(largest_input("block.12.mlp.fc1_linear.weight"), 1) << stream;
  }
  m.stream = "spike", m.depth = 126;
  EXPECT_EQ(plan_of(m).values.back().range.largest(), 254);
}

// Every layer reads a value that exists, writes a new one, and has a name and tensors of its own.
void check_plan(const Plan& plan, const std::string& what) {
  SCOPED_TRACE(what);
  std::vector<bool> written(plan.values.size());
  written[0] = true;
  std::set<std::string> names, tensors;
  for (const LayerPlan& layer : plan.layers) {
    SCOPED_TRACE(layer.name);
    ASSERT_TRUE(written.at(size_t(layer.reads)));
    if (layer.merge != Merge::kNone) {
      ASSERT_TRUE(written.at(size_t(layer.merges)));
    }
    ASSERT_FALSE(written.at(size_t(layer.writes)));
    written[size_t(layer.writes)] = true;
    EXPECT_TRUE(names.insert(layer.name).second);
    EXPECT_EQ(layer.neurons, !layer.parts[0].tensors.neuron.empty());
    if (layer.neurons) {
      EXPECT_TRUE(layer.makes == (layer.signed_neurons ? Range::signed_spikes() : Range::spikes()));
    }
    const ValuePlan& from = plan.values[size_t(layer.reads)];
    const ValuePlan& to = plan.values[size_t(layer.writes)];
    if (layer.map == Map::kAttention) {
      EXPECT_GE(from.parts, 2);
    }
    if (layer.map != Map::kAttention) {
      EXPECT_EQ(from.parts, 1);
    }
    if (layer.merge != Merge::kNone) {
      const ValuePlan& with = plan.values[size_t(layer.merges)];
      EXPECT_EQ(with.rows(), to.rows());
      EXPECT_EQ(with.channels, to.channels);
    }
  }
  for (const TensorSpec& tensor : tensors_of(plan)) EXPECT_TRUE(tensors.insert(tensor.name).second) << tensor.name;
  EXPECT_TRUE(written.at(size_t(plan.features)));
  size_t next = 0;
  for (const Segment& segment : plan.segments) {
    EXPECT_EQ(segment.first, next);
    next = segment.last;
    for (size_t i = segment.first; i < segment.last; ++i) {
      const LayerPlan& layer = plan.layers[i];
      for (const int64_t value : {layer.reads, layer.merges}) {
        const bool inside = std::any_of(plan.layers.begin() + int64_t(segment.first), plan.layers.begin() + int64_t(i),
                                        [&](const LayerPlan& l) { return l.writes == value; });
        EXPECT_TRUE(value < 0 || value == segment.reads || inside) << segment.name << " " << layer.name;
      }
    }
  }
  EXPECT_EQ(next, plan.layers.size());
}

TEST(Plan, EveryMixerInEveryStreamStemAndArchitecture) {
  for (const MixerEntry& mixer : mixers()) {
    for (const char* input : {"image", "events"}) {
      ModelConfig m = std::string(input) == "events" ? published_dvs() : ModelConfig();
      m.mixer = {mixer.name}, m.heads = {8};
      for (const Architecture& architecture : architectures()) {
        m.architecture = architecture.name;
        if (m.architecture != "spikformer") {
          m.stream = "auto", m.stem = "conv4";
          check_plan(plan_of(m), m.architecture + " " + mixer.name + " " + input);
          continue;
        }
        for (const char* stream : {"spike", "membrane", "iand"}) {
          for (const char* stem : {"conv4", "conv2", "conv1"}) {
            for (const bool pool_first : {false, true}) {
              m.stream = stream, m.stem = stem, m.pool_before_neuron = pool_first;
              const Plan plan = plan_of(m);
              check_plan(plan, m.stream + " " + m.stem + " " + mixer.name + " " + input);
              EXPECT_EQ(plan.values[size_t(plan.features)].rows(), 64);
            }
          }
        }
      }
    }
  }
}

TEST(Plan, StreamsHoldTheirKindOfValue) {
  ModelConfig m;
  const auto stream = [&](const char* name) {
    m.stream = name;
    const Plan plan = plan_of(m);
    return plan.values[size_t(plan.features)].range;
  };
  EXPECT_EQ(stream("spike"), Range::whole(0, 10));
  EXPECT_EQ(stream("membrane"), Range::real());
  EXPECT_EQ(stream("iand"), Range::spikes());
}

TEST(Plan, IntegerNeuronsMakeCounts) {
  ModelConfig m;
  m.mixer = {"ssa"}, m.depth = 2;
  NeuronConfig integer;
  integer.kind = "integer", integer.levels = 4;
  const auto largest_input = [&](const std::string& weight) {
    for (const TensorSpec& tensor : tensors_of(make_plan(m, integer))) {
      if (tensor.name == weight) return tensor.largest_input;
    }
    return int64_t{-1};
  };
  EXPECT_EQ(largest_input("patch_embed.proj_conv1.weight"), 4);
  EXPECT_EQ(largest_input("block.0.attn.q_linear.weight"), 8);
  EXPECT_EQ(largest_input("block.0.attn.proj_linear.weight"), 1);  // q, k, v and their product stay binary
  EXPECT_EQ(largest_input("block.0.mlp.fc1_linear.weight"), 12);
  EXPECT_EQ(largest_input("block.0.mlp.fc2_linear.weight"), 4);
  m.stream = "membrane";
  EXPECT_EQ(largest_input("block.1.mlp.fc1_linear.weight"), 4);
  m.stream = "iand";
  EXPECT_THAT([&] { make_plan(m, integer); }, ThrowsMessage<InputError>(HasSubstr("needs spikes")));
  m.stream = "spike", m.depth = 31;
  EXPECT_THAT([&] { make_plan(m, integer); }, ThrowsMessage<InputError>(HasSubstr("would count up to 256 spikes")));
  m.depth = 30;
  EXPECT_EQ(make_plan(m, integer).values.back().range.largest(), 248);
}

TEST(Plan, WithoutSpikesAllValuesAreReal) {
  ModelConfig m;
  m.T = 1, m.mixer = {"wt2d"};
  NeuronConfig relu;
  relu.kind = "relu";
  for (const char* stream : {"spike", "membrane"}) {
    m.stream = stream;
    for (const ValuePlan& value : make_plan(m, relu).values) EXPECT_TRUE(value.range.is_real());
  }
  m.stream = "iand";
  EXPECT_THAT([&] { make_plan(m, relu); }, ThrowsMessage<InputError>(HasSubstr("neuron.kind = relu makes real")));
  m.stream = "spike";
  for (const auto& [mixer, what] : {std::pair{"ssa", "products of spikes"}, std::pair{"fatm", "spikes"}}) {
    m.mixer = {mixer};
    EXPECT_THAT([&] { make_plan(m, relu); }, ThrowsMessage<InputError>(HasSubstr(what))) << mixer;
  }
}

TEST(Stages, MixersAndHeadsOfStagesAndBlocks) {
  ModelConfig m = published_maxformer();
  m.heads = {2, 4, 8}, m.mixer = {"ssa", "ssa", "fft2d", "ssa:heads=16"};
  const Plan plan = plan_of(m);
  std::vector<int64_t> heads;
  for (const LayerPlan& layer : plan.layers) {
    if (layer.map == Map::kAttention) heads.push_back(layer.heads);
  }
  EXPECT_THAT(heads, ElementsAre(2, 4, 16));
  m.mixer = {"ssa", "ssa"};
  refuses(m, "model.mixer = 2: expected one mixer, one for each of the 3 stages, or one for each of the 4 blocks");
  m.mixer = {"ssa"}, m.heads = {2, 4};
  refuses(m, "model.heads = 2 numbers: expected one, one for each of the 3 stages");
  m.heads = {8}, m.depths = {1, 2};
  refuses(m, "model.depths = 2 stages: expected 3 with model.architecture = maxformer");
  m.depths = {0, 1, 1};
  refuses(m, "model.depths = 0: expected 1 to 126");
}

TEST(Plan, RefusesInvalidConfigs) {
  ModelConfig m;
  m.architecture = "spikeformer";
  refuses(m, "model.architecture = 'spikeformer'; did you mean 'spikformer'?");
  m = ModelConfig();
  m.mixer = {"fft3d"};
  refuses(m, "unknown mixer 'fft3d'");
  m.mixer = {"ssa", "fft2d"};
  refuses(m, "model.mixer = 2: expected one mixer, or one for each of the 4 blocks");
  m.mixer = {"ssa"}, m.heads = {5};
  refuses(m, "model.heads = 5: expected a divisor of the embedding dim 384");
  m = ModelConfig();
  m.stream = "counts";
  refuses(m, "model.stream = 'counts'");
  m = published_maxformer();
  m.stream = "spike";
  refuses(m, "model.stream = spike: maxformer has membrane");
  m = ModelConfig();
  m.stem = "conv1", m.patch = 5;
  refuses(m, "model.patch = 5: expected a divisor of model.height = 32 and model.width = 32");
  m = ModelConfig();
  m.mixer = {"maxpool3:residual=false"};
  refuses(m, "it needs model.stream = membrane");
  m = ModelConfig();
  m.height = m.width = 1024, m.pool = {0, 0, 0, 1}, m.depth = 126;
  refuses(m, "model.height x width after the pools = 262144: expected up to 65536 tokens");
}

}  // namespace
}  // namespace spikemix
