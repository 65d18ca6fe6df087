// SPDX-License-Identifier: MIT
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(MixerSpec, ReadsNameAndOptionsOverTheDefaults) {
  MixerOptions defaults;
  defaults.levels = 2;
  const MixerSpec first = parse_mixer_spec("wt2d:wavelet=db2:axes=height,width:inverse=true", defaults);
  const MixerSpec second = parse_mixer_spec("fwt-c:bases=fft,haar:levels=3", defaults);
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
  EXPECT_FALSE(parse_mixer_spec("identity:branch=false").options.branch);
  EXPECT_FALSE(parse_mixer_spec("maxpool3:residual=false").options.residual);
}

TEST(MixerSpec, NamesTheNearest) {
  const std::map<std::string, std::string> refusals = {
      {"fft3d", "unknown mixer 'fft3d'; did you mean 'fft1d'?"},
      {"wt2d:wavlet=db2", "mixer 'wt2d:wavlet=db2': unknown option 'wavlet'; did you mean 'wavelet'?"},
      {"fft1d:levels=2", "mixer 'fft1d:levels=2': unknown option 'levels'; known: axes, inverse"},
      {"identity:axes=embed", "mixer 'identity:axes=embed': unknown option 'axes'; known: branch"},
      {"wt1d:levels=two", "levels is 'two', expected a whole number"},
      {"wt1d:levels=-1", "levels is '-1', expected a whole number"},
      {"wt1d:levels=", "levels is '', expected a whole number"},
      {"wt1d:inverse=yes", "inverse is 'yes', expected true or false"},
      {"dwc3:axes=embed", "mixer 'dwc3:axes=embed': dwc3 takes no options"},
      {"wt1d:haar", "'haar' is not option=value"},
      {"", "unknown mixer ''"},
  };
  for (const auto& [spec, text] : refusals) {
    EXPECT_THAT([&] { parse_mixer_spec(spec); }, ThrowsMessage<InputError>(HasSubstr(text))) << spec;
  }
}

TEST(MixerSpec, FullTextDoesNotDependOnDefaults) {
  const MixerOptions others{.wavelet = "db7", .axes = "embed", .levels = 2, .inverse = true, .bases = {"db5"}};
  for (const std::string spec : {"wt2d:wavelet=db2:axes=height,width:levels=3", "dwt-c:bases=haar,db2:axes=tokens",
                                 "gated:transform=dct:axes=tokens", "identity", "fft2d:axes=time:inverse=true",
                                 "avgpool3", "maxpool3", "ssa:heads=4", "dwc3"}) {
    const MixerSpec parsed = parse_mixer_spec(spec);
    const std::string text = text_of(*parsed.entry, parsed.options);
    const MixerSpec again = parse_mixer_spec(text, others);
    EXPECT_EQ(text_of(*again.entry, again.options), text) << spec;
  }
  const MixerSpec wavelet = parse_mixer_spec("wt1d");
  EXPECT_EQ(text_of(*wavelet.entry, wavelet.options), "wt1d:inverse=false:wavelet=haar:levels=0");
}

TEST(Registry, EveryMixerAppearsOnceAndIsFound) {
  std::map<std::string, int> seen;
  for (const MixerEntry& entry : mixers()) {
    ++seen[entry.name];
    EXPECT_EQ(&find_mixer(entry.name), &entry);
    EXPECT_NE(entry.make == nullptr, entry.add == nullptr) << entry.name;
  }
  for (const char* name :
       {"ssa", "fft1d", "fft2d", "wt1d", "wt2d", "dwt-c", "fwt-c", "hartley", "dct", "hadamard", "identity"}) {
    EXPECT_EQ(seen[name], 1) << name;
  }
}

}  // namespace
}  // namespace spikemix
