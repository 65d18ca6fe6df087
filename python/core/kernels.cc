#include "core.h"

namespace spikemix::python {

void bind_kernels(nb::module_&) {}

}  // namespace spikemix::python
