#include "spikemix/mixers/mixer.h"

namespace spikemix {
std::span<const MixerEntry> mixers() { return {}; }
}  // namespace spikemix
