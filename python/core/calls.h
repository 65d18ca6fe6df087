// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "spikemix/base/error.h"

namespace spikemix::python {

namespace nb = nanobind;

/// A program's error, whose flags are arguments here.
std::string in_python(std::string text);

/// What f() returns, called without the GIL; what it throws is an InputError or a RunError, or what Python threw in it.
template <class F>
auto unlocked(F&& f) {
  nb::gil_scoped_release release;
  try {
    return f();
  } catch (const InputError& error) {
    throw InputError(in_python(error.what()));
  } catch (const std::filesystem::filesystem_error& error) {
    const Fault fault = fault_of(error);
    if (fault.of == Fault::Of::kInput) throw InputError(fault.text);
    throw RunError(fault.text);
  }
}

/// Ctrl-C, in the middle of a long call: throws what Python's handler raised.
inline void check_signals() {
  nb::gil_scoped_acquire acquire;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

/// Lists of tuples and dicts with names, as the stubs (spikemix/_core.pyi) know them.
template <class... Ts>
using Tuples = nb::typed<nb::list, nb::typed<nb::tuple, Ts...>>;
using Row = nb::typed<nb::dict, nb::str, nb::any>;

/// One-dimensional bytes that belong to Python.
using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// A numpy array that owns memory of malloc's. @param data  null: freed already
template <class T>
nb::ndarray<nb::numpy, T> array_of(T* data, std::initializer_list<size_t> shape) {
  nb::capsule owner(data, [](void* memory) noexcept { std::free(memory); });
  return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

/// A numpy array of a vector's own memory. @tparam Value  what the array shows it as
template <class T, class Value = T>
nb::ndarray<nb::numpy, Value> array_of(std::vector<T>&& values, const std::vector<size_t>& shape) {
  auto kept = std::make_unique<std::vector<T>>(std::move(values));
  auto* const data = reinterpret_cast<Value*>(kept->data());
  const nb::capsule owner(kept.get(), [](void* vector) noexcept { delete static_cast<std::vector<T>*>(vector); });
  static_cast<void>(kept.release());
  return nb::ndarray<nb::numpy, Value>(data, shape.size(), shape.data(), owner);
}

}  // namespace spikemix::python
