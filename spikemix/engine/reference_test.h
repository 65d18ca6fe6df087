// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/engine/session.h"
#include "spikemix/formats/floats.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/plan.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// For tests: the meaning of a plan, as plain loops over double values, one image at a time.
class Reference {
 public:
  Reference(Plan plan, const SafeTensors& file) : plan_(std::move(plan)) {
    for (const std::string& name : file.names()) {
      const TensorView& tensor = *file.find(name);
      const TensorView* const unit = file.find(unit_name(name));
      if (is_float(tensor.dtype)) {
        const std::vector<float> values = to_floats(tensor);
        tensors_[name].assign(values.begin(), values.end());
      } else if (unit) {  // exported weights are bytes
        const std::vector<float> units = to_floats(*unit);
        Values& values = tensors_[name];
        for (const std::byte b : tensor.data)
          values.push_back(int8_t(b) * double(units[values.size() / (tensor.data.size() / units.size())]));
      }
    }
  }

  using Values = std::vector<double>;  // [T, rows, parts x channels]

  /// @param input  as for Session::infer()
  std::vector<double> run(const float* input) {
    values_.assign(plan_.values.size(), {});
    const ValuePlan& in = plan_.input();
    values_[0].resize(size_t(plan_.T * in.rows() * in.channels));
    for (int64_t t = 0; t < plan_.T; ++t) {
      for (int64_t r = 0; r < in.rows(); ++r) {
        for (int64_t c = 0; c < in.channels; ++c)
          at(values_[0], t, r, c, in) = input[((in.still ? 0 : t) * in.channels + c) * in.rows() + r];
      }
    }
    for (const LayerPlan& layer : plan_.layers) run(layer);
    return classify();
  }

  /// For layers with neurons, by the names that observers see: [T, rows, channels].
  std::map<std::string, Values> spikes;
  /// For the others, after the merge: by the names of their parts.
  std::map<std::string, Values> potentials;

 private:
  static double& at(Values& v, int64_t t, int64_t row, int64_t c, const ValuePlan& plan) {
    return v[size_t((t * plan.rows() + row) * plan.channels * plan.parts + c)];
  }

  void run(const LayerPlan& layer) {
    const ValuePlan& to = plan_.values[size_t(layer.writes)];
    Values& out = values_[size_t(layer.writes)];
    out.assign(size_t(plan_.T * to.rows() * to.channels * to.parts), 0);
    for (size_t part = 0; part < layer.parts.size(); ++part) {
      Values y = map(layer, layer.parts[part]);
      norm(layer, layer.parts[part], y);
      if (layer.neurons && layer.map != Map::kAttention) fire(layer, layer.parts[part], y);
      if (layer.neurons) spikes[layer.parts[part].name] = y;
      for (int64_t i = 0; i < int64_t(y.size()); ++i)
        out[size_t(i / to.channels * to.channels * to.parts + int64_t(part) * to.channels + i % to.channels)] =
            y[size_t(i)];
    }
    for (size_t i = 0; i < out.size() && layer.merge != Merge::kNone; ++i) {
      const double x = values_[size_t(layer.merges)][i];
      out[i] = layer.merge == Merge::kAdd ? x + out[i] : x * (1 - out[i]);
    }
    if (!layer.neurons && to.range.is_real()) potentials[layer.parts[0].name] = out;
  }

