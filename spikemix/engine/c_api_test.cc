// SPDX-License-Identifier: MIT
#include "spikemix/engine/c_api.h"

#include <algorithm>
#include <thread>

#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"

extern "C" int64_t spikemix_c99_classify(const char* path, const uint8_t* pixels);

namespace spikemix {
namespace {

using testing::HasSubstr;
using testing::StrEq;

struct FreeModel {
  void operator()(spikemix_model* model) const { spikemix_model_free(model); }
};
struct FreeSession {
  void operator()(spikemix_session* session) const { spikemix_session_free(session); }
};
using Model = std::unique_ptr<spikemix_model, FreeModel>;
using CSession = std::unique_ptr<spikemix_session, FreeSession>;

class CApiTest : public EngineTest {
 protected:
  static void expect_error(int status, const std::string& text) {
    EXPECT_EQ(spikemix_last_status(), status);
    EXPECT_THAT(spikemix_last_error(), HasSubstr(text));
  }
};

TEST_F(CApiTest, EqualsTheSession) {
  const fs::path file = write_model("a.safetensors", tiny_card("ssa"));
  const std::string bytes = read_file(file);
  for (const char* precision : {"fp32", "int16", "int8"}) {
    Session expected_session(load_network(file, parse_precision(precision)));
    const std::vector<float> x = inputs(4, expected_session.input_size());
    std::vector<float> expected(12), logits(12);
    expected_session.infer(4, x.data(), expected.data());

    const Model from_file(spikemix_load(file.c_str(), precision));
    const Model from_memory(spikemix_load_memory(bytes.data(), bytes.size(), precision));
    for (const Model* model : {&from_file, &from_memory}) {
      ASSERT_TRUE(*model) << spikemix_last_error();
      EXPECT_THAT(spikemix_precision(model->get()), StrEq(precision));
      const CSession session(spikemix_session_new(model->get(), 2, 0));
      ASSERT_EQ(spikemix_infer(session.get(), 4, x.data(), logits.data()), SPIKEMIX_OK) << spikemix_last_error();
      EXPECT_EQ(logits, expected);
    }

    const CSession streaming(spikemix_session_new(from_memory.get(), 1, 1));
    std::vector<float> last(3);
    ASSERT_EQ(spikemix_step(streaming.get(), x.data(), last.data()), SPIKEMIX_OK);
    ASSERT_EQ(spikemix_reset(streaming.get()), SPIKEMIX_OK);
    EXPECT_EQ(spikemix_steps(streaming.get()), 0);
    for (int t = 0; t < 2; ++t) ASSERT_EQ(spikemix_step(streaming.get(), x.data(), last.data()), SPIKEMIX_OK);
    EXPECT_EQ(spikemix_steps(streaming.get()), 2);
    EXPECT_EQ(last, std::vector(expected.begin(), expected.begin() + 3));
  }
}

TEST_F(CApiTest, AnswersQuestions) {
  ModelCard card = tiny_card();
  card.model.height = 6;
  const Model model(spikemix_load(write_model("a", card).c_str(), nullptr));
  EXPECT_EQ(spikemix_classes(model.get()), 3);
  EXPECT_EQ(spikemix_channels(model.get()), 3);
  EXPECT_EQ(spikemix_height(model.get()), 6);
  EXPECT_EQ(spikemix_width(model.get()), 8);
  EXPECT_EQ(spikemix_time_steps(model.get()), 2);
  EXPECT_EQ(spikemix_is_events(model.get()), 0);
  EXPECT_EQ(spikemix_input_size(model.get()), 3 * 6 * 8);
  EXPECT_EQ(spikemix_step_input_size(model.get()), 3 * 6 * 8);
  EXPECT_THAT(spikemix_class_name(model.get(), 2), StrEq("newt"));
  EXPECT_EQ(spikemix_class_name(model.get(), 3), nullptr);
  EXPECT_EQ(spikemix_class_name(model.get(), -1), nullptr);
  EXPECT_THAT(spikemix_version(), StrEq("0.1.0"));

  card.model.input = "events", card.model.channels = 2, card.mean = card.std = {}, card.classes = {};
  const Model events(spikemix_load(write_model("b", card).c_str(), nullptr));
  EXPECT_EQ(spikemix_is_events(events.get()), 1);
  EXPECT_EQ(spikemix_input_size(events.get()), 2 * 2 * 6 * 8);
  EXPECT_EQ(spikemix_class_name(events.get(), 0), nullptr);
  float input[1];
  const uint8_t pixels[1] = {};
  EXPECT_EQ(spikemix_image_to_input(events.get(), pixels, 6, 8, input), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "frames of events");
}

TEST_F(CApiTest, NormalisesPixels) {
  const Model model(spikemix_load(write_model("a", tiny_card()).c_str(), nullptr));
  std::vector<uint8_t> pixels(8 * 8 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 7);
  std::vector<float> input(size_t(spikemix_input_size(model.get())));
  ASSERT_EQ(spikemix_image_to_input(model.get(), pixels.data(), 8, 8, input.data()), SPIKEMIX_OK);
  const double mean[] = {0.5, 0.4, 0.3}, std[] = {0.25, 0.5, 1};
  for (size_t c = 0; c < 3; ++c) {
    for (size_t p = 0; p < 64; ++p)
      EXPECT_FLOAT_EQ(input[64 * c + p], float((pixels[3 * p + c] / 255.0 - mean[c]) / std[c]));
  }
  EXPECT_EQ(spikemix_image_to_input(model.get(), pixels.data(), 8, 9, input.data()), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "the image has 8 x 9 pixels, the model takes 8 x 8");
}

TEST_F(CApiTest, WorksFromC) {
  const fs::path file = write_model("a", tiny_card());
  std::vector<uint8_t> pixels(8 * 8 * 3, 200);
  const int64_t best = spikemix_c99_classify(file.c_str(), pixels.data());
  const Model model(spikemix_load(file.c_str(), nullptr));
  const CSession session(spikemix_session_new(model.get(), 1, 0));
  std::vector<float> input(8 * 8 * 3), logits(3);
  spikemix_image_to_input(model.get(), pixels.data(), 8, 8, input.data());
  spikemix_infer(session.get(), 1, input.data(), logits.data());
  EXPECT_EQ(best, std::max_element(logits.begin(), logits.end()) - logits.begin());
  EXPECT_EQ(spikemix_c99_classify("nowhere.safetensors", pixels.data()), -1);
}

TEST_F(CApiTest, NamesTheFault) {
  EXPECT_EQ(spikemix_load("nowhere.safetensors", nullptr), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "nowhere.safetensors: no such file");
  EXPECT_EQ(spikemix_load_memory("short", 5, nullptr), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "the model in memory: has 5 bytes");
  const fs::path file = write_model("a", tiny_card());
  EXPECT_EQ(spikemix_load(file.c_str(), "int7"), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "no precision 'int7'; did you mean");

  const Model model(spikemix_load(file.c_str(), nullptr));
  EXPECT_EQ(spikemix_session_new(model.get(), 0, 0), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "threads = 0");
  const CSession session(spikemix_session_new(model.get(), 1, 0));
  std::vector<float> x(8 * 8 * 3), logits(3);
  EXPECT_EQ(spikemix_step(session.get(), x.data(), logits.data()), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "does not stream");
  EXPECT_EQ(spikemix_infer(session.get(), -1, x.data(), logits.data()), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "images = -1");
  EXPECT_EQ(spikemix_infer(session.get(), 0, nullptr, nullptr), SPIKEMIX_OK);
  expect_error(SPIKEMIX_BAD_INPUT, "images = -1");  // success leaves it
}

TEST_F(CApiTest, TreatsNullAsAnError) {
  const Model model(spikemix_load(write_model("a", tiny_card()).c_str(), nullptr));
  const CSession session(spikemix_session_new(model.get(), 1, 1));
  float value = 0;
  EXPECT_EQ(spikemix_load(nullptr, nullptr), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "path is NULL");
  EXPECT_EQ(spikemix_load_memory(nullptr, 3, nullptr), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "bytes is NULL");
  EXPECT_EQ(spikemix_session_new(nullptr, 1, 0), nullptr);
  expect_error(SPIKEMIX_BAD_INPUT, "model is NULL");
  EXPECT_EQ(spikemix_infer(nullptr, 1, &value, &value), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "session is NULL");
  EXPECT_EQ(spikemix_infer(session.get(), 1, nullptr, &value), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "inputs is NULL");
  EXPECT_EQ(spikemix_step(session.get(), &value, nullptr), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "logits is NULL");
  EXPECT_EQ(spikemix_image_to_input(model.get(), nullptr, 8, 8, &value), SPIKEMIX_BAD_INPUT);
  expect_error(SPIKEMIX_BAD_INPUT, "pixels is NULL");
  EXPECT_EQ(spikemix_reset(nullptr), SPIKEMIX_BAD_INPUT);
  EXPECT_EQ(spikemix_steps(nullptr), 0);
  EXPECT_EQ(spikemix_classes(nullptr), 0);
  EXPECT_EQ(spikemix_input_size(nullptr), 0);
  EXPECT_EQ(spikemix_class_name(nullptr, 0), nullptr);
  spikemix_model_free(nullptr);
  spikemix_session_free(nullptr);
}

TEST_F(CApiTest, ErrorsAreOneLineAndPerThread) {
  EXPECT_EQ(spikemix_load("first\nsecond", nullptr), nullptr);
  EXPECT_THAT(spikemix_last_error(), StrEq("first?second: no such file or folder"));
  std::thread([] {
    EXPECT_EQ(spikemix_last_status(), SPIKEMIX_OK);
    EXPECT_THAT(spikemix_last_error(), StrEq(""));
    spikemix_load(nullptr, nullptr);
  }).join();
  EXPECT_THAT(spikemix_last_error(), HasSubstr("first?second"));
  spikemix_load(std::string(5000, 'x').c_str(), nullptr);
  EXPECT_EQ(std::string(spikemix_last_error()).size(), 1023u);
}

TEST_F(CApiTest, ASessionOutlivesItsModel) {
  spikemix_model* model = spikemix_load(write_model("a", tiny_card()).c_str(), nullptr);
  const CSession session(spikemix_session_new(model, 1, 0));
  spikemix_model_free(model);
  std::vector<float> x(8 * 8 * 3, 1), logits(3);
  EXPECT_EQ(spikemix_infer(session.get(), 1, x.data(), logits.data()), SPIKEMIX_OK);
}

TEST_F(CApiTest, ManyThreadsShareAModel) {
  const Model model(spikemix_load(write_model("a", tiny_card("ssa")).c_str(), "int8"));
  const std::vector<float> x = inputs(2, spikemix_input_size(model.get()));
  std::vector<std::vector<float>> logits(3, std::vector<float>(6));
  {
    std::vector<std::jthread> threads;
    for (auto& own : logits) {
      threads.emplace_back([&] {
        const CSession session(spikemix_session_new(model.get(), 1, 0));
        EXPECT_EQ(spikemix_infer(session.get(), 2, x.data(), own.data()), SPIKEMIX_OK);
        EXPECT_EQ(spikemix_infer(session.get(), -1, nullptr, nullptr), SPIKEMIX_BAD_INPUT);
      });
    }
  }
  EXPECT_EQ(logits[0], logits[1]);
  EXPECT_EQ(logits[0], logits[2]);
}

}  // namespace
}  // namespace spikemix
