#include "spikemix/mixers/tensor_list.h"

#include <gtest/gtest.h>

namespace spikemix {
namespace {

ModelConfig published_dvs() {
  ModelConfig m;
  m.input = "events", m.channels = 2, m.height = m.width = 128, m.T = 16;
  m.embed_dim = 256, m.depth = 2, m.heads = 16, m.ssa_scale = 0.25, m.pool = {1, 1, 1, 1};
  return m;
}

TEST(TensorList, PublishedSizesWithAttention) {
  ModelConfig cifar;
  cifar.mixer = {"ssa"};
  EXPECT_EQ(learned_values(tensor_list(cifar, NeuronConfig())), 9'324'730);
  ModelConfig dvs = published_dvs();
  dvs.mixer = {"ssa"};
  EXPECT_EQ(learned_values(tensor_list(dvs, NeuronConfig())), 2'566'666);
}

// A linear mixer has its batch norm only; a learned combination a coefficient for each basis; PLIF one w a neuron.
TEST(TensorList, MixersAndNeurons) {
  ModelConfig m;
  m.mixer = {"fft2d"};
  const int64_t ssa_block = 4 * (384 * 384 + 384 + 2 * 384), lt_block = 2 * 384;
  const int64_t fixed = learned_values(tensor_list(m, NeuronConfig()));
  EXPECT_EQ(fixed, 9'324'730 - 4 * (ssa_block - lt_block));
  m.mixer = {"dwt-c", "fft2d", "fft2d", "fft2d"};
  m.bases = {"haar", "db2"};
  EXPECT_EQ(learned_values(tensor_list(m, NeuronConfig())), fixed + 2);
  NeuronConfig plif;
  plif.kind = "plif";
  m.mixer = {"fft2d"}, m.bases = {};
  EXPECT_EQ(learned_values(tensor_list(m, plif)), fixed + 5 + 4 * 3);
}

// architecture.md: 3.08 GMAC an image at T = 4 for the 4-384 LT model.
TEST(TensorList, MultiplyAdds) {
  ModelConfig m;
  m.mixer = {"fft2d"};
  double macs = 0;
  for (const TensorSpec& tensor : tensor_list(m, NeuronConfig())) macs += tensor.macs;
  EXPECT_NEAR(macs * double(m.T), 3.08e9, 0.005e9);
}

}  // namespace
}  // namespace spikemix
