// SPDX-License-Identifier: MIT
#include "spikemix/count/operations.h"

#include <string_view>

#include <gtest/gtest.h>

#include "spikemix/base/rng.h"
#include "spikemix/count/energy.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/model/model.h"
#include "spikemix/plan/builder.h"
#include "spikemix/plan/fan_out.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
namespace {

using Fires = PlanBuilder::Fires;

const LayerOperations& find(const std::vector<LayerOperations>& layers, std::string_view name) {
  for (const LayerOperations& layer : layers) {
    if (layer.name == name) return layer;
  }
  throw std::out_of_range(std::string(name));
}

std::vector<uint64_t> packed(int64_t rows, int64_t channels, const std::vector<int>& spikes) {
  const int64_t words = spike_words(channels);
  std::vector<uint64_t> bits(size_t(rows * words), 0);
  for (int64_t i = 0; i < rows * channels; ++i)
    bits[size_t(i / channels * words + i % channels / 64)] |= uint64_t(spikes[size_t(i)]) << (i % channels % 64);
  return bits;
}

// A 2 x 2 picture of one channel, T = 1: a convolution 3x3 to 2 channels, its spikes twice as counts, a linear map
// to 3.
TEST(Operations, OfTwoLayersByHand) {
  ModelConfig m;
  m.channels = 1, m.height = m.width = 2, m.T = 1, m.classes = 5;
  PlanBuilder b(m, NeuronConfig());
  const int64_t x = b.input();
  b.begin_segment("all");
  const auto names = [](const std::string& n) {
    return MapNames{.name = n, .weight = n, .norm = n + "_bn", .neuron = n + "_lif"};
  };
  const int64_t s = b.convolution(x, names("conv"), Window(), 2, Fires::kYes);
  const int64_t r = b.convolution(s, names("res"), {.kernel = 1, .stride = 1, .padding = 0}, 2, Fires::kYes);
  const int64_t counts = b.merge(s, r, Merge::kAdd);
  const int64_t y = b.linear(counts, {names("fc")}, 3, 0, Fires::kYes);
  const Plan plan = std::move(b).finish(y, "head");

  OperationCounter counter(plan, 4);
  const float image[] = {1, 0, 0.5f, -1};
  counter.begin_image(image);
  counter.see("conv", 1, 4, 2, packed(4, 2, {1, 0, 1, 1, 0, 0, 0, 1}).data());
  counter.see("res", 1, 4, 2, packed(4, 2, {1, 0, 0, 1, 0, 1, 0, 0}).data());
  counter.see("fc", 1, 4, 3, packed(4, 3, std::vector<int>(12, 1)).data());
  counter.end_image();
  const std::vector<LayerOperations> layers = counter.layers();

  // Each pixel of a 2 x 2 picture is in all four windows.
  const LayerOperations& conv = find(layers, "conv");
  EXPECT_EQ(conv.dense, 4 * 4 * 2);
  EXPECT_EQ(conv.dense_padded, 4 * 9 * 2);
  EXPECT_EQ(conv.multiply_adds, 32);
  EXPECT_EQ(conv.additions, 0);
  EXPECT_EQ(conv.density, 0.75);
  EXPECT_EQ(conv.neurons, 8);
  // Four spikes, read by two outputs each.
  const LayerOperations& res = find(layers, "res");
  EXPECT_EQ(res.dense, 8 * 2);
  EXPECT_EQ(res.additions, 8);
  EXPECT_EQ(res.density, 0.5);
  EXPECT_EQ(res.residual_additions, 8);
  // Counts 2 0 1 2 0 1 0 1, read by three outputs each.
  const LayerOperations& fc = find(layers, "fc");
  EXPECT_EQ(fc.dense, 24);
  EXPECT_EQ(fc.additions, 9);
  EXPECT_EQ(fc.count_once, 6);
  EXPECT_EQ(fc.count_by_value, 12);
  EXPECT_EQ(fc.count_by_bits, 6);
  EXPECT_EQ(fc.density, 5 / 8.0);
  EXPECT_EQ(fc.mean, 7 / 8.0);
  EXPECT_EQ(find(layers, "head").multiply_adds, 15);
  EXPECT_FALSE(fc.silent);

  const EnergyTable table{"hand", "", 1000, 100, 10, 1, 0};
  // fc: 9 additions and 6 of counts at 1; 12 neurons of 2 (1000 + 100), 12 norms of 1100.
  EXPECT_DOUBLE_EQ(energy(fc, table), 1e-9 * (15 + 12 * 2200 + 12 * 1100));
}

// A 2 x 2 picture, 4 channels in 2 groups, with all spikes set; then signed spikes.
TEST(Operations, OfGroupsAndSignedSpikesByHand) {
  ModelConfig m;
  m.channels = 1, m.height = m.width = 2, m.T = 1, m.classes = 5;
  PlanBuilder b(m, NeuronConfig());
  const auto names = [](const std::string& n) {
    return MapNames{.name = n, .weight = n, .norm = n + "_bn", .neuron = n + "_lif"};
  };
  const int64_t x = b.input();
  b.begin_segment("all");
  const int64_t s = b.convolution(x, names("conv"), Window(), 4, Fires::kYes);
  b.shared_convolution(s, names("shared"), 3, 2, Fires::kYes);
  const int64_t y = b.grouped_linear(s, names("grouped"), 2, Fires::kSigned);
  const int64_t z =
      b.transform(y, {.name = "mix"}, "identity", find_mixer("identity").make({1, 2, 2, 4}, {}), Fires::kNo);
  const Plan plan = std::move(b).finish(z, "head");
  EXPECT_EQ(learned_values(tensors_of(plan)), (4 * 9 + 8) + (2 * 2 * 9 + 8) + (4 * 2 + 8) + (5 * 4 + 5));

  OperationCounter counter(plan, 4);
  const float image[] = {1, 1, 1, 1};
  counter.begin_image(image);
  for (const char* layer : {"conv", "shared"})
    counter.see(layer, 1, 4, 4, packed(4, 4, std::vector<int>(16, 1)).data());
  std::vector<int8_t> signs(4 * 64);
  signs[0] = 1, signs[1] = -1, signs[64] = -1, signs[3 * 64 + 3] = -1;
  counter.see("grouped", 1, 4, 4, signs.data());
  counter.end_image();
  const std::vector<LayerOperations> layers = counter.layers();
  // Each of 16 spikes is read by the 2 outputs of its group, in 4 windows of the convolution.
  EXPECT_EQ(find(layers, "grouped").additions, 16 * 2);
  EXPECT_EQ(find(layers, "grouped").dense_padded, 16 * 2);
  EXPECT_EQ(find(layers, "shared").additions, 16 * 4 * 2);
  EXPECT_EQ(find(layers, "shared").dense, 16 * 4 * 2);
  EXPECT_EQ(find(layers, "shared").dense_padded, 16 * 9 * 2);
  EXPECT_EQ(find(layers, "mix").density, 4 / 16.0);
  EXPECT_EQ(find(layers, "mix").mean, -2 / 16.0);
}

// Every architecture, stream and mixer has a rule for each layer, and if everything fires, the additions are the dense
// ones.
TEST(Operations, EveryNetworkIsCounted) {
  for (const Architecture& architecture : architectures()) {
    for (const MixerEntry& mixer : mixers()) {
      ModelConfig m;
      m.architecture = architecture.name, m.mixer = {mixer.name};
      m.height = m.width = 16, m.embed_dim = 64, m.heads = {2}, m.T = 2, m.depth = 1;
      SCOPED_TRACE(m.architecture + " " + mixer.name);
      const Plan plan = make_plan(m, NeuronConfig());
      OperationCounter counter(plan, 1);
      const std::vector<float> image(size_t(3 * 16 * 16), 1.0f);
      counter.begin_image(image.data());
      for (const LayerPlan& layer : plan.layers) {
        if (!layer.neurons) continue;
        const ValuePlan& to = plan.values[size_t(layer.writes)];
        for (const LayerPart& part : layer.parts) {
          const std::vector<int> ones(size_t(2 * to.rows() * to.channels), 1);
          counter.see(part.name, 2, to.rows(), to.channels, packed(2 * to.rows(), to.channels, ones).data());
        }
      }
      counter.end_image();
      const std::vector<LayerOperations> rows = counter.layers();
      size_t row = 0;
      for (const LayerPlan& layer : plan.layers) {
        double additions = 0;
        for (size_t part = 0; part < layer.parts.size(); ++part, ++row)
          additions += rows[row].additions + rows[row].count_once;
        EXPECT_DOUBLE_EQ(additions, 2 * spike_additions(plan, layer)) << layer.name;
      }
      for (const LayerOperations& o : rows) {
        EXPECT_FALSE(o.silent) << o.name;
        if (o.kind == "head") continue;
        EXPECT_DOUBLE_EQ(o.multiply_adds + o.additions + o.count_once, o.dense) << o.name;
        EXPECT_LE(o.dense, o.dense_padded) << o.name;
      }
    }
  }
}

TEST(Operations, AttentionInBothOrders) {
  ModelConfig m;
  m.mixer = {"ssa"}, m.height = m.width = 8, m.embed_dim = 16, m.heads = {2}, m.T = 1, m.depth = 1;
  const Plan plan = make_plan(m, NeuronConfig());
  OperationCounter counter(plan, 4);
  const std::vector<float> image(size_t(3 * 64), 1.0f);
  counter.begin_image(image.data());
  Rng rng(1, Rng::Purpose::kTest);
  const int64_t N = 4, D = 16, d = 8;
  std::map<std::string, std::vector<int>> spikes;
  for (const LayerPlan& layer : plan.layers) {
    const ValuePlan& to = plan.values[size_t(layer.writes)];
    for (const LayerPart& part : layer.parts) {
      if (!layer.neurons) continue;
      std::vector<int>& s = spikes[part.name];
      for (int64_t i = 0; i < to.rows() * to.channels; ++i) s.push_back(rng.uniform(0, 1) < 0.3);
      counter.see(part.name, 1, to.rows(), to.channels, packed(to.rows(), to.channels, s).data());
    }
  }
  counter.end_image();
  double qk = 0, kv = 0;
  const auto &q = spikes["block.0.attn.q"], &k = spikes["block.0.attn.k"], &v = spikes["block.0.attn.v"];
  for (int64_t h = 0; h < D; h += d) {
    for (int64_t n = 0; n < N; ++n) {
      for (int64_t c = h; c < h + d; ++c) kv += q[size_t(n * D + c)] * double(d);
      for (int64_t a = h; a < h + d; ++a) {
        for (int64_t c = h; c < h + d; ++c) kv += k[size_t(n * D + a)] * v[size_t(n * D + c)];
      }
      for (int64_t j = 0; j < N; ++j) {
        int together = 0, of_v = 0;
        for (int64_t c = h; c < h + d; ++c) {
          together += q[size_t(n * D + c)] * k[size_t(j * D + c)];
          of_v += v[size_t(j * D + c)];
        }
        qk += together + (together > 0 ? of_v : 0);
      }
    }
  }
  const LayerOperations attention = find(counter.layers(), "block.0.attn.attn");
  EXPECT_EQ(attention.attention_qk_first, qk);
  EXPECT_EQ(attention.attention_kv_first, kv);
}

}  // namespace
}  // namespace spikemix
