#include "spikemix/data/dataset.h"

namespace spikemix {
std::span<const DataFormat> data_formats() { return {}; }
}  // namespace spikemix
