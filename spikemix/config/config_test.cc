// SPDX-License-Identifier: MIT
#include "spikemix/config/config.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/config/config_json.h"
#include "spikemix/config/validate.h"

namespace spikemix {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

TEST(Config, ReadsEveryTypeFromToml) {
  const Config c = parse_recipe(R"(
    name = "mine"
    [model]
    T = 6
    mixer = ["fft2d", "wt2d:levels=2"]
    alternate = true
    [neuron]
    tau = 3
    [data]
    mean = [0.1, 0.2, 0.3]
  )",
                                "mine.toml");
  EXPECT_EQ(c.name, "mine");
  EXPECT_EQ(c.model.T, 6);
  EXPECT_THAT(c.model.mixer, ElementsAre("fft2d", "wt2d:levels=2"));
  EXPECT_TRUE(c.model.alternate);
  EXPECT_EQ(c.neuron.tau, 3);
  EXPECT_THAT(c.data.mean, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_EQ(c.train.lr, Config().train.lr);
}

TEST(Config, NamesFileLineAndNearestKey) {
  EXPECT_THAT([] { parse_recipe("[train]\nepoch = 3\n", "r.toml"); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("r.toml:2"), HasSubstr("did you mean 'train.epochs'?"))));
  EXPECT_THAT([] { parse_recipe("[train]\nepochs = \"x\"\n", "r.toml"); },
              ThrowsMessage<InputError>(HasSubstr("r.toml:2: train.epochs is \"x\", expected a whole number")));
  EXPECT_THAT([] { parse_recipe("[train\n", "r.toml"); }, ThrowsMessage<InputError>(HasSubstr("r.toml:1")));
  EXPECT_THAT([] { read_recipe("no/such.toml"); }, ThrowsMessage<InputError>(HasSubstr("no/such.toml")));
}

