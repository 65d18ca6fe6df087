// SPDX-License-Identifier: MIT
#include "spikemix/scaling/scaling.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <gmock/gmock.h>

#include "spikemix/base/error.h"
#include "spikemix/engine/attention.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/scaling/mixer_cost.h"
#include "spikemix/scaling/model_cost.h"
#include "spikemix/scaling/random_network.h"

namespace spikemix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ScalingTask small_task(std::vector<std::string> mixers, std::vector<int64_t> tokens) {
  ScalingTask task{.model = {}, .neuron = {}, .mixers = std::move(mixers), .tokens = std::move(tokens), .seconds = 0};
  ModelConfig& m = task.model;
  m.embed_dim = 16, m.heads = {2}, m.depth = 1, m.mlp_ratio = 2, m.T = 2, m.height = m.width = 16;
  return task;
}

double density(const std::vector<uint64_t>& bits, int64_t values) {
  return double(count_ones(int64_t(bits.size()), bits.data())) / double(values);
}

TEST(RandomSpikes, HaveTheRequestedDensityAndEndWithTheChannels) {
  const std::vector<uint64_t> bits = random_spikes(500, 70, 0.3, 0);
  EXPECT_NEAR(density(bits, 500 * 70), 0.3, 0.01);
  for (size_t i = 1; i < bits.size(); i += 2) ASSERT_EQ(bits[i] >> 6, 0u);
  EXPECT_EQ(density(random_spikes(9, 64, 1, 0), 9 * 64), 1);
}

// At odd sizes, where heads straddle words.
TEST(Attention, ThreeOrdersMakeTheSameSums) {
  for (const int64_t N : {1, 2, 7, 17}) {
    for (const auto& [heads, d] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {2, 33}, {5, 13}, {1, 130}}) {
      const int64_t D = heads * d;
      const std::vector<uint64_t> q = random_spikes(N, D, 0.4, 1), k = random_spikes(N, D, 0.4, 2),
                                  v = random_spikes(N, D, 0.4, 3);
      Workspace::Member member;
      member.key_value.resize(size_t(d * d)), member.attended.resize(size_t(D));
      std::vector<float> engine(size_t(N * D), 99);
      attend(N, heads, d, 0, heads, q.data(), k.data(), v.data(), member, engine.data());
      for (const AttentionOrder order : {AttentionOrder::kQueryKey, AttentionOrder::kKeyValue}) {
        std::vector<float> y(engine.size(), 99), scratch(size_t(dense_attention_floats(order, N, heads, d)));
        dense_attention(order, N, heads, d, q.data(), k.data(), v.data(), scratch.data(), y.data());
        EXPECT_EQ(y, engine) << "N " << N << ", " << heads << " heads of " << d << ", order " << int(order);
      }
    }
  }
}

TEST(MixerBench, AttentionFiresTheSameSpikesInEveryOrder) {
  double fired = 0;
  for (const int64_t tokens : {1, 9, 25, 49}) {
    for (const int64_t D : {8, 24, 72}) {
      ScalingTask task = small_task({"ssa"}, {tokens});
      task.model.embed_dim = D, task.model.T = 3, task.density = 0.4;
      MixerBench bench(task, "ssa", tokens);
      ASSERT_TRUE(bench.has_attention());
      const AttentionSpikes spikes = bench.attention_spikes();
      EXPECT_EQ(density(spikes.q, 1), density(spikes.k, 1)) << "permutations of the same";
      if (tokens > 1) {
        EXPECT_NEAR(density(spikes.q, 3 * tokens * D), 0.4, 0.2);
        EXPECT_NE(spikes.q, spikes.k);
        EXPECT_NE(spikes.k, spikes.v);
      }
      EXPECT_EQ(bench.dense_spikes(AttentionOrder::kQueryKey, spikes), spikes.out);
      EXPECT_EQ(bench.dense_spikes(AttentionOrder::kKeyValue, spikes), spikes.out);
      fired += density(spikes.out, 1);
    }
  }
  EXPECT_GT(fired, 100);
}

