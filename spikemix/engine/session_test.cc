// SPDX-License-Identifier: MIT
#include "spikemix/engine/session.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "spikemix/engine/packed_network.h"
#include "spikemix/engine/tiny_model_test.h"
#include "spikemix/kernels/spike_product/byte_product.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

class SessionTest : public EngineTest {
 protected:
  static std::vector<float> infer(Session& session, int64_t images, const std::vector<float>& x) {
    std::vector<float> logits(size_t(images * session.network().card.model.classes), -1);
    session.infer(images, x.data(), logits.data());
    return logits;
  }
};

TEST_F(SessionTest, EveryWayOfRunningGivesTheSameBits) {
  for (const char* mixer : {"fft2d", "ssa", "wt1d", "dwt-c", "hadamard", "fft1d:axes=time"}) {
    const fs::path file = write_model(mixer, tiny_card(mixer));
    for (const Precision precision : {Precision::kFp32, Precision::kInt16, Precision::kInt8}) {
      SCOPED_TRACE(testing::Message() << mixer << " " << name_of(precision));
      const auto network = load_network(file, precision);
      Session one(network);
      const std::vector<float> x = inputs(5, one.input_size()), expected = infer(one, 5, x);
      EXPECT_NE(std::vector(expected.begin(), expected.begin() + 3),
                std::vector(expected.begin() + 3, expected.begin() + 6))
          << "a model whose answers do not depend on its input proves nothing";
      for (const int64_t threads : {2, 3, 7}) {
        Session session(network, {.threads = threads});
        EXPECT_EQ(infer(session, 5, x), expected) << threads << " threads";
      }
      if (network->packed->plan.mixes_time()) continue;
      Session streaming(network, {.threads = 2, .streaming = true});
      EXPECT_EQ(infer(streaming, 5, x), expected);
      std::vector<float> logits(3);
      for (const int64_t image : {4, 1}) {
        streaming.reset();
        for (int64_t t = 0; t < 2; ++t) streaming.step(x.data() + image * one.input_size(), logits.data());
        EXPECT_EQ(streaming.steps(), 2);
        EXPECT_EQ(std::memcmp(logits.data(), &expected[size_t(3 * image)], 12), 0);
      }
    }
  }
}

// Lists make the sums of layers that have no dense form of their weights.
TEST_F(SessionTest, BytesAndListsGiveTheSameBits) {
  if (std::isinf(byte_product_density(1))) GTEST_SKIP() << "no kernel for bytes on this processor";
  for (const char* kind : {"lif", "integer"}) {
    SCOPED_TRACE(kind);
    ModelCard card = tiny_card("ssa");
    card.neuron.kind = kind;
    const auto network = load_network(write_model(kind, card), Precision::kInt8);
    Session session(network);
    const std::vector<float> x = inputs(3, session.input_size());
    session.start_profile();
    const std::vector<float> expected = infer(session, 3, x);
    double as_bytes = 0;
    for (const LayerProfile& layer : session.profile()) as_bytes += layer.byte_inputs;
    EXPECT_GT(as_bytes, 0);
    Session bytes(network, {.threads = 2});
    EXPECT_EQ(infer(bytes, 3, x), expected);
    for (const NetworkLayer& layer : network->packed->layers) {
      for (const PackedPart& part : layer.parts) const_cast<PackedPart&>(part).weights.dense.reset();
    }
    for (const int64_t threads : {1, 2}) {
      Session lists(network, {.threads = threads});
      EXPECT_EQ(infer(lists, 3, x), expected) << threads << " threads";
    }
  }
}

TEST_F(SessionTest, FramesOfEvents) {
  ModelCard card = tiny_card("ssa");
  card.model.input = "events", card.model.channels = 2, card.model.T = 3;
  card.mean = card.std = {};
  const auto network = load_network(write_model("events", card), Precision::kFp32);
  Session whole(network), streaming(network, {.streaming = true});
  EXPECT_EQ(whole.input_size(), 3 * whole.step_input_size());
  std::vector<float> x = inputs(2, whole.input_size());
  // Like real frames: most pixels see nothing. One frame sees nothing at all, and the next one something everywhere.
  for (size_t i = 0; i < x.size(); ++i) x[i] = i % 7 ? 0 : x[i];
  const int64_t frame = whole.step_input_size();
  std::fill_n(x.begin() + frame, frame, 0.0f), std::fill_n(x.begin() + 2 * frame, frame, 1.0f);
  const std::vector<float> expected = infer(whole, 2, x);
  EXPECT_EQ(infer(streaming, 2, x), expected);
  for (const int64_t threads : {2, 3, 7, 40}) {
    Session together(network, {.threads = threads});
    EXPECT_EQ(infer(together, 1, x), std::vector(expected.begin(), expected.begin() + 3)) << threads << " threads";
  }
  // The frames are read in order: in another order they are another input.
  std::vector<float> reordered(x.begin() + 2 * whole.step_input_size(), x.begin() + whole.input_size());
  reordered.insert(reordered.end(), x.begin(), x.begin() + 2 * whole.step_input_size());
  EXPECT_NE(infer(whole, 1, reordered), std::vector(expected.begin(), expected.begin() + 3));
}

