// SPDX-License-Identifier: MIT
// spikemix._core: the engine, the readers and the mixers for Python. No LibTorch; numpy arrays and DLPack in and out.
#include "core.h"

#include <string>
#include <vector>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "spikemix/base/error.h"
#include "spikemix/base/version.h"
#include "spikemix/cli/builtin_model.h"

int spikemix_program(int argc, char** argv);  // cli/main.cc's main()

NB_MODULE(_core, m) {
  namespace nb = nanobind;
  nb::set_leak_warnings(false);  // torch keeps the operators, and what they hold, beyond the interpreter's end
  m.attr("__version__") = spikemix::kVersion;
  // A ValueError, as Python's own functions raise for what they cannot use.
  nb::exception<spikemix::InputError>(m, "InputError", PyExc_ValueError).attr("__doc__") =
      "What was given cannot be used: the text says where, what was found and what was expected.";
  nb::exception<spikemix::RunError>(m, "RunError", PyExc_RuntimeError).attr("__doc__") =
      "The machine failed, not the input: a full disk, a program that ended.";
  spikemix::python::bind_engine(m);
  spikemix::python::bind_events(m);
  spikemix::python::bind_data(m);
  spikemix::python::bind_kernels(m);
  m.def("builtin_model", [] {
    const auto bytes = spikemix::builtin_bytes();
    return nb::bytes(bytes.data(), bytes.size());
  });
  m.def(
      "program",
      [](const std::vector<nb::bytes>& arguments) {
        std::vector<std::string> texts;
        for (const nb::bytes& argument : arguments) texts.emplace_back(argument.c_str(), argument.size());
        std::vector<char*> argv;
        for (std::string& text : texts) argv.push_back(text.data());
        argv.push_back(nullptr);
        const nb::gil_scoped_release release;
        return spikemix_program(int(texts.size()), argv.data());
      },
      nb::arg("arguments"), "Runs the program: `spikemix ARGUMENTS`, its own name first. Its exit code.");
}
