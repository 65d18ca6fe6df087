#include <torch/library.h>

// Every file here adds operators of its room: torch.ops.spikemix_test.NAME.
TORCH_LIBRARY(spikemix_test, m) {}
