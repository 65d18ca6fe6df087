// spikemix._core: the engine, the readers and the mixers for Python. No LibTorch; numpy arrays and DLPack in and out.
#include "core.h"

#include "spikemix/base/error.h"
#include "spikemix/base/version.h"

NB_MODULE(_core, m) {
  namespace nb = nanobind;
  nb::set_leak_warnings(false);  // torch keeps the operators, and what they hold, beyond the interpreter's end
  m.attr("__version__") = spikemix::kVersion;
  // A ValueError, as Python's own functions raise for what they cannot use.
  nb::exception<spikemix::InputError>(m, "InputError", PyExc_ValueError);
  nb::exception<spikemix::RunError>(m, "RunError", PyExc_RuntimeError);
  spikemix::python::bind_engine(m);
  spikemix::python::bind_events(m);
  spikemix::python::bind_data(m);
  spikemix::python::bind_kernels(m);
}
