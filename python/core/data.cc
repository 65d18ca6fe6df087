#include "core.h"

namespace spikemix::python {

void bind_data(nb::module_&) {}

}  // namespace spikemix::python