  Values map(const LayerPlan& layer, const LayerPart& part) {
    const ValuePlan &from = plan_.values[size_t(layer.reads)], &to = plan_.values[size_t(layer.writes)];
    Values& x = values_[size_t(layer.reads)];
    Values y(size_t(plan_.T * to.rows() * to.channels));
    ValuePlan one = to;
    one.parts = 1;
    switch (layer.map) {
      case Map::kNone:
        return x;
      case Map::kConvolution:
      case Map::kLinear:
        for_outputs(
            one, [&](int64_t t, int64_t row, int64_t o) { at(y, t, row, o, one) = sum_of(layer, part, x, t, row, o); });
        return y;
      case Map::kTransform:
        return transform(layer, x);
      case Map::kGated:
        return gated(layer, x);
      case Map::kAttention:
        return attention(layer, part, x);
      case Map::kMaxPool:
        for_outputs(one, [&](int64_t t, int64_t row, int64_t c) {
          double most = -INFINITY;
          for_window(layer.window, from, to, row,
                     [&](int64_t, int64_t pixel) { most = std::max(most, at(x, t, pixel, c, from)); });
          at(y, t, row, c, one) = most;
        });
        return y;
      case Map::kTokenMean:
        for_outputs(one, [&](int64_t t, int64_t, int64_t c) {
          for (int64_t row = 0; row < from.rows(); ++row)
            at(y, t, 0, c, one) += at(x, t, row, c, from) / double(from.rows());
        });
        return y;
    }
    return y;
  }

  template <class Visit>
  void for_outputs(const ValuePlan& v, const Visit& visit) const {
    for (int64_t t = 0; t < plan_.T; ++t) {
      for (int64_t row = 0; row < v.rows(); ++row) {
        for (int64_t c = 0; c < v.channels; ++c) visit(t, row, c);
      }
    }
  }

  // visit(tap, pixel) for the pixels inside.
  template <class Visit>
  static void for_window(const Window& w, const ValuePlan& from, const ValuePlan& to, int64_t row, const Visit& visit) {
    for (int64_t k = 0; k < w.kernel * w.kernel; ++k) {
      const int64_t y = row / to.width * w.stride - w.padding + k / w.kernel;
      const int64_t x = row % to.width * w.stride - w.padding + k % w.kernel;
      if (y >= 0 && y < from.height && x >= 0 && x < from.width) visit(k, y * from.width + x);
    }
  }

  double sum_of(const LayerPlan& layer, const LayerPart& part, Values& x, int64_t t, int64_t row, int64_t o) {
    const ValuePlan &from = plan_.values[size_t(layer.reads)], &to = plan_.values[size_t(layer.writes)];
    const Values& w = tensors_.at(part.tensors.weight);
    const Window window = layer.map == Map::kLinear ? Window{.kernel = 1, .stride = 1, .padding = 0} : layer.window;
    const int64_t groups = window.depthwise ? from.channels : layer.groups;
    const int64_t taps = window.kernel * window.kernel, C = from.channels / groups;
    const int64_t first = o / (to.channels / groups) * C, weight = layer.shares_weight ? o % C : o;
    double sum = part.tensors.bias.empty() ? 0 : tensors_.at(part.tensors.bias)[size_t(weight)];
    for_window(window, from, to, row, [&](int64_t tap, int64_t pixel) {
      for (int64_t c = 0; c < C; ++c)
        sum += w[size_t((weight * C + c) * taps + tap)] * at(x, t, pixel, first + c, from);
    });
    return sum;
  }

  Values transform(const LayerPlan& layer, const Values& x) const {
    const int64_t samples = layer.mixes_time ? 1 : plan_.T, n = int64_t(x.size()) / samples;
    Values y(x.size()), term(size_t(n) + 64), scratch(size_t(layer.mixer->scratch_size()) + 64), in(size_t(n) + 64);
    for (int64_t s = 0; s < samples; ++s) {
      std::copy_n(x.begin() + s * n, n, in.begin());
      for (int64_t k = 0; k < std::max<int64_t>(1, layer.coefficient_count); ++k) {
        layer.mixer->forward(k, in.data(), term.data(), scratch.data());
        const double c = layer.coefficient_count ? tensors_.at(layer.coefficients)[size_t(k)] : 1;
        for (int64_t i = 0; i < n; ++i) y[size_t(s * n + i)] += c * term[size_t(i)];
      }
    }
    return y;
  }

  Values gated(const LayerPlan& layer, const Values& x) const {
    const GatedTransform& transform = *layer.gated;
    Values packed(size_t(transform.packed_size())), scratch(size_t(transform.scratch_size())), y(x.size());
    transform.pack(tensors_.at(layer.gate).data(), packed.data());
    for (int64_t panel = 0; panel < transform.panels(); ++panel)
      transform.forward(panel, plan_.T, packed.data(), x.data(), y.data(), scratch.data());
    return y;
  }

