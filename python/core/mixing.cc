// SPDX-License-Identifier: MIT
#include <algorithm>
#include <type_traits>

#include <fmt/ranges.h>

#include "kernels.h"
#include "spikemix/base/error.h"
#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix::python {
namespace {

// The type that mixers compute in.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

// The axes' names in a sample whose rows and columns have traded places; "" if there is no such name.
std::string turned_name(const std::string& axis, bool grid) {
  if (axis == "time") return grid ? "" : "time";
  if (axis == "tokens") return "embed";
  if (axis == "height") return "width";
  if (axis == "width") return "embed";
  return grid ? "height" : "tokens";
}

// The mixer over [D, N], or null if some axes cannot trade places.
std::unique_ptr<Mixer> turn(const MixerSpec& spec, const MixerShape& shape, const Mixer& mixer) {
  const std::vector<AxisMatrix> axes = mixer.terms()[0].axes;
  if (axes.empty()) return spec.entry->make(shape, spec.options);  // identity
  if (std::string(spec.entry->options).find("axes") == std::string::npos) return nullptr;
  const bool grid = std::any_of(axes.begin(), axes.end(),
                                [](const AxisMatrix& axis) { return axis.axis == "height" || axis.axis == "width"; });
  std::vector<std::string> names;
  for (const AxisMatrix& axis : axes) {
    names.push_back(turned_name(axis.axis, grid));
    if (names.back().empty()) return nullptr;
  }
  MixerOptions options = spec.options;
  options.axes = fmt::format("{}", fmt::join(names, ","));
  const MixerShape turned =
      grid ? MixerShape{1, shape.D, shape.height, shape.width} : MixerShape{shape.T, shape.D, 1, shape.N()};
  return spec.entry->make(turned, options);
}

// One thread's buffers, for one sample.
template <class C>
struct Buffers {
  Buffers(int64_t size, int64_t scratch_size) : in(size_t(size)), out(in), term(in), scratch(size_t(scratch_size)) {}
  std::vector<C> in, out, term, scratch;
};

// The layout of a sample's steps and rows.
struct Place {
  int64_t steps, step;    // steps of the sample, and the stride between them
  int64_t rows, columns;  // of a step, as stored in the tensor
  bool transposes;
};

template <class T>
void gather(const Place& place, const T* from, Compute<T>* to) {
  const int64_t size = place.rows * place.columns;
  for (int64_t t = 0; t < place.steps; ++t, from += place.step, to += size) {
    if (!place.transposes) {
      for (int64_t i = 0; i < size; ++i) to[i] = Compute<T>(from[i]);
      continue;
    }
    for (int64_t r = 0; r < place.rows; ++r) {
      for (int64_t c = 0; c < place.columns; ++c) to[c * place.rows + r] = Compute<T>(from[r * place.columns + c]);
    }
  }
}

template <class T>
void scatter(const Place& place, const Compute<T>* from, T* to) {
  const int64_t size = place.rows * place.columns;
  for (int64_t t = 0; t < place.steps; ++t, to += place.step, from += size) {
    if (!place.transposes) {
      for (int64_t i = 0; i < size; ++i) to[i] = T(from[i]);
      continue;
    }
    for (int64_t r = 0; r < place.rows; ++r) {
      for (int64_t c = 0; c < place.columns; ++c) to[r * place.columns + c] = T(from[c * place.rows + r]);
    }
  }
}

}  // namespace

TensorMixer::TensorMixer(const std::string& text, const MixerShape& shape, bool turned) : shape_(shape) {
  const MixerSpec spec = parse_mixer_spec(text);
  if (!spec.entry->make) throw input_error("mixer '{}' has weights or neurons and is not a transform: use Mixer", text);
  mixer_ = spec.entry->make(shape, spec.options);
  if (!turned) return;
  turned_ = turn(spec, shape, *mixer_);
  transposes_ = !turned_;
}

template <class T>
std::vector<double> TensorMixer::run_samples(bool adjoint, const std::vector<double>& c, int64_t steps, int64_t batch,
                                             const T* in, const T* others, T* out, int64_t threads) const {
  using C = Compute<T>;
  const Mixer& mixer = turned_ ? *turned_ : *mixer_;
  const int64_t step_size = shape_.N() * shape_.D, K = int64_t(c.size());
  const bool time = mixer.mixes_time(), in_place = std::is_same_v<C, T> && !transposes_ && (!time || batch == 1);
  const int64_t samples = time ? batch : steps * batch, size = time ? steps * step_size : step_size;
  const Place place{time ? steps : 1, batch * step_size, transposes_ ? shape_.D : shape_.N(),
                    transposes_ ? shape_.N() : shape_.D, transposes_};
  std::vector<double> sums(others ? size_t(samples * K) : 0, 0.0);
  in_threads(samples, threads, kWorthwhile / std::max<int64_t>(size, 1), [&](int64_t begin, int64_t end) {
    Buffers<C> buffers(size, mixer.scratch_size());
    for (int64_t s = begin; s < end; ++s) {
      const C *x = buffers.in.data(), *other = nullptr;
      C* y = buffers.out.data();
      if constexpr (std::is_same_v<C, T>) {
        if (in_place) x = in + s * step_size, y = out + s * step_size;
      }
      if (x == buffers.in.data()) gather(place, in + s * step_size, buffers.in.data());
      const auto run = [&](int64_t k, C* to) {
        adjoint ? mixer.adjoint(k, x, to, buffers.scratch.data()) : mixer.forward(k, x, to, buffers.scratch.data());
      };
      if (K == 0) run(0, y);
      std::vector<C> gathered;
      if (others) {
        gathered.resize(size_t(size));
        gather(place, others + s * step_size, gathered.data());
        other = gathered.data();
      }
      for (int64_t k = 0; k < K; ++k) {
        C* const term = buffers.term.data();
        run(k, term);
        for (int64_t i = 0; other && i < size; ++i) sums[size_t(s * K + k)] += double(term[i]) * double(other[i]);
        const C factor = C(c[size_t(k)]);
        for (int64_t i = 0; i < size; ++i) y[i] = k == 0 ? factor * term[i] : y[i] + factor * term[i];
      }
      if (y == buffers.out.data()) scatter(place, y, out + s * step_size);
    }
  });
  std::vector<double> totals(others ? c.size() : 0, 0.0);
  for (size_t i = 0; i < sums.size(); ++i) totals[i % c.size()] += sums[i];
  return totals;
}

void TensorMixer::run(bool adjoint, const std::vector<double>& c, int64_t steps, int64_t batch, Type type,
                      const void* x, void* y, int64_t threads) const {
  const auto of_type = [&]<class T>(T) {
    run_samples<T>(adjoint, c, steps, batch, static_cast<const T*>(x), nullptr, static_cast<T*>(y), threads);
  };
  if (type == Type::kFloat) return of_type(float{});
  if (type == Type::kDouble) return of_type(double{});
  of_type(Bfloat16{});
}

std::vector<double> TensorMixer::backward(const std::vector<double>& c, int64_t steps, int64_t batch, Type type,
                                          const void* g, const void* others, void* x, int64_t threads) const {
  const auto of_type = [&]<class T>(T) {
    return run_samples<T>(true, c, steps, batch, static_cast<const T*>(g), static_cast<const T*>(others),
                          static_cast<T*>(x), threads);
  };
  if (type == Type::kFloat) return of_type(float{});
  if (type == Type::kDouble) return of_type(double{});
  return of_type(Bfloat16{});
}

}  // namespace spikemix::python
