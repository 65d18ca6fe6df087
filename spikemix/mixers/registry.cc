// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/mixers/mixer.h"

// The list. A new mixer needs its file, NAME.cc, and one line here: LINEAR with make_NAME, which makes a Mixer, or
// LAYERS with add_NAME, which adds layers to a branch.
//         name        function        options                      cost               summary
#define SPIKEMIX_MIXERS(LINEAR, LAYERS)                                                                             \
  LAYERS("ssa", add_ssa, "heads", "O(N D^2)", "spiking self-attention as q (k' v): the baseline")                   \
  LINEAR("fft1d", make_fft1d, "axes,inverse", "O(N D log N)", "real part of the FFT over the tokens")               \
  LINEAR("fft2d", make_fft2d, "axes,inverse", "O(N D log ND)", "real part of the FFT over tokens and embedding")    \
  LINEAR("wt1d", make_wt1d, "axes,inverse,wavelet,levels", "O(N D)", "wavelet transform over the tokens")           \
  LINEAR("wt2d", make_wt2d, "axes,inverse,wavelet,levels", "O(N D)", "wavelet transform over tokens and embedding") \
  LINEAR("dwt-c", make_dwt_c, "axes,inverse,levels,bases", "O(K N D)", "learned sum of K wavelet bases")            \
  LINEAR("fwt-c", make_fwt_c, "axes,inverse,levels,bases", "O(N D log ND + K N D)",                                 \
         "learned sum of Fourier and wavelet bases")                                                                \
  LINEAR("hartley", make_hartley, "axes,inverse", "O(N D log N)", "Hartley transform: Re - Im of the FFT")          \
  LINEAR("dct", make_dct, "axes,inverse", "O(N D log N)", "orthonormal cosine transform (DCT-II)")                  \
  LINEAR("hadamard", make_hadamard, "axes,inverse", "O(N D log N)", "Walsh-Hadamard transform: additions only")     \
  LAYERS("gated", add_gated, "transform,axes,wavelet,levels", "O(N D log N)",                                       \
         "inverse of learned gates times a transform over height and width")                                        \
  LINEAR("avgpool3", make_avgpool3, "residual", "O(N D)", "mean of 3 x 3 tokens")                                   \
  LAYERS("maxpool3", add_maxpool3, "residual", "O(N D)", "largest of 3 x 3 tokens")                                 \
  LAYERS("dwc3", add_dwc3, "", "O(N D)", "depthwise convolution of 3 x 3 tokens")                                   \
  LAYERS("dwc5", add_dwc5, "", "O(N D)", "depthwise convolution of 5 x 5 tokens")                                   \
  LAYERS("dwc7", add_dwc7, "", "O(N D)", "depthwise convolution of 7 x 7 tokens")                                   \
  LAYERS("fatm", add_fatm, "", "O(N D^2)", "SWformer's: wavelets with signed spikes, beside two convolutions")      \
  LAYERS("qk-token", add_qk_token, "heads", "O(N D^2)", "QKFormer's attention: q picks the tokens of k")            \
  LAYERS("qk-channel", add_qk_channel, "", "O(N D^2)", "QKFormer's attention: q picks the channels of k")           \
  LAYERS("sdsa1", add_sdsa1, "", "O(N D^2)", "Spike-driven Transformer's attention: k and v pick channels of q")    \
  LAYERS("random", add_random, "heads", "O(N D^2)", "ssa with q and k that are never learned: an ablation")         \
  LINEAR("identity", make_identity, "branch", "0", "no mixing: the ablation")

namespace spikemix {

#define DECLARE_LINEAR(name, make, options, cost, summary) MakeMixer make;
#define DECLARE_LAYERS(name, add, options, cost, summary) AddMixer add;
SPIKEMIX_MIXERS(DECLARE_LINEAR, DECLARE_LAYERS)

std::span<const MixerEntry> mixers() {
#define LINEAR_ENTRY(name, make, options, cost, summary) {name, make, nullptr, options, cost, summary},
#define LAYERS_ENTRY(name, add, options, cost, summary) {name, nullptr, add, options, cost, summary},
  static constexpr MixerEntry kMixers[] = {SPIKEMIX_MIXERS(LINEAR_ENTRY, LAYERS_ENTRY)};
  return kMixers;
}

const MixerEntry& find_mixer(std::string_view name) {
  std::vector<std::string> names;
  for (const MixerEntry& entry : mixers()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw input_error("unknown mixer {}", unknown_name(name, names));
}

}  // namespace spikemix