  Values attention(const LayerPlan& layer, const LayerPart& part, Values& x) {
    const ValuePlan& from = plan_.values[size_t(layer.reads)];
    const int64_t N = from.rows(), C = from.channels, d = C / layer.heads;
    const auto q = [&](int64_t p, int64_t t, int64_t n, int64_t c) { return at(x, t, n, p * C + c, from); };
    ValuePlan one = from;
    one.parts = 1;
    Values y(size_t(plan_.T * N * C));
    if (layer.attention == Attention::kSsa) {
      for_outputs(one, [&](int64_t t, int64_t n, int64_t c) {
        for (int64_t m = 0; m < N; ++m) {
          double similarity = 0;
          for (int64_t i = c / d * d; i < c / d * d + d; ++i) similarity += q(0, t, n, i) * q(1, t, m, i);
          at(y, t, n, c, one) += similarity * q(2, t, m, c) * layer.scale;
        }
      });
      fire(layer, part, y);
      return y;
    }
    // A neuron appears as often as its bit is used: all uses see the same.
    for_outputs(one, [&](int64_t t, int64_t n, int64_t c) {
      double& sum = at(y, t, n, c, one);
      if (layer.attention == Attention::kQkToken) {
        for (int64_t i = c / d * d; i < c / d * d + d; ++i) sum += q(0, t, n, i);
      } else {
        for (int64_t m = 0; m < N; ++m)
          sum += layer.attention == Attention::kQkChannel ? q(0, t, m, c) : q(1, t, m, c) * q(2, t, m, c);
      }
      sum *= layer.scale;
    });
    fire(layer, part, y);
    for_outputs(one, [&](int64_t t, int64_t n, int64_t c) {
      at(y, t, n, c, one) *= q(layer.attention == Attention::kSpikeDriven ? 0 : 1, t, n, c);
    });
    return y;
  }

  void norm(const LayerPlan& layer, const LayerPart& part, Values& y) const {
    const ValuePlan& to = plan_.values[size_t(layer.writes)];
    if (!part.tensors.norm.empty()) {
      const NormNames names(part.tensors.norm);
      for (size_t i = 0; i < y.size(); ++i) {
        const size_t c = i % size_t(to.channels);
        const double scale = tensors_.at(names.weight)[c] / std::sqrt(tensors_.at(names.variance)[c] + 1e-5);
        y[i] = (y[i] - tensors_.at(names.mean)[c]) * scale + tensors_.at(names.bias)[c];
      }
    }
    if (layer.position.empty()) return;
    const Values& position = tensors_.at(layer.position);
    for (size_t i = 0; i < y.size(); ++i) y[i] += position[i % position.size()];
  }

  void fire(const LayerPlan& layer, const LayerPart& part, Values& y) const {
    if (layer.signed_neurons) return fire_signed(y);
    const LifParams p = lif_params(plan_.neuron, layer.v_threshold);
    const double k =
        plan_.neuron.kind == "plif" ? 1 / (1 + std::exp(-tensors_.at(neuron_tensor(part.tensors.neuron))[0])) : p.k;
    const size_t step = y.size() / size_t(plan_.T);
    for (size_t i = 0; i < step; ++i) {
      double v = p.v_reset;
      for (size_t t = 0; t < size_t(plan_.T); ++t) {
        double& z = y[t * step + i];
        const double h = v + k * (z - p.leak * (v - p.v_reset));
        if (p.levels > 0) {
          z = std::floor(std::clamp(h, 0.0, double(p.levels)) + 0.5);
          v = h - z;
          continue;
        }
        const bool fired = h >= p.v_threshold;
        v = !fired ? h : p.hard_reset ? p.v_reset : h - p.v_threshold;
        z = fired;
      }
    }
  }

