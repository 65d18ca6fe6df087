// SPDX-License-Identifier: MIT
// spikemix._core: the engine, the readers and the mixers for Python. No LibTorch; numpy arrays and DLPack in and out.
#include "core.h"

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "spikemix/base/error.h"
#include "spikemix/base/version.h"
#include "spikemix/cli/builtin_model.h"

int spikemix_program(int argc, char** argv);  // cli/main.cc's main()

namespace nb = nanobind;

namespace {

template <class Error>
void bind_exception(nb::module_& m, const char* name, PyObject* base, const char* doc) {
  nb::exception<Error> type(m, name, base);
  type.attr("__doc__") = doc;
  // nanobind's own translation loses a text that is not UTF-8, such as one that quotes a damaged file.
  nb::register_exception_translator(
      [](const std::exception_ptr& thrown, void* to) {
        try {
          std::rethrow_exception(thrown);
        } catch (const Error& error) {
          const std::string_view said = error.what();
          const nb::object text =
              nb::steal(PyUnicode_DecodeUTF8(said.data(), Py_ssize_t(said.size()), "backslashreplace"));
          PyErr_SetObject(static_cast<PyObject*>(to), text.ptr());
        }
      },
      type.ptr());
}

}  // namespace

NB_MODULE(_core, m) {
  nb::set_leak_warnings(false);  // torch keeps the operators, and what they hold, beyond the interpreter's end
  m.attr("__version__") = spikemix::kVersion;
  // A ValueError, as Python's own functions raise for what they cannot use.
  bind_exception<spikemix::InputError>(
      m, "InputError", PyExc_ValueError,
      "What was given cannot be used: the text says where, what was found and what was expected.");
  bind_exception<spikemix::RunError>(m, "RunError", PyExc_RuntimeError,
                                     "The machine failed, not the input: a full disk, a program that ended.");
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
