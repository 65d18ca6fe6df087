#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/core/error.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(MixerSpec, ReadsNameAndOptionsOverTheDefaults) {
  ModelConfig model;
  model.levels = 2;
  model.mixer = {"wt2d:wavelet=db2:axes=height,width:inverse=true", "fwt-c:bases=fft,haar:levels=3"};
  const MixerSpec first = mixer_spec(model, 0), second = mixer_spec(model, 1);
  EXPECT_STREQ(first.entry->name, "wt2d");
  EXPECT_EQ(first.options.wavelet, "db2");
  EXPECT_EQ(first.options.axes, "height,width");
  EXPECT_EQ(first.options.levels, 2);
  EXPECT_TRUE(first.options.inverse);
  EXPECT_STREQ(second.entry->name, "fwt-c");
  EXPECT_EQ(second.options.wavelet, "haar");
  EXPECT_EQ(second.options.levels, 3);
  EXPECT_EQ(second.options.bases, (std::vector<std::string>{"fft", "haar"}));
  EXPECT_FALSE(second.options.inverse);
}

TEST(MixerSpec, AlternateFlipsEverySecondBlock) {
  ModelConfig model;
  model.mixer = {"wt2d"};
  model.alternate = true;
  for (int64_t block = 0; block < 4; ++block) EXPECT_EQ(mixer_spec(model, block).options.inverse, block % 2 == 1);
  model.mixer = {"wt2d:inverse=true"};
  for (int64_t block = 0; block < 4; ++block) EXPECT_EQ(mixer_spec(model, block).options.inverse, block % 2 == 0);
}

TEST(MixerSpec, NamesTheNearest) {
  const std::map<std::string, std::string> refusals = {
      {"fft3d", "unknown mixer 'fft3d'; did you mean 'fft1d'?"},
      {"wt2d:wavlet=db2", "mixer 'wt2d:wavlet=db2': unknown option 'wavlet'; did you mean 'wavelet'?"},
      {"fft1d:levels=2", "mixer 'fft1d:levels=2': unknown option 'levels'; known: axes, inverse"},
      {"identity:axes=embed", "mixer 'identity:axes=embed': identity takes no options"},
      {"wt1d:levels=two", "levels is 'two', expected a whole number"},
      {"wt1d:levels=-1", "levels is '-1', expected a whole number"},
      {"wt1d:levels=", "levels is '', expected a whole number"},
      {"wt1d:inverse=yes", "inverse is 'yes', expected true or false"},
      {"wt1d:haar", "'haar' is no option=value"},
      {"", "unknown mixer ''"},
  };
  for (const auto& [spec, text] : refusals) {
    EXPECT_THAT([&] { parse_mixer_spec(spec); }, ThrowsMessage<InputError>(HasSubstr(text))) << spec;
  }
}

TEST(MixerSpec, ShapeIsTheTokenGrid) {
  ModelConfig model;
  model.height = 28, model.width = 20, model.T = 2, model.embed_dim = 96;
  model.pool = {0, 0, 1, 1};
  const MixerShape shape = mixer_shape(model);
  EXPECT_EQ(shape.T, 2);
  EXPECT_EQ(shape.height, 7);
  EXPECT_EQ(shape.width, 5);
  EXPECT_EQ(shape.N(), 35);
  EXPECT_EQ(shape.D, 96);
}

TEST(Registry, EveryMixerStandsOnceAndIsFound) {
  std::map<std::string, int> seen;
  for (const MixerEntry& entry : mixers()) {
    ++seen[entry.name];
    EXPECT_EQ(&find_mixer(entry.name), &entry);
    EXPECT_EQ(entry.make == nullptr, entry.name == std::string("ssa"));
  }
  for (const char* name :
       {"ssa", "fft1d", "fft2d", "wt1d", "wt2d", "dwt-c", "fwt-c", "hartley", "dct", "hadamard", "identity"}) {
    EXPECT_EQ(seen[name], 1) << name;
  }
}

}  // namespace
}  // namespace spikemix
