// SPDX-License-Identifier: MIT
#include "spikemix/engine/network.h"

#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"

namespace spikemix {
namespace {

class NetworkTest : public EngineTest {
 protected:
  void refuses(const ModelCard& card, const std::string& text, const std::function<void(Tensors&)>& change = {},
               Precision precision = Precision::kFp32) const {
    const fs::path file = write_model("bad.safetensors", card, DType::F32, change);
    expect_input_error([&] { load_network(file, precision); }, text);
    expect_input_error([&] { load_network(file, precision); }, "bad.safetensors: ");
  }
  void refuses_config(const std::function<void(nlohmann::json&)>& change, const std::string& text) const {
    const fs::path file = write_config("bad.safetensors", change);
    expect_input_error([&] { load_network(file, Precision::kFp32); }, "bad.safetensors: " + text);
  }
  template <class T>
  static void set(Tensors& tensors, const std::string& name, size_t at, T value) {
    std::memcpy(tensors.at(name).second.data() + at * sizeof(T), &value, sizeof(T));
  }
  static std::vector<std::byte> ones(size_t n) { return std::vector<std::byte>(n, std::byte{1}); }
};

TEST_F(NetworkTest, MemoryEqualsTheFile) {
  const fs::path file = write_model("a.safetensors", tiny_card());
  const std::string bytes = read_file(file);
  std::vector<float> logits[2] = {std::vector<float>(3), std::vector<float>(3)};
  for (int i = 0; i < 2; ++i) {
    std::string copy = bytes;
    auto network = i ? load_network(std::as_bytes(std::span(copy)), "bytes", Precision::kInt8)
                     : load_network(file, Precision::kInt8);
    copy.assign(copy.size(), 'x');  // the network does not need them any longer
    Session session(network);
    const std::vector<float> x = inputs(1, session.input_size());
    session.infer(1, x.data(), logits[i].data());
  }
  EXPECT_EQ(logits[0], logits[1]);
}

TEST_F(NetworkTest, MemoryNeverReadsAConfigFromTheFolder) {
  std::ofstream(dir_ / "config.json") << tiny_card().to_text();
  const fs::path good = write_model("good.safetensors", tiny_card());
  const SafeTensors tensors = SafeTensors::open(good);
  std::vector<NamedTensor> list;
  for (const std::string& name : tensors.names()) list.push_back({name, *tensors.find(name)});
  write_safetensors(dir_ / "bare.safetensors", list, {});
  const std::string bytes = read_file(dir_ / "bare.safetensors");
  EXPECT_NO_THROW(load_network(dir_ / "bare.safetensors", Precision::kFp32));  // the Hugging Face layout
  expect_input_error(
      [&] { load_network(std::as_bytes(std::span(bytes)), dir_ / "bare.safetensors", Precision::kFp32); },
      "the model's config is missing");
}

TEST_F(NetworkTest, RefusesValuesThatAreNotNumbers) {
  refuses(tiny_card(), "'block.1.mlp.fc2_linear.weight' holds a value that is not finite",
          [](Tensors& t) { set(t, "block.1.mlp.fc2_linear.weight", 5, std::nanf("")); });
  refuses(tiny_card(), "'head.bias' holds a value that is not finite",
          [](Tensors& t) { set(t, "head.bias", 0, INFINITY); });
  refuses(tiny_card(), "'head.weight' holds -3e+38, expected up to 1000000000000",
          [](Tensors& t) { set(t, "head.weight", 3, -3e38f); });
  refuses(tiny_card(), "'block.1.mlp.fc2_linear.weight' holds 2000000000000, expected up to 1000000000000",
          [](Tensors& t) { set(t, "block.1.mlp.fc2_linear.weight", 5, 2e12f); });
  refuses(tiny_card(), "'block.0.attn.bn.running_var' holds -1",
          [](Tensors& t) { set(t, "block.0.attn.bn.running_var", 0, -1.0f); });
  refuses(tiny_card(), "'patch_embed.rpe_bn.*' at 2 make no finite scale and shift", [](Tensors& t) {
    set(t, "patch_embed.rpe_bn.weight", 2, 3e38f);
    set(t, "patch_embed.rpe_bn.running_var", 2, 0.0f);
  });
}

TEST_F(NetworkTest, RefusesMisplacedIntegers) {
  // These were once read as floats: a quarter as many, and the head was read past its end.
  refuses(tiny_card(), "'head.weight' is I8, expected F32, F64, F16 or BF16", [](Tensors& t) {
    t["head.weight"] = {DType::I8, ones(3 * 16)};
    t["head.weight_unit"] = {DType::F32, bytes_of(std::vector<float>(3, 1.0f))};
  });
  refuses(tiny_card(), "'patch_embed.proj_conv.weight' is I16, expected F32, F64, F16 or BF16", [](Tensors& t) {
    t["patch_embed.proj_conv.weight"] = {DType::I16, ones(2 * 2 * 27)};
  });
  const std::string fc2 = "block.0.mlp.fc2_linear.weight";
  const auto with_fc2 = [&](int8_t value, float unit) {
    return [=](Tensors& t) {
      t[fc2] = {DType::I8, std::vector<std::byte>(16 * 32, std::byte(value))};
      t[fc2 + "_unit"] = {DType::F32, bytes_of(std::vector<float>(16, unit))};
    };
  };
  EXPECT_NO_THROW(load_network(write_model("good", tiny_card(), DType::F32, with_fc2(-127, 1)), Precision::kFp32));
  refuses(tiny_card(), "'" + fc2 + "' holds -128, expected at least -127", with_fc2(-128, 1));
  refuses(tiny_card(), "'" + fc2 + "_unit' holds a value that is not finite", with_fc2(1, std::nanf("")));
  refuses(tiny_card(), "'" + fc2 + "_unit' holds 1e+30, expected up to", with_fc2(1, 1e30f));
  refuses(tiny_card(), "tensor '" + fc2 + "_unit' is missing", [&](Tensors& t) {
    t[fc2] = {DType::I8, ones(16 * 32)};
  });
}

TEST_F(NetworkTest, RefusesConfigsBeyondTheEngine) {
  using Json = nlohmann::json;
  const auto model = [](const char* key, const Json& value) { return [=](Json& json) { json["model"][key] = value; }; };
  refuses_config(model("T", 257), "its model.T = 257: expected 1 to 256");
  refuses_config(model("height", 100000), "its model.height = 100000: expected 1 to 1024");
  refuses_config(model("depth", 127), "its model.depth = 127: expected 1 to 126");
  refuses_config(model("depth", 9007199254740992), "its model.depth = 9007199254740992: expected");
  refuses_config(model("embed_dim", 8192), "its model.embed_dim = 8192: expected 8 to 4096");
  refuses_config(model("mlp_ratio", 16), "its model.mlp_ratio = 16: expected 1 to 15");
  refuses_config([](Json& j) { j["model"]["height"] = j["model"]["width"] = 1024, j["model"]["T"] = 5; },
                 "its model.T x height x width = 5242880");
  refuses_config(
      [](Json& j) {
        j["model"]["height"] = j["model"]["width"] = 1024, j["model"]["pool"] = {0, 0, 0, 1};
      },
      "its model.height x width after the pools = ");
  refuses_config(model("embed_dim", 12), "its model.embed_dim = 12: expected a multiple of 8");
  refuses_config(model("T", -1), "its model.T = -1: expected 1 to 256");
  refuses_config(model("pool", {1, 1}), "its model.pool has 2 values, expected 4");
  refuses_config(model("mixer", "fft3d"), "unknown mixer 'fft3d'");
  refuses_config(model("mixer", "wt1d:levels=60"),
                 "its model.mixer, wt1d: levels 60: N = 4 tokens allow levels 1 to 2");
  refuses_config([](Json& j) { j["model"]["T"] = 1, j["neuron"]["kind"] = "relu"; },
                 "its neuron.kind = relu: the engine runs spikes; spikemix eval MODEL --engine torch tests it");
  refuses_config([](Json& j) { j["mean"] = {0.5}; }, "its mean or std has 1 values, model.channels is 3");
  refuses_config([](Json& j) { j["std"] = {0.5, 0, 1}; }, "its std holds 0, expected more than 0");
  refuses_config([](Json& j) { j["classes"] = {"one"}; }, "names 1 classes, model.classes is 3");
  refuses_config([](Json& j) { j["neuron"]["v_threshold"] = 1e300; },
                 "its neuron.v_threshold = 1e+300: expected -1000000 to 1000000");
}

TEST_F(NetworkTest, SurvivesEndlesslyNestedConfigs) {
  const SafeTensors good = SafeTensors::open(write_model("good.safetensors", tiny_card()));
  std::vector<NamedTensor> tensors;
  for (const std::string& name : good.names()) tensors.push_back({name, *good.find(name)});
  std::string config = good.metadata().at("spikemix");
  const std::string nothing = "\"training\":null";
  const size_t depth = 300'000;
  ASSERT_NE(config.find(nothing), std::string::npos);
  config.replace(config.find(nothing), nothing.size(),
                 "\"training\":" + std::string(depth, '[') + std::string(depth, ']'));
  write_safetensors(dir_ / "deep", tensors, {{"spikemix", config}});
  expect_input_error([&] { load_network(dir_ / "deep", Precision::kFp32); }, "nested deeper than 32 levels");
}

TEST_F(NetworkTest, LoadsOtherTypesOfFloats) {
  const auto logits = [&](const fs::path& file) {
    Session session(load_network(file, Precision::kFp32));
    const std::vector<float> x = inputs(1, session.input_size());
    std::vector<float> y(3);
    session.infer(1, x.data(), y.data());
    return y;
  };
  // bfloat16's values in other types.
  const fs::path bf16 = write_model("bf16", tiny_card(), DType::BF16);
  const auto widen = [](auto zero, DType dtype) {
    return [=](Tensors& t) {
      for (auto& [name, content] : t) {
        if (content.first != DType::F32) continue;
        std::vector<decltype(zero)> values(content.second.size() / 4);
        for (size_t i = 0; i < values.size(); ++i) {
          float value;
          std::memcpy(&value, content.second.data() + 4 * i, 4);
          values[i] = float(Bfloat16(value));
        }
        content = {dtype, bytes_of(values)};
      }
    };
  };
  const std::vector<float> expected = logits(bf16);
  EXPECT_EQ(logits(write_model("f32", tiny_card(), DType::F32, widen(0.0f, DType::F32))), expected);
  EXPECT_EQ(logits(write_model("f64", tiny_card(), DType::F32, widen(0.0, DType::F64))), expected);
}

}  // namespace
}  // namespace spikemix
