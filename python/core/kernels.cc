// SPDX-License-Identifier: MIT
// spikemix._core's kernels, which spikemix.nn registers as torch operators. Tensors come as addresses, which torch's
// operators have checked and keep alive: no copy, no DLPack capsule for each call, no torch in this module.
#include "kernels.h"

#include <cmath>
#include <optional>
#include <tuple>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "calls.h"
#include "core.h"
#include "model_file.h"
#include "plan_json.h"
#include "spikemix/base/error.h"
#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/mixers/wavelets.h"

namespace spikemix::python {
namespace {

using Address = uintptr_t;

template <class T>
T* at(Address address) {
  return reinterpret_cast<T*>(address);
}

// --- neurons ---------------------------------------------------------------------------------------------------------

// Rows that a thread takes at a time: sums by chunk, added in order, have the same bits for any number of threads.
constexpr int64_t kChunk = 128;

LifParams with_k(LifParams params, std::optional<double> k) {
  if (k) params.k = float(*k);
  return params;
}

int64_t chunk_grain(const LifShape& shape) {
  return std::max<int64_t>(1, kWorthwhile / std::max<int64_t>(1, shape.T * shape.C * kChunk));
}

template <class F>
void for_chunks(const LifShape& shape, int64_t threads, const F& f) {
  const int64_t chunks = (shape.M + kChunk - 1) / kChunk;
  in_threads(chunks, threads, chunk_grain(shape), [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk)
      f(chunk, chunk * kChunk, std::min(shape.M, (chunk + 1) * kChunk));
  });
}

void neuron_forward(const LifParams& neuron, std::optional<double> k, int64_t T, int64_t M, int64_t C, bool same_x,
                    Type type, Address x, Address s, int64_t threads) {
  const LifParams params = with_k(neuron, k);
  const LifShape shape{T, M, C, same_x};
  const auto run = [&]<class X>(X) {
    for_chunks(shape, threads, [&](int64_t, int64_t begin, int64_t end) {
      lif_forward(params, shape, {}, begin, end, at<const X>(x), static_cast<const X*>(nullptr), at<X>(s));
    });
  };
  type == Type::kBfloat16 ? run(Bfloat16{}) : run(float{});
}

double neuron_backward(const LifParams& neuron, std::optional<double> k, int64_t T, int64_t M, int64_t C, bool same_x,
                       Type type, Address x, Address ds, Address dz, int64_t threads) {
  const LifParams params = with_k(neuron, k);
  const LifShape shape{T, M, C, same_x};
  std::vector<double> dk(size_t((M + kChunk - 1) / kChunk), 0.0);
  const auto run = [&]<class X>(X) {
    for_chunks(shape, threads, [&](int64_t chunk, int64_t begin, int64_t end) {
      LifSums sums;
      if (k) sums.dk = &dk[size_t(chunk)];
      lif_backward(params, shape, {}, begin, end, at<const X>(x), at<const X>(ds), at<X>(dz), sums);
    });
  };
  type == Type::kBfloat16 ? run(Bfloat16{}) : run(float{});
  double total = 0;
  for (const double sum : dk) total += sum;
  return total;
}

// --- gates -----------------------------------------------------------------------------------------------------------

// Samples are split into chunks that do not depend on the threads: each chunk makes its own sums, which are added in
// order.
constexpr int64_t kGateChunks = 8;

std::unique_ptr<GatedTransform> make_gate(const std::string& spec, int64_t height, int64_t width, int64_t D) {
  const MixerSpec parsed = parse_mixer_spec(spec);
  return make_gated({.height = height, .width = width, .D = D}, parsed.options);
}

// f(chunk, first sample, samples, panel, scratch) for all samples and channels.
template <class T, class F>
void for_panels(const GatedTransform& gate, int64_t samples, int64_t threads, const F& f) {
  const int64_t size = std::max<int64_t>(1, (samples + kGateChunks - 1) / kGateChunks), panels = gate.panels();
  const int64_t values = size * gate.height() * gate.width() * gate.channels() / std::max<int64_t>(panels, 1);
  in_threads((samples + size - 1) / size * panels, threads, kWorthwhile / std::max<int64_t>(values, 1),
             [&](int64_t begin, int64_t end) {
               std::vector<T> scratch(size_t(gate.scratch_size()));
               for (int64_t task = begin; task < end; ++task) {
                 const int64_t chunk = task / panels, first = chunk * size;
                 f(chunk, first, std::min(size, samples - first), task % panels, scratch.data());
               }
             });
}

template <class T>
std::vector<T> packed(const GatedTransform& gate, Address values) {
  std::vector<T> rows(size_t(gate.packed_size()));
  gate.pack(at<const T>(values), rows.data());
  return rows;
}

template <class F>
void with_type(Type type, const F& f) {
  type == Type::kDouble ? f(double{}) : f(float{});
}

void gate_forward(const GatedTransform& gate, int64_t samples, Type type, Address values, Address x, Address y,
                  int64_t threads) {
  const int64_t sample = gate.height() * gate.width() * gate.channels();
  with_type(type, [&]<class T>(T) {
    const std::vector<T> k = packed<T>(gate, values);
    for_panels<T>(gate, samples, threads, [&](int64_t, int64_t first, int64_t n, int64_t panel, T* scratch) {
      gate.forward(panel, n, k.data(), at<const T>(x) + first * sample, at<T>(y) + first * sample, scratch);
    });
  });
}

void gate_backward(const GatedTransform& gate, int64_t samples, Type type, Address values, Address x, Address for_y,
                   Address for_x, Address for_values, int64_t threads) {
  const int64_t sample = gate.height() * gate.width() * gate.channels(), size = gate.packed_size();
  with_type(type, [&]<class T>(T) {
    const std::vector<T> k = packed<T>(gate, values);
    std::vector<T> sums(size_t(kGateChunks * size), T(0)), total(size_t(size), T(0));
    for_panels<T>(gate, samples, threads, [&](int64_t chunk, int64_t first, int64_t n, int64_t panel, T* scratch) {
      const int64_t start = first * sample;
      gate.backward(panel, n, k.data(), at<const T>(x) + start, at<const T>(for_y) + start, at<T>(for_x) + start,
                    sums.data() + chunk * size, scratch);
    });
    for (int64_t i = 0; i < size; ++i) {
      double sum = 0;
      for (int64_t chunk = 0; chunk < kGateChunks; ++chunk) sum += double(sums[size_t(chunk * size + i)]);
      total[size_t(i)] = T(sum);
    }
    gate.unpack(total.data(), at<T>(for_values));
  });
}

// --- queries about mixers --------------------------------------------------------------------------------------------

Tuples<int64_t, double, Tuples<nb::str, int64_t, std::vector<double>>> terms_of(const Mixer& mixer) {
  nb::list terms;
  for (const SeparableTerm& term : mixer.terms()) {
    nb::list axes;
    for (const AxisMatrix& axis : term.axes) axes.append(nb::make_tuple(axis.axis, axis.n, axis.values));
    terms.append(nb::make_tuple(term.coefficient, term.sign, axes));
  }
  return terms;
}

nb::typed<nb::list, Row> mixer_list() {
  nb::list list;
  for (const MixerEntry& entry : mixers()) {
    nb::dict row;
    row["name"] = entry.name, row["linear"] = entry.make != nullptr, row["options"] = entry.options;
    row["cost"] = entry.cost, row["summary"] = entry.summary;
    list.append(row);
  }
  return list;
}

void bind_mixers(nb::module_& m) {
  using Release = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<TensorMixer>(m, "Mix", "A linear token mixer over tensors in memory.")
      .def(
          "__init__",
          [](TensorMixer* self, const std::string& spec, int64_t T, int64_t height, int64_t width, int64_t D,
             bool turned) {
            new (self) TensorMixer(spec, {T, height, width, D}, turned);
          },
          nb::arg("spec"), nb::arg("T"), nb::arg("height"), nb::arg("width"), nb::arg("D"), nb::arg("turned"),
          Release())
      .def_prop_ro("mixes_time", [](const TensorMixer& m_) { return m_.mixer().mixes_time(); })
      .def_prop_ro("coefficients", [](const TensorMixer& m_) { return m_.mixer().coefficients(); })
      .def_prop_ro("ops",
                   [](const TensorMixer& m_) {
                     const OpCount ops = m_.mixer().ops();
                     return ops.additions + ops.multiplications;
                   })
      .def("terms", [](const TensorMixer& m_) { return terms_of(m_.mixer()); })
      .def(
          "run",
          [](const TensorMixer& m_, bool adjoint, const std::vector<double>& c, int64_t T, int64_t B, Type type,
             Address x, Address y,
             int64_t threads) { m_.run(adjoint, c, T, B, type, at<const void>(x), at<void>(y), threads); },
          nb::arg("adjoint"), nb::arg("c"), nb::arg("T"), nb::arg("B"), nb::arg("type"), nb::arg("x"), nb::arg("y"),
          nb::arg("threads"), Release())
      .def(
          "backward",
          [](const TensorMixer& m_, const std::vector<double>& c, int64_t T, int64_t B, Type type, Address g,
             Address others, Address x, int64_t threads) {
            return m_.backward(c, T, B, type, at<const void>(g), at<const void>(others), at<void>(x), threads);
          },
          nb::arg("c"), nb::arg("T"), nb::arg("B"), nb::arg("type"), nb::arg("g"), nb::arg("others"), nb::arg("x"),
          nb::arg("threads"), Release());
  nb::class_<GatedTransform>(m, "Gate", "A transform, learned gates, and its inverse.")
      .def_prop_ro("shape", &GatedTransform::gate_shape)
      .def_prop_ro("kind", [](const GatedTransform& g) { return int(g.kind()); })
      .def_prop_ro("ops",
                   [](const GatedTransform& g) {
                     const OpCount ops = g.ops();
                     return ops.additions + ops.multiplications;
                   })
      .def("matrices",
           [](const GatedTransform& g) { return std::tuple(g.vertical().matrix(), g.horizontal().matrix()); })
      .def("run", &gate_forward, nb::arg("samples"), nb::arg("type"), nb::arg("values"), nb::arg("x"), nb::arg("y"),
           nb::arg("threads"), Release())
      .def("backward", &gate_backward, nb::arg("samples"), nb::arg("type"), nb::arg("values"), nb::arg("x"),
           nb::arg("for_y"), nb::arg("for_x"), nb::arg("for_values"), nb::arg("threads"), Release());
  m.def("gate", &make_gate, nb::arg("spec"), nb::arg("height"), nb::arg("width"), nb::arg("D"));
  m.def("mixers", &mixer_list, "The registry: name, linear, options, cost and summary of each token mixer.");
  m.def(
      "wavelets", [] { return wavelet_names(); }, "Names of the wavelets, as PyWavelets has them.");
}

}  // namespace

