#include "core.h"

namespace spikemix::python {

void bind_events(nb::module_&) {}

}  // namespace spikemix::python