  // SWformer's: 1 if v >= 1, -1 if v <= -0.501; reset to 0 after either.
  void fire_signed(Values& y) const {
    const size_t step = y.size() / size_t(plan_.T);
    for (size_t i = 0; i < step; ++i) {
      double v = 0;
      for (size_t t = 0; t < size_t(plan_.T); ++t) {
        double& z = y[t * step + i];
        v += z;
        z = v >= 1 - 1e-6 ? 1 : v <= -0.501 ? -1 : 0;
        if (z != 0) v = 0;
      }
    }
  }

  std::vector<double> classify() {
    const ValuePlan& v = plan_.values[size_t(plan_.features)];
    std::vector<double> logits = tensors_.at(plan_.head_bias);
    const Values& w = tensors_.at(plan_.head_weight);
    for_outputs(v, [&](int64_t t, int64_t row, int64_t c) {
      for (size_t i = 0; i < logits.size(); ++i)
        logits[i] += w[i * size_t(v.channels) + size_t(c)] * at(values_[size_t(plan_.features)], t, row, c, v) /
                     double(plan_.T * v.rows());
    });
    return logits;
  }

  const Plan plan_;
  std::map<std::string, Values> tensors_;
  std::vector<Values> values_;
};

/// The differences between an engine and the loops, layer by layer.
struct Agreement {
  int64_t values = 0, fired = 0, flips = 0;
  double worst = 0;   // potentials, as a share of the layer's largest
  double logits = 0;  // largest difference
};

/// Each layer reads the reference's spikes and potentials, so that only its own error shows.
inline Agreement compare(Session& session, Reference& reference, const float* x) {
  const std::vector<double> expected = reference.run(x);
  Agreement a;
  int64_t seen = 0;
  const auto see = [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits) {
    ASSERT_TRUE(reference.spikes.contains(layer)) << layer;
    const std::vector<double>& want = reference.spikes.at(layer);
    ASSERT_EQ(int64_t(want.size()), T * rows * channels) << layer;
    ++seen;
    for (int64_t i = 0; i < int64_t(want.size()); ++i) {
      uint64_t& word = bits[i / channels * spike_words(channels) + i % channels / 64];
      const uint64_t bit = uint64_t{1} << (i % channels % 64), spike = want[size_t(i)] != 0 ? bit : 0;
      a.values += 1, a.fired += spike != 0, a.flips += (word & bit) != spike;
      word = (word & ~bit) | spike;
    }
  };
  const auto see_counts = [&]<class Byte>(const std::string& layer, int64_t T, int64_t rows, int64_t channels,
                                          Byte* counts) {
    ASSERT_TRUE(reference.spikes.contains(layer)) << layer;
    const std::vector<double>& want = reference.spikes.at(layer);
    ASSERT_EQ(int64_t(want.size()), T * rows * channels) << layer;
    ++seen;
    for (int64_t i = 0; i < int64_t(want.size()); ++i) {
      Byte& count = counts[i / channels * 64 * spike_words(channels) + i % channels];
      a.values += 1, a.fired += want[size_t(i)] != 0, a.flips += double(count) != want[size_t(i)];
      count = Byte(want[size_t(i)]);
    }
  };
  const auto see_potentials = [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, float* y) {
    const auto found = reference.potentials.find(layer);
    ASSERT_NE(found, reference.potentials.end()) << layer;
    double largest = 1;
    for (const double v : found->second) largest = std::max(largest, std::abs(v));
    ASSERT_EQ(int64_t(found->second.size()) % (T * rows * channels), 0) << layer;
    for (int64_t i = 0; i < T * rows * channels; ++i) {
      a.worst = std::max(a.worst, std::abs(found->second[size_t(i)] - double(y[i])) / largest);
      y[i] = float(found->second[size_t(i)]);
    }
  };
  session.set_observer(see, see_potentials, see_counts, see_counts);
  std::vector<float> logits(expected.size());
  session.infer(1, x, logits.data());
  session.set_observer({});
  EXPECT_EQ(seen, int64_t(reference.spikes.size()));
  for (size_t i = 0; i < logits.size(); ++i) a.logits = std::max(a.logits, std::abs(logits[i] - expected[i]));
  return a;
}

}  // namespace spikemix
