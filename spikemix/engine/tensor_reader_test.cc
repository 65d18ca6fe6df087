// SPDX-License-Identifier: MIT
#include "spikemix/engine/tensor_reader.h"

#include "spikemix/engine/tiny_model_test.h"

namespace spikemix {
namespace {

class TensorReaderTest : public EngineTest {
 protected:
  std::string error_of(const std::function<void(Tensors&)>& change) const {
    const SafeTensors file = SafeTensors::open(write_model("m", tiny_card(), DType::F32, change));
    try {
      TensorReader("m", file, tensors_of(make_plan(tiny_card().model, tiny_card().neuron)));
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(TensorReaderTest, NamesEveryProblemAtOnce) {
  const std::string error = error_of([](Tensors& t) {
    t.erase("head.bias");
    t["block.0.mlp.fc1_linear.wieght"] = t["head.weight"];
    t["block.1.attn.bn.bias"] = {DType::I32, std::vector<std::byte>(64)};
  });
  EXPECT_THAT(error, testing::StartsWith("m: "));
  EXPECT_THAT(error, testing::HasSubstr("tensor 'head.bias' is missing"));
  EXPECT_THAT(error, testing::HasSubstr("(nearest: 'block.0.mlp.fc1_linear.weight')"));
  EXPECT_THAT(error, testing::HasSubstr("'block.1.attn.bn.bias' is I32, expected F32, F64, F16 or BF16"));
}

TEST_F(TensorReaderTest, NamesShapes) {
  const fs::path file = write_model("m", tiny_card());
  ModelCard wider = tiny_card();
  wider.model.mlp_ratio = 3;
  expect_input_error(
      [&] { TensorReader("m", SafeTensors::open(file), tensors_of(make_plan(wider.model, wider.neuron))); },
      "tensor 'block.0.mlp.fc1_linear.weight' is [32, 16], expected [48, 16]");
}

TEST_F(TensorReaderTest, SkipsUnusedTensorsOfPublishedModels) {
  EXPECT_EQ(error_of([](Tensors& t) {
              for (const char* name : {"pos_embed", "norm.weight", "block.0.norm1.bias", "block.12.norm2.weight"})
                t[name] = t["head.bias"];
            }),
            "");
  for (const char* name : {"norm.weights", "block.norm1.bias", "block..norm1.bias", "block.0.norm3.bias", "norm."})
    EXPECT_THAT(error_of([&](Tensors& t) { t[name] = t["head.bias"]; }), testing::HasSubstr("is unknown")) << name;
}

// Both once took minutes, or overflowed the stack.
TEST_F(TensorReaderTest, SurvivesManyAndLongNames) {
  const std::string error = error_of([](Tensors& t) {
    for (int i = 0; i < 2000; ++i) t["x" + std::to_string(i)] = {DType::U8, {}};
  });
  EXPECT_THAT(error, testing::EndsWith("; and 1994 more"));
  EXPECT_LT(error.size(), 10'000u);
  EXPECT_THAT(error_of([](Tensors& t) {
                t["block." + std::string(1 << 20, '1')] = {DType::U8, {}};
              }),
              testing::HasSubstr("is unknown"));
}

}  // namespace
}  // namespace spikemix
