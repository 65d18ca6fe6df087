#include "core.h"

namespace spikemix::python {

void bind_engine(nb::module_&) {}

}  // namespace spikemix::python
