// SPDX-License-Identifier: MIT
// The smallest program: mixes eight tokens with a Haar wavelet, without LibTorch.
#include <cstdio>
#include <vector>

#include <spikemix/mixers/mixer.h>

int main() {
  const spikemix::MixerShape shape{.T = 1, .height = 1, .width = 8, .D = 1};
  spikemix::MixerOptions options;
  options.wavelet = "haar", options.levels = 2;
  const auto mixer = spikemix::find_mixer("wt1d").make(shape, options);

  const std::vector<float> spikes = {1, 0, 1, 1, 0, 0, 1, 0};
  std::vector<float> mixed(spikes.size()), scratch(size_t(mixer->scratch_size()));
  mixer->forward(0, spikes.data(), mixed.data(), scratch.data());
  for (const float value : mixed) std::printf("%.4f ", double(value));
  std::printf("\n");
}
