// SPDX-License-Identifier: MIT
#include "spikemix/mixers/gated.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"
#include "spikemix/base/rng.h"

namespace spikemix {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::unique_ptr<GatedTransform> gated_of(const std::string& options, const MixerShape& shape) {
  return make_gated(shape, parse_mixer_spec("gated" + options).options);
}

std::vector<float> random_floats(int64_t n, uint64_t index) {
  Rng rng(/*seed=*/1, Rng::Purpose::kTest, index);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = float(rng.uniform(-1, 1));
  return x;
}

std::vector<float> run_gates(const GatedTransform& m, const std::vector<float>& gate, const std::vector<float>& x) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> y(x.size(), nan), packed(size_t(m.packed_size()), nan);
  m.pack(gate.data(), packed.data());
  for (int64_t panel = 0; panel < m.panels(); ++panel) {
    std::vector<float> scratch(size_t(m.scratch_size()), nan);  // exactly the size that it asks for
    const int64_t samples = int64_t(x.size()) / (m.height() * m.width() * m.channels());
    m.forward(panel, samples, packed.data(), x.data(), y.data(), scratch.data());
  }
  return y;
}

// One channel's bits are the same in an embedding of any width.
TEST(Gated, LanesDoNotMatter) {
  for (const char* transform : {"fft2d", "hartley", "dct", "hadamard", "wt2d:wavelet=db2"}) {
    const std::string options = std::string(":transform=") + transform;
    const auto wide = gated_of(options, {.height = 4, .width = 8, .D = 77});
    const std::vector<float> x = random_floats(2 * 32 * 77, 1), gate = random_floats(wide->gate_size(), 2);
    const std::vector<float> y = run_gates(*wide, gate, x);
    const int64_t parts = wide->gate_shape().size() == 4 ? 2 : 1;
    for (const int64_t D : {1, 16, 33}) {
      const auto narrow = gated_of(options, {.height = 4, .width = 8, .D = D});
      const auto part = [D](const std::vector<float>& from, int64_t values) {
        std::vector<float> to;
        for (size_t row = 0; row < from.size() / size_t(77 * values); ++row) {
          const auto first = from.begin() + int64_t(row) * 77 * values + 11 * values;
          to.insert(to.end(), first, first + D * values);
        }
        return to;
      };
      EXPECT_EQ(run_gates(*narrow, part(gate, parts), part(x, 1)), part(y, 1)) << transform << " D=" << D;
    }
  }
}

TEST(Gated, GatesAreInRfft2sOrder) {
  EXPECT_THAT(gated_of("", {.height = 7, .width = 6, .D = 24})->gate_shape(), ElementsAre(7, 4, 24, 2));
  EXPECT_THAT(gated_of(":axes=tokens", {.height = 7, .width = 6, .D = 24})->gate_shape(), ElementsAre(1, 22, 24, 2));
  EXPECT_THAT(gated_of(":transform=dct", {.height = 7, .width = 6, .D = 24})->gate_shape(), ElementsAre(7, 6, 24));
}

// Both directions of the transform, and the gates: N D multiplications for real ones; complex ones take two for each
// value except the four frequencies that are real.
TEST(Gated, Ops) {
  const MixerShape shape{.height = 8, .width = 8, .D = 10};
  const auto ops_of = [&](const std::string& name) {
    const MixerSpec spec = parse_mixer_spec(name + ":axes=height,width");
    return spec.entry->make(shape, spec.options)->ops();
  };
  for (const char* transform : {"dct", "hadamard", "wt2d"}) {
    const OpCount gated = gated_of(std::string(":transform=") + transform, shape)->ops(), once = ops_of(transform);
    EXPECT_EQ(gated.additions, 2 * once.additions) << transform;
    EXPECT_EQ(gated.multiplications, 2 * once.multiplications + 640) << transform;
  }
  const OpCount line = find_mixer("hartley").make({.height = 1, .width = 8, .D = 1}, {})->ops();
  const OpCount fourier = gated_of("", shape)->ops();
  EXPECT_EQ(fourier.multiplications, 4 * 80 * line.multiplications + 10 * (2 * 60 + 4));
  EXPECT_EQ(fourier.additions, 4 * 80 * line.additions + 10 * 3 * 60);
  EXPECT_EQ(gated_of("", {.height = 1, .width = 1, .D = 10})->ops().multiplications, 10);
}

void expect_refusal(const std::string& options, const MixerShape& shape, const std::string& text) {
  EXPECT_THAT([&] { gated_of(options, shape); }, ThrowsMessage<InputError>(HasSubstr(text))) << options;
}

TEST(Gated, RefusesSizesThatItCannotInvert) {
  expect_refusal(":transform=hadamard", {.height = 8, .width = 7, .D = 4},
                 "width = 7 token columns, expected a power of two (4 or 8)");
  expect_refusal(":transform=wt2d:levels=4", {.height = 8, .width = 8, .D = 4},
                 "levels 4: height = 8 token rows allow levels 1 to 3");
  expect_refusal(":transform=wt2d:wavelet=bior2.2", {}, "wavelet 'bior2.2' is not orthogonal");
  expect_refusal(":transform=wt2d:wavelet=db99", {}, "unknown wavelet 'db99'");
  expect_refusal(":transform=fft", {}, "unknown transform 'fft'; did you mean 'fft2d'?");
  for (const char* axes : {"embed", "tokens,embed", "time", "height,width,embed"})
    expect_refusal(std::string(":axes=") + axes, {}, "expected height,width or tokens");
  expect_refusal(":axes=height", {}, "axes 'height': a gate has two axes or all tokens in one line");
}

}  // namespace
}  // namespace spikemix
