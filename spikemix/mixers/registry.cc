#include <string>
#include <vector>

#include "spikemix/core/error.h"
#include "spikemix/core/nearest.h"
#include "spikemix/mixers/mixer.h"

// The list. A new mixer is its file, NAME.cc with make_NAME, and one line here.
//    name        factory         options                      cost               summary
#define SPIKEMIX_MIXERS(MIXER)                                                                                     \
  MIXER("fft1d", make_fft1d, "axes,inverse", "O(N D log N)", "real part of the FFT over the tokens")               \
  MIXER("fft2d", make_fft2d, "axes,inverse", "O(N D log ND)", "real part of the FFT over tokens and embedding")    \
  MIXER("wt1d", make_wt1d, "axes,inverse,wavelet,levels", "O(N D)", "wavelet transform over the tokens")           \
  MIXER("wt2d", make_wt2d, "axes,inverse,wavelet,levels", "O(N D)", "wavelet transform over tokens and embedding") \
  MIXER("dwt-c", make_dwt_c, "axes,inverse,levels,bases", "O(K N D)", "learned sum of K wavelet bases")            \
  MIXER("fwt-c", make_fwt_c, "axes,inverse,levels,bases", "O(N D log ND + K N D)",                                 \
        "learned sum of Fourier and wavelet bases")                                                                \
  MIXER("hartley", make_hartley, "axes,inverse", "O(N D log N)", "Hartley transform: Re - Im of the FFT")          \
  MIXER("dct", make_dct, "axes,inverse", "O(N D log N)", "orthonormal cosine transform (DCT-II)")                  \
  MIXER("hadamard", make_hadamard, "axes,inverse", "O(N D log N)", "Walsh-Hadamard transform: additions only")     \
  MIXER("identity", make_identity, "", "0", "no mixing: the ablation")

namespace spikemix {

#define DECLARE(name, make, options, cost, summary) MakeMixer make;
SPIKEMIX_MIXERS(DECLARE)

std::span<const MixerEntry> mixers() {
#define ENTRY(name, make, options, cost, summary) {name, make, options, cost, summary},
  static constexpr MixerEntry kMixers[] = {
      {"ssa", nullptr, "heads", "O(N^2 D + N D^2)", "spiking self-attention: the baseline"},
      SPIKEMIX_MIXERS(ENTRY)  //
  };
  return kMixers;
}

const MixerEntry& find_mixer(const std::string& name) {
  std::vector<std::string> names;
  for (const MixerEntry& entry : mixers()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw input_error("unknown mixer {}", unknown_name(name, names));
}

}  // namespace spikemix
