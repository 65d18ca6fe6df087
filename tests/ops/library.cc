// SPDX-License-Identifier: MIT
#include <torch/library.h>

// torch.ops.spikemix_test.NAME. Each other file here adds its room's operators with TORCH_LIBRARY_FRAGMENT.
TORCH_LIBRARY(spikemix_test, library) {
  library.def("abi() -> int", [] { return int64_t{1}; });
}