TEST(Config, NamesTypesThatNoKeyTakes) {
  const auto error = [](const std::string& line) -> std::string {
    try {
      parse_recipe("[train]\n" + line + "\n", "r.toml");
    } catch (const InputError& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(error("lr = 2020-01-01"), "r.toml:2: train.lr is a date, expected a number");
  EXPECT_EQ(error("epochs = 12:00:00"), "r.toml:2: train.epochs is a time, expected a whole number");
  EXPECT_EQ(error("device = 2020-01-01T00:00:00"), "r.toml:2: train.device is a date and time, expected a string");
  EXPECT_EQ(error("lr = {a = 1}"), "r.toml:2: train.lr is a table, expected a number");
  EXPECT_EQ(error("epochs = 9223372036854775807"),
            "r.toml:2: train.epochs is 9223372036854775807, expected a whole number, 1 to 1000000");
  Config c;
  EXPECT_THAT([&] { apply_override(c, "train.lr=2020-01-01"); },
              ThrowsMessage<InputError>(HasSubstr("train.lr is \"2020-01-01\", expected a number")));
}

TEST(Config, AModelUnderAnotherNameIsNoRecipe) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "spikemix_config_test_model";
  std::ofstream(file, std::ios::binary) << std::string("\x10\0\0\0\0\0\0\0{}", 10);
  EXPECT_THAT([&] { read_recipe(file); }, ThrowsMessage<InputError>(HasSubstr("a model's name ends in .safetensors")));
  std::filesystem::remove(file);
}

TEST(Config, Overrides) {
  Config c;
  apply_override(c, "train.lr=1e-3");
  apply_override(c, "model.mixer=ssa,fft2d");
  apply_override(c, "data.dir=5");
  apply_override(c, "augment.flip=false");
  EXPECT_EQ(c.train.lr, 1e-3);
  EXPECT_THAT(c.model.mixer, ElementsAre("ssa", "fft2d"));
  EXPECT_EQ(c.data.dir, "5");
  EXPECT_FALSE(c.augment.flip);
  apply_override(c, "model.mixer=wt2d:axes=height,width");
  EXPECT_THAT(c.model.mixer, ElementsAre("wt2d:axes=height,width"));
  apply_override(c, "model.mixer=identity:branch=false,wt2d:wavelet=db2:axes=height,width");
  EXPECT_THAT(c.model.mixer, ElementsAre("identity:branch=false", "wt2d:wavelet=db2:axes=height,width"));
  apply_override(c, R"(model.mixer=["ssa", "wt2d:axes=height,width"])");
  EXPECT_THAT(c.model.mixer, ElementsAre("ssa", "wt2d:axes=height,width"));
  apply_override(c, "model.pool=1,1,1,1");
  EXPECT_THAT(c.model.pool, ElementsAre(1, 1, 1, 1));
  // A key without its section is recognised, too.
  EXPECT_THAT([&] { apply_override(c, "lr=1"); }, ThrowsMessage<InputError>(HasSubstr("did you mean 'train.lr'?")));
  EXPECT_THAT([&] { apply_override(c, "train.epochs=2.5"); }, ThrowsMessage<InputError>(HasSubstr("a whole number")));
  EXPECT_THAT([&] { apply_override(c, "train.epochs"); }, ThrowsMessage<InputError>(HasSubstr("key=value")));
}

TEST(Config, RoundTripsThroughJson) {
  Config c;
  c.model.mixer = {"wt2d:levels=1"};
  c.neuron.tau = 2.5;
  c.data.mean = {0.25};
  const Config back = config_from_json(to_json(c), "test");
  EXPECT_EQ(to_json(back), to_json(c));
  EXPECT_THAT([] { config_from_json({{"model", {{"Tt", 3}}}}, "f"); }, ThrowsMessage<InputError>(HasSubstr("model.T")));
}

TEST(Config, EveryKeyIsDescribed) {
  const std::string text = Config::describe_keys();
  for (const std::string& key : Config::keys()) {
    if (key == "name") continue;
    EXPECT_THAT(text, HasSubstr("  " + key + " ")) << key;
  }
}

// The error of validate() for these overrides, or "accepted".
template <class... Overrides>
std::string error(const Overrides&... overrides) {
  Config c;
  (apply_override(c, overrides), ...);
  try {
    validate(c);
  } catch (const InputError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Config, ValidateNamesTheKey) {
  EXPECT_EQ(error("model.T=4"), "accepted");
  EXPECT_THAT(error("model.embed_dim=100"), HasSubstr("model.embed_dim = 100: expected a multiple of 8"));
  EXPECT_THAT(error("neuron.tau=1"), HasSubstr("neuron.tau"));
  EXPECT_THAT(error("neuron.surrogate=sigmod"), HasSubstr("did you mean 'sigmoid'?"));
  EXPECT_THAT(error("train.precision=fp16"), HasSubstr("train.precision"));
  EXPECT_EQ(error("name="), "name has 0 bytes, expected 1 to 200");
  EXPECT_EQ(error("model.mixer="), "model.mixer has 0 values, expected one mixer or more");
  EXPECT_EQ(error("model.pool=1,0,1"), "model.pool has 3 values, expected 4, one for each convolution of the stem");
  EXPECT_THAT(error("train.batch=0"), HasSubstr("train.batch = 0: expected 1 to 1048576"));
  EXPECT_EQ(error("neuron.kind=relu", "model.T=1"), "accepted");
  EXPECT_THAT(error("neuron.kind=relu"), HasSubstr("model.T = 4: expected 1 with neuron.kind = relu"));
  EXPECT_THAT(error("neuron.kind=relu", "model.T=1", "train.spike_cost=1"), HasSubstr("train.spike_cost = 1"));
  EXPECT_EQ(error("train.one_step_epochs=2"), "accepted");
  EXPECT_THAT(error("train.one_step_epochs=2", "model.input=events", "model.channels=2"),
              HasSubstr("train.one_step_epochs"));
  EXPECT_THAT(error("train.one_step_epochs=2", "model.mixer=hadamard:axes=time"), HasSubstr("train.one_step_epochs"));
}

// Whatever a key is set to, it is refused by name, or within bounds that the whole program can handle.
TEST(Config, EveryNumberHasBounds) {
  const auto refused = [](const std::string& key, const std::string& value) {
    Config c;
    try {
      apply_override(c, key + "=" + value);
      validate(c);
    } catch (const InputError& e) {
      EXPECT_THAT(e.what(), HasSubstr(key)) << value;
      EXPECT_THAT(e.what(), Not(HasSubstr("\n"))) << value;
      return true;
    }
    return false;
  };
  Config defaults;
  int numbers = 0;
  defaults.visit_sections([&](const char* section, auto& fields) {
    fields.visit([&](const char* key, auto& field, const char*) {
      using T = std::remove_cvref_t<decltype(field)>;
      const std::string name = std::string(section) + "." + key;
      if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double> ||
                    std::is_same_v<T, std::vector<int64_t>> || std::is_same_v<T, std::vector<double>>) {
        ++numbers;
        for (const char* value : {"nan", "inf", "-inf", "1e18", "-1e18", "-8e15", "\"\"", "x"})
          EXPECT_TRUE(refused(name, value)) << name << " = " << value;
        EXPECT_TRUE(name == "train.seed" || refused(name, "8e15")) << name;
      } else if constexpr (std::is_same_v<T, std::string>) {
        EXPECT_TRUE(refused(name, std::string(100'000, 'x'))) << name;
      }
    });
  });
  EXPECT_GT(numbers, 50);
  EXPECT_TRUE(refused("name", ""));
  EXPECT_TRUE(refused("name", std::string(1000, 'x')));
}

TEST(Config, BoundsHoldForWholeModels) {
  EXPECT_EQ(error("model.T=300"), "model.T = 300: expected 1 to 256");
  EXPECT_EQ(error("model.mlp_ratio=16"), "model.mlp_ratio = 16: expected 1 to 15");
  EXPECT_EQ(error("model.depth=126", "model.mlp_ratio=15", "model.T=256"), "accepted");
  EXPECT_EQ(error("model.depth=127"), "model.depth = 127: expected 1 to 126");
  EXPECT_THAT(error("model.T=5", "model.height=1024", "model.width=1024"), HasSubstr("= 5242880: expected up to"));
  EXPECT_EQ(error("train.loader_threads=1000000"), "train.loader_threads = 1000000: expected 1 to 1024");
  EXPECT_EQ(error("train.epochs=900000000000000"), "train.epochs = 900000000000000: expected 1 to 1000000");
}

TEST(Config, WarnsOfStepsThatAreNeverShown) {
  Config c;
  c.train.epochs = 10, c.train.cooldown_epochs = 2;
  EXPECT_EQ(doubts(c), "");
  c.train.one_step_epochs = 9;
  EXPECT_EQ(doubts(c), "");
  c.train.one_step_epochs = 10;
  EXPECT_THAT(doubts(c), HasSubstr("only in the cooldown trained on its 4 time steps"));
  c.train.one_step_epochs = 12;
  EXPECT_THAT(doubts(c), HasSubstr("never trained on its 4 time steps"));
  c.model.architecture = "maxformer", c.model.depth = 2;
  EXPECT_EQ(doubts(c), "model.depth = 2: maxformer does not read it; model.depths has its stages");
  c.model.depths = {1, 1, 1}, c.model.stem = "conv1";
  EXPECT_EQ(doubts(c), "model.stem: maxformer does not read it");
}

}  // namespace
}  // namespace spikemix