TEST(Scaling, EveryMixerIsARowAndAttentionFour) {
  std::vector<std::string> names;
  for (const MixerEntry& entry : mixers()) names.push_back(entry.name);
  const std::vector<ScalingRow> rows = measure_scaling(small_task(names, {16, 64}), [](const std::string&) {});
  std::set<std::string> seen, models;
  for (const ScalingRow& row : rows) {
    (row.of == ScalingRow::Of::kModel ? models : seen).insert(row.mixer);
    ASSERT_EQ(row.points.size(), 2u) << row.name();
    for (const ScalingPoint& point : row.points) {
      EXPECT_EQ(point.refused, "") << row.name();
      EXPECT_GT(point.seconds, 0) << row.name();
      EXPECT_GT(point.bytes, 0) << row.name();
      if (row.of != ScalingRow::Of::kModel) {
        EXPECT_NEAR(point.density, 0.15, 0.05) << row.name();
      }
    }
    EXPECT_GT(row.points[1].bytes, row.points[0].bytes) << row.name();
  }
  EXPECT_EQ(seen, std::set<std::string>(names.begin(), names.end()));
  EXPECT_EQ(models, seen);
  std::vector<std::string> attention;
  for (const ScalingRow& row : rows) {
    if (row.mixer == "ssa" && row.of == ScalingRow::Of::kAttention) attention.push_back(row.what);
  }
  EXPECT_THAT(attention, ElementsAre("(q k') v, dense fp32", "q (k' v), dense fp32", "q (k' v) of spikes, the engine"));
}

TEST(Scaling, MemoryOfTheNaiveOrderIsTheScores) {
  for (const ScalingRow& row : measure_scaling(small_task({"ssa"}, {256, 1024}), [](const std::string&) {})) {
    if (row.of != ScalingRow::Of::kAttention) continue;
    const double ratio = row.points[1].bytes / row.points[0].bytes;
    if (row.what.starts_with("(q k')")) {
      EXPECT_GT(ratio, 10) << "four times the tokens, sixteen times the scores";
    } else {
      EXPECT_NEAR(ratio, 4, 0.3) << row.what;
    }
  }
}

TEST(Scaling, ARefusedSizeSaysWhyAndTheOthersAreFitted) {
  const std::vector<ScalingRow> rows =
      measure_scaling(small_task({"hadamard"}, {16, 36, 64}), [](const std::string&) {});
  ASSERT_EQ(rows.size(), 2u);
  for (const ScalingRow& row : rows) {
    EXPECT_THAT(row.points[1].refused, HasSubstr("N = 36 tokens, expected a power of two"));
    EXPECT_EQ(row.time().points, 2);
  }
}

TEST(Scaling, RefusesSizesThatFitNoRow) {
  const auto measure = [](std::vector<std::string> names, std::vector<int64_t> tokens) {
    return [=] { measure_scaling(small_task(names, tokens), [](const std::string&) {}); };
  };
  EXPECT_THAT(measure({"fft1d"}, {50}),
              testing::ThrowsMessage<InputError>(HasSubstr("50 tokens are not a square grid: 49 or 64")));
  EXPECT_THAT(measure({"fft1d"}, {48}), testing::ThrowsMessage<InputError>(HasSubstr("49 or 36")));
  EXPECT_THAT(measure({"ftt1d"}, {49}), testing::ThrowsMessage<InputError>(HasSubstr("did you mean 'fft1d'?")));
}

TEST(ModelBench, FiresNearlyAsOftenAsRequested) {
  for (const double wanted : {0.1, 0.3}) {
    ScalingTask task = small_task({"wt2d"}, {64, 256});
    task.density = wanted;
    const ModelBench bench(task);
    for (const int64_t tokens : task.tokens) EXPECT_NEAR(bench.measure("wt2d", tokens).density, wanted, wanted / 2);
  }
}

TEST(ModelBench, SaysWhichSizesAModelDoesNotHave) {
  ScalingTask task = small_task({"identity"}, {24, 16});
  task.model.height = 24, task.model.width = 16;  // 6 x 4 tokens
  const ModelBench bench(task);
  EXPECT_EQ(bench.measure("identity", 24).tokens, 24);
  EXPECT_THAT([&] { bench.measure("identity", 16); },
              testing::ThrowsMessage<InputError>(HasSubstr("the model: 20 x 13 pixels give 20 tokens, not 16")));
}

}  // namespace
}  // namespace spikemix
