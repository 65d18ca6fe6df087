// SPDX-License-Identifier: MIT
#pragma once

#include "core.h"

namespace spikemix::python {

/// Model files as numpy arrays by name, for spikemix.nn.
void bind_model_file(nb::module_&);

}  // namespace spikemix::python