void bind_kernels(nb::module_& m) {
  using Release = nb::call_guard<nb::gil_scoped_release>;
  nb::enum_<Type>(m, "Type")
      .value("float", Type::kFloat)
      .value("double", Type::kDouble)
      .value("bfloat16", Type::kBfloat16);
  bind_mixers(m);
  bind_model_file(m);
  nb::class_<LifParams>(m, "Neuron", "The constants of a spiking neuron.");
  m.def("neuron", &neuron_from_json, nb::arg("text"), "From JSON text: k, leak, v_threshold, ...");
  m.def("neuron_json", &neuron_json_of_config, nb::arg("config"), nb::arg("v_threshold") = nb::none(),
        "The constants, as JSON text, of the neurons that a config's section describes.");
  m.def("neuron_forward", &neuron_forward, Release(), nb::arg("neuron"), nb::arg("k").none(), nb::arg("T"),
        nb::arg("M"), nb::arg("C"), nb::arg("same_x"), nb::arg("type"), nb::arg("x"), nb::arg("s"), nb::arg("threads"));
  m.def("neuron_backward", &neuron_backward, Release(), nb::arg("neuron"), nb::arg("k").none(), nb::arg("T"),
        nb::arg("M"), nb::arg("C"), nb::arg("same_x"), nb::arg("type"), nb::arg("x"), nb::arg("ds"), nb::arg("dz"),
        nb::arg("threads"));
  m.def("plan", &plan_json, nb::arg("config"), "The network that a config (JSON text) describes, as JSON text.");
  m.def("mixer_plan", &mixer_plan_json, nb::arg("request"),
        "The layers of one mixer's branch, as JSON text; value 1 is what it reads.");
}

}  // namespace spikemix::python
