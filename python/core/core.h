// SPDX-License-Identifier: MIT
#pragma once

#include <nanobind/nanobind.h>

namespace spikemix::python {

namespace nb = nanobind;

// The parts of spikemix._core, one file each. Their docstrings are the API reference.
void bind_engine(nb::module_&);
void bind_events(nb::module_&);
void bind_data(nb::module_&);
void bind_kernels(nb::module_&);

}  // namespace spikemix::python
