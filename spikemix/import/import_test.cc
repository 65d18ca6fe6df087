// SPDX-License-Identifier: MIT
#include "spikemix/import/import.h"

#include <filesystem>
#include <fstream>
#include <list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"
#include "spikemix/config/config_json.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A file with these tensors, all zero.
  std::string write(const std::vector<TensorSpec>& tensors, const std::string& prefix = "",
                    const std::string& name = "m.safetensors") {
    std::vector<NamedTensor> named;
    std::list<std::vector<std::byte>> memory;
    for (const TensorSpec& spec : tensors) {
      NamedTensor& tensor = named.emplace_back(NamedTensor{prefix + spec.name, {DType::F32, spec.shape, {}}});
      tensor.tensor.data = memory.emplace_back(size_t(spec.values()) * 4);
    }
    write_safetensors(folder_ / name, named, {});
    return (folder_ / name).string();
  }
  std::string write(const Config& config, const std::string& prefix = "") {
    return write(tensors_of(make_plan(config.model, config.neuron)), prefix);
  }
  std::string write_names(const std::vector<std::pair<std::string, std::vector<int64_t>>>& names) {
    std::vector<TensorSpec> specs;
    for (const auto& [name, shape] : names)
      specs.push_back({.name = name, .shape = shape, .kind = TensorSpec::Kind::kWeight, .layer = ""});
    return write(specs);
  }

  static ImportSettings settings(std::vector<std::string> overrides = {}) {
    ImportSettings settings;
    settings.overrides = std::move(overrides);
    settings.load_recipe = [](const std::string& recipe, const std::vector<std::string>&) {
      Config config;
      config.name = recipe, config.data.mean = {0.5, 0.5, 0.5};
      return config;
    };
    return settings;
  }
  static ImportedConfig import(const std::string& path, const std::vector<std::string>& overrides = {}) {
    const WeightsFile file = WeightsFile::open(path, "");
    const FoundNetwork network = find_network(file);
    ImportedConfig imported = config_of(network, file, settings(overrides));
    check_tensors(tensors_of(make_plan(imported.config.model, imported.config.neuron)), network, file,
                  settings(overrides));
    return imported;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      (std::string("import_test_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

Config config_of(const std::vector<std::string>& settings) {
  Config config;
  for (const std::string& setting : settings) apply_override(config, setting);
  return config;
}

TEST_F(ImportTest, ReadsTheShapeOfEachFamilyFromItsTensors) {
  const std::vector<std::vector<std::string>> networks = {
      {"model.mixer=ssa", "model.embed_dim=48", "model.depth=3", "model.classes=7", "model.mlp_ratio=2"},
      {"model.mixer=[\"ssa\", \"dwc5\", \"qk-token\"]", "model.embed_dim=48", "model.depth=3"},
      {"model.mixer=ssa", "model.stem=conv2", "model.embed_dim=48", "model.channels=1"},
      {"model.mixer=ssa", "model.stem=conv1", "model.patch=4", "model.embed_dim=48", "model.channels=1"},
      {"model.mixer=ssa", "model.input=events", "model.channels=2", "model.embed_dim=32", "model.depth=2",
       "model.pool=1,1,1,1", "model.heads=16", "model.ssa_scale=0.25", "model.T=16", "model.height=128",
       "model.width=128"},
      {"model.architecture=maxformer", "model.mixer=[\"identity:branch=false\", \"dwc3\", \"ssa\"]",
       "model.embed_dim=64", "model.depths=1,1,2", "model.heads=8", "model.classes=100"},
      {"model.architecture=maxformer", "model.mixer=[\"dwc7\",\"identity:branch=false\",\"ssa\",\"dwc5\",\"ssa\"]",
       "model.embed_dim=64", "model.depths=2,1,2", "model.heads=8", "model.mlp_ratio=1"},
      {"model.architecture=maxformer", "model.input=events", "model.channels=2", "model.mixer=dwc3,ssa",
       "model.embed_dim=32", "model.depths=1,2", "model.heads=16", "model.T=16", "model.height=128", "model.width=128",
       "model.classes=11"},
      {"model.architecture=qkformer", "model.mixer=qk-token,qk-token,ssa", "model.embed_dim=64", "model.depths=1,2,3",
       "model.heads=8"},
      {"model.architecture=qkformer", "model.input=events", "model.channels=2", "model.mixer=qk-token,ssa",
       "model.embed_dim=32", "model.depths=1,1", "model.heads=16", "model.mlp_ratio=1", "model.T=16",
       "model.height=128", "model.width=128"}};
  for (const std::vector<std::string>& network : networks) {
    const Config config = config_of(network);
    const Config found = import(write(config)).config;
    EXPECT_EQ(to_json(found)["model"], to_json(config)["model"]);
  }
}

TEST_F(ImportTest, SaysWhatIsPublishedAndWhatIsOverridden) {
  const std::string file =
      write(config_of({"model.architecture=qkformer", "model.mixer=qk-token,qk-token,ssa", "model.embed_dim=64",
                       "model.depths=1,1,2", "model.classes=100", "model.heads=8"}));
  const ImportedConfig imported = import(file, {"model.T=6"});
  EXPECT_THAT(imported.published,
              ::testing::ElementsAre("model.height=32", "model.width=32", "model.heads=8", "model.ssa_scale=0.125"));
  EXPECT_EQ(imported.config.model.T, 6);
  EXPECT_EQ(imported.data_recipe, "cifar100");
  EXPECT_EQ(imported.config.name, "qkformer-cifar100");
}

TEST_F(ImportTest, MeansAndDeviationsOfOtherChannelsAreLeftOut) {
  EXPECT_TRUE(
      import(write(config_of({"model.mixer=ssa", "model.embed_dim=48", "model.channels=1"}))).config.data.mean.empty());
}

TEST_F(ImportTest, FindsTheNetworkInsideALargerOne) {
  const Config config = config_of({"model.mixer=ssa", "model.embed_dim=48", "model.depth=1"});
  EXPECT_EQ(import(write(config, "student.net.")).config.model.embed_dim, 48);
  std::vector<TensorSpec> two = tensors_of(make_plan(config.model, config.neuron));
  for (const TensorSpec& spec : std::vector<TensorSpec>(two)) {
    two.push_back(spec);
    two.back().name = "teacher." + spec.name;
  }
  EXPECT_THAT([&] { import(write(two)); },
              ThrowsMessage<InputError>(HasSubstr("holds 2 networks, under '' (Spikformer), 'teacher.' (Spikformer)")));
}

TEST_F(ImportTest, ATransformHasToBeNamed) {
  const std::string file = write(config_of({"model.mixer=fft2d", "model.embed_dim=48", "model.depth=1"}));
  EXPECT_THAT([&] { import(file); }, ThrowsMessage<InputError>(HasSubstr("say which with model.mixer=NAME")));
  EXPECT_EQ(import(file, {"model.mixer=fft2d"}).config.model.mixer, std::vector<std::string>{"fft2d"});
}

TEST_F(ImportTest, OtherFamiliesAndVariantsAreNamedInOneReason) {
  struct Case {
    std::vector<std::pair<std::string, std::vector<int64_t>>> names;
    std::string expected;
  };
  const std::vector<int64_t> any = {4, 4, 1, 1};
  const std::vector<Case> cases = {
      {{{"patch_embed.proj_conv.weight", any},
        {"block.0.attn.talking_heads.weight", any},
        {"block.0.mlp.fc1_bn.weight", {4}}},
       ": a Spike-driven Transformer: only Spikformer"},
      {{{"patch_embed.proj_conv.weight", any}, {"block.0.mixer.haar_weight", any}}, "SWformer): its mixer"},
      {{{"downsample1_1.encode_conv.weight", any}}, ": a Meta-SpikeFormer"},
      {{{"layers.0.0.Wproj.weight", any}, {"layers.0.0.firing_rate_x", any}}, ": a SpikingResformer"},
      {{{"patch_embed1.proj2_conv.weight", any},
        {"stage1.0.tssa.q_conv.weight", any},
        {"stage3.0.attn.q_conv.weight", any}},
       ": a QKFormer for ImageNet"},
      {{{"patch_embed1.embed4.embed_conv.weight", any}}, ": a Max-Former for ImageNet"},
      {{{"patch_embed.proj_conv.weight", any},
        {"block.0.mlp.fc1_bn.weight", {4}},
        {"block.0.mlp.fc1_conv.weight", any}},
       ": a Spikformer for ImageNet"},
      {{{"conv1.weight", any}, {"fc.bias", {4}}},
       "no Spikformer, Max-Former or QKFormer by the names of its 2 tensors"}};
  for (const Case& c : cases)
    EXPECT_THAT([&] { import(write_names(c.names)); }, ThrowsMessage<InputError>(HasSubstr(c.expected)));
}

TEST_F(ImportTest, WholeNumbersAreNotWeights) {
  const Config config = config_of({"model.mixer=ssa", "model.embed_dim=48", "model.depth=1"});
  const std::string path = write(config);
  const SafeTensors file = SafeTensors::open(path);
  std::vector<NamedTensor> tensors;
  for (const std::string& name : file.names()) tensors.push_back({name, *file.find(name)});
  for (NamedTensor& tensor : tensors) {
    if (tensor.name == "head.bias") tensor.tensor.dtype = DType::I32;
  }
  write_safetensors(folder_ / "whole.safetensors", tensors, {});
  EXPECT_THAT([&] { import((folder_ / "whole.safetensors").string()); },
              ThrowsMessage<InputError>(HasSubstr("'head.bias' holds I32, expected floats")));
}

TEST_F(ImportTest, LearnedTimeConstantsAreImported) {
  const Config config = config_of({"model.mixer=ssa", "model.embed_dim=48", "model.depth=1", "neuron.kind=plif"});
  EXPECT_EQ(import(write(config)).config.neuron.kind, "plif");
}

TEST_F(ImportTest, AttentionFollowedByAConvolutionIsRefused) {  // Max-Former's SSA_dwc
  const Config config =
      config_of({"model.architecture=maxformer", "model.mixer=ssa", "model.embed_dim=64", "model.heads=8"});
  std::vector<TensorSpec> tensors = tensors_of(make_plan(config.model, config.neuron));
  tensors.push_back(
      {.name = "stage3.1.attn.dwc.weight", .shape = {64, 1, 5, 5}, .kind = TensorSpec::Kind::kWeight, .layer = ""});
  EXPECT_THAT([&] { import(write(tensors)); },
              ThrowsMessage<InputError>(HasSubstr("is followed by a depthwise convolution")));
}

TEST_F(ImportTest, DifferencesAreOneTensorAndACount) {
  std::vector<TensorSpec> tensors =
      tensors_of(make_plan(config_of({"model.mixer=ssa", "model.embed_dim=48"}).model, {}));
  for (TensorSpec& spec : tensors) {
    if (spec.name.starts_with("block.1.attn.q_linear")) spec.name += "_old";
  }
  EXPECT_THAT([&] { import(write(tensors)); },
              ThrowsMessage<InputError>(HasSubstr(
                  "a Spikformer, but not a published one: 'block.1.attn.q_linear.weight' is missing, and 3 more")));
}

TEST_F(ImportTest, AFolderIsReadWithItsConfig) {
  const Config config = config_of({"model.mixer=ssa", "model.embed_dim=48", "model.depth=1"});
  write(tensors_of(make_plan(config.model, config.neuron)), "", "model.safetensors");
  std::ofstream(folder_ / "config.json") << R"({"num_heads": 6, "T": 8, "img_size_h": 64, "dropout": 0.5})";
  const ImportedConfig imported = import(folder_.string());
  EXPECT_EQ(imported.config.model.heads, std::vector<int64_t>{6});
  EXPECT_EQ(imported.config.model.T, 8);
  EXPECT_EQ(imported.config.model.height, 64);
  EXPECT_THAT(imported.read, Contains("model.heads=6"));
  EXPECT_THAT(imported.published, ::testing::Not(Contains(HasSubstr("model.heads"))));
}

TEST_F(ImportTest, SpikemixModelsAreNotCheckpoints) {
  write_safetensors(folder_ / "own.safetensors", {}, {{"spikemix", "{}"}});
  EXPECT_THAT([&] { WeightsFile::open(folder_ / "own.safetensors", ""); },
              ThrowsMessage<InputError>(HasSubstr("is a spikemix model already")));
  EXPECT_THAT([&] { WeightsFile::open(folder_, ""); },
              ThrowsMessage<InputError>(HasSubstr("a folder without model.safetensors and pytorch_model.bin")));
}

}  // namespace
}  // namespace spikemix