// v is at rest where a neuron fired, and below the threshold where it did not: hard reset.
TEST_F(SessionTest, MembranesBelongToTheFiringNeurons) {
  for (const char* mixer : {"fft2d", "ssa", "sdsa1"}) {
    const auto network = load_network(write_model("membranes", tiny_card(mixer)), Precision::kFp32);
    EXPECT_TRUE(Session(network).membranes().empty()) << "only a streaming session keeps them";
    Session session(network, {.streaming = true});
    std::map<std::string, std::vector<uint64_t>> spikes;
    session.set_observer([&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits) {
      ASSERT_EQ(T, 1);
      spikes[layer].assign(bits, bits + rows * spike_words(channels));
    });
    const std::vector<float> x = inputs(1, session.input_size());
    std::vector<float> logits(3);
    int64_t fired = 0, silent = 0;
    for (int64_t t = 0; t < 3; ++t) {
      session.step(x.data(), logits.data());
      ASSERT_EQ(session.membranes().size(), spikes.size());
      for (const Membrane& m : session.membranes()) {
        ASSERT_TRUE(spikes.contains(m.part)) << m.part;
        const std::vector<uint64_t>& bits = spikes[m.part];
        if (int64_t(bits.size()) != m.rows * spike_words(m.channels)) continue;  // attention's gates: one for many
        for (int64_t i = 0; i < m.rows * m.channels; ++i) {
          const int64_t row = i / m.channels, channel = i % m.channels;
          const bool fires = bits[size_t(row * spike_words(m.channels) + channel / 64)] >> (channel % 64) & 1;
          const float v = m.values[row * m.stride + channel];
          fires ? ++fired : ++silent;
          ASSERT_TRUE(fires ? v == 0 : v < m.threshold) << m.part << " " << v;
        }
      }
    }
    EXPECT_GT(fired, 100);
    EXPECT_GT(silent, 100);
  }
}

TEST_F(SessionTest, AllocatesNothingAfterConstruction) {
  for (const char* mixer : {"fft2d", "ssa", "dwt-c"}) {
    const auto network = load_network(write_model(mixer, tiny_card(mixer)), Precision::kInt8);
    for (const int64_t threads : {1, 3}) {
      Session session(network, {.threads = threads}), streaming(network, {.threads = threads, .streaming = true});
      const std::vector<float> x = inputs(4, session.input_size());
      std::vector<float> logits(4 * 3);
      const NewWatch watch;
      session.infer(4, x.data(), logits.data());
      streaming.step(x.data(), logits.data());
      streaming.infer(2, x.data(), logits.data());
      EXPECT_EQ(watch.calls(), 0) << mixer << ", " << threads << " threads";
    }
  }
}

TEST_F(SessionTest, SessionsOnManyThreadsShareANetwork) {
  const auto network = load_network(write_model("ssa", tiny_card("ssa")), Precision::kInt8);
  Session alone(network);
  const std::vector<float> x = inputs(6, alone.input_size()), expected = infer(alone, 6, x);
  std::vector<std::vector<float>> results(3);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) {
      threads.emplace_back([&] {
        Session session(network, {.threads = 2});
        for (int round = 0; round < 10; ++round) result = infer(session, 6, x);
      });
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

// As in the Python package: a call without the GIL takes any idle session, perhaps one that another thread used or
// watched, and runs on the session's own threads.
TEST_F(SessionTest, SessionsWanderBetweenThreads) {
  const auto network = load_network(write_model("wt2d", tiny_card("wt2d")), Precision::kFp32);
  Session alone(network);
  const std::vector<float> x = inputs(6, alone.input_size()), expected = infer(alone, 6, x);
  std::mutex lock;
  std::vector<std::unique_ptr<Session>> idle;
  std::atomic<int> wrong = 0, unseen = 0;
  const auto call = [&](bool watched) {
    std::unique_ptr<Session> session;
    {
      const std::lock_guard locked(lock);
      if (!idle.empty()) session = std::move(idle.back()), idle.pop_back();
    }
    if (!session) session = std::make_unique<Session>(network, SessionOptions{.threads = 2});
    int seen = 0;
    if (watched) session->set_observer([&](const auto&...) { ++seen; });
    if (infer(*session, 6, x) != expected) ++wrong;
    if (watched) session->set_observer({});
    if (watched == (seen == 0)) ++unseen;
    const std::lock_guard locked(lock);
    idle.push_back(std::move(session));
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < 8; ++round) call(round % 3 == thread);
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(unseen, 0);
}

TEST_F(SessionTest, RefusesOptionsThatDoNotFit) {
  const auto time = load_network(write_model("time", tiny_card("wt1d:axes=time")), Precision::kFp32);
  expect_input_error([&] { Session(time, {.streaming = true}); }, "block.0.attn: mixes over time");
  expect_input_error([&] { Session(time, {.threads = 0}); }, "threads = 0: expected 1 to");
  expect_input_error([&] { Session(time, {.threads = 1 << 20}); }, "threads = 1048576: expected 1 to");
  Session whole(time);
  std::vector<float> x(size_t(whole.input_size())), logits(3);
  EXPECT_THROW(whole.step(x.data(), logits.data()), std::logic_error);
}

TEST_F(SessionTest, RefusesImagesWhoseBuffersAreTooLarge) {
  ModelCard card = tiny_card("hadamard");
  card.model.height = card.model.width = 1024, card.model.T = 4, card.model.pool = {1, 1, 1, 1};
  const auto network = load_network(write_model("large", card), Precision::kFp32);
  const NewWatch watch;
  expect_input_error([&] { Session(network, {.max_image_bytes = 64 << 20}); }, "1024 x 1024 inputs, 16 channels");
  EXPECT_LT(watch.peak_bytes(), 1 << 20);
}

TEST(Softmax, SumsToOneWhateverTheSize) {
  const std::vector<double> p = softmax(std::vector<float>{1000, 1000, -1000});
  EXPECT_DOUBLE_EQ(p[0], 0.5);
  EXPECT_DOUBLE_EQ(p[1], 0.5);
  EXPECT_EQ(p[2], 0.0);
}

}  // namespace
}  // namespace spikemix
