// SPDX-License-Identifier: MIT
// The neurons after one panel of weights, for every SIMD target.
#if defined(SPIKEMIX_PANEL_NEURONS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_PANEL_NEURONS_INL_H
#undef SPIKEMIX_PANEL_NEURONS_INL_H
#else
#define SPIKEMIX_PANEL_NEURONS_INL_H
#endif

#include <algorithm>
#include <type_traits>

#include <hwy/highway.h>

#include "spikemix/kernels/lif/neuron-inl.h"
#include "spikemix/kernels/spike_product/spike_product.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE uint64_t bits_of(D d, hn::Mask<D> mask) {
  uint64_t bits = 0;
  hn::StoreMaskBits(d, mask, reinterpret_cast<uint8_t*>(&bits));
  return bits;
}

// The potentials and spikes of one row and panel, step by step. It does not hold the potentials itself: storing vectors
// into a member would force the whole object, with its word of spikes, into memory.
class PanelNeurons {
 public:
  PanelNeurons(const PackedWeights& w, const WeightPanel& panel, const NeuronState& state)
      : state_(state),
        panel_(panel),
        scale_(w.scale.data() + panel.first),
        shift_(w.shift.data() + panel.first),
        words_(state.spikes ? state.spikes + panel.first / 64 : nullptr),
        puts_bytes_(state.counts != nullptr),
        signed_(state.lif.is_signed()),
        levels_(float(state.lif.levels)),
        // Bytes of a row that no panel covers: the last panel clears them.
        behind_(panel.first + panel.count == w.out ? 63 - (panel.first + panel.width + 63) % 64 : 0),
        bit_(panel.first % 64),
        // Panels come in ascending order: the first one in a word clears the rest of it.
        before_((uint64_t{1} << bit_) - 1),
        valid_(panel.count == 64 ? ~uint64_t{0} : (uint64_t{1} << panel.count) - 1) {}

  // All steps of a row follow, from rest unless its potentials are kept; `own` [64] has room for them.
  HWY_INLINE void begin_row(int64_t row, float* own) {
    float* kept = kept_potentials(row);
    if (!kept) rest(own);
    continue_row(row, kept ? kept : own);
  }
  // Steps of a row from t on, with its potentials in `v`.
  HWY_INLINE void continue_row(int64_t row, float* v, int64_t t = 0) {
    if (puts_bytes_)
      counts_ = state_.counts + 64 * (t * state_.step_words + row * state_.row_words) + panel_.first;
    else
      spikes_ = words_ + row * state_.row_words;
    v_ = v;
    word_ = 0;
  }

  HWY_INLINE float* kept_potentials(int64_t row) const {
    return state_.potentials ? state_.potentials + row * state_.potentials_stride + panel_.first : nullptr;
  }
  HWY_INLINE void rest(float* v) const {
    const hn::CappedTag<float, 16> d;
    for (int64_t o = 0; o < panel_.width; o += int64_t(hn::Lanes(d)))
      hn::Store(hn::Set(d, state_.lif.v_reset), d, v + o);
  }

  // One step from rest, after which potentials are forgotten: rows [row, row + n) with the sums y [n, stride], of which
  // no more are read than vectors up to the panel's last output need.
  bool forgets() const { return state_.T == 1 && !state_.potentials; }
  template <class D>
  HWY_INLINE void fire_once(D d, const Neurons<D>& neurons, int64_t row, int64_t n, const float* y, int64_t stride) {
    if (!puts_bytes_) {
      for (int64_t i = 0; i < n; ++i, y += stride) {
        uint64_t word = 0;
        for (int64_t o = 0; o < panel_.count; o += int64_t(hn::Lanes(d)))
          word |= bits_of(d, neurons.fire(from_rest(d, neurons, o, hn::LoadU(d, y + o)))) << o;
        put_word(words_ + (row + i) * state_.row_words, word);
      }
      return;
    }
    uint8_t* const counts = state_.counts + 64 * row * state_.row_words + panel_.first;
    for (int64_t o = 0; o < panel_.width; o += int64_t(hn::Lanes(d))) {
      for (int64_t i = 0; i < n; ++i) {
        // Outputs past the end have no weights, so they count 0.
        const auto sums = o < panel_.count ? hn::LoadU(d, y + i * stride + o) : hn::Zero(d);
        put_byte(d, neurons, from_rest(d, neurons, o, sums), counts + 64 * i * state_.row_words + o);
      }
    }
    for (int64_t i = 0; behind_ > 0 && i < n; ++i) clear_behind(counts + 64 * i * state_.row_words);
  }

  // Passes the sums y of the outputs [o, o + Lanes(d)) of the panel to their neurons.
  template <class D>
  HWY_INLINE void fire(D d, const Neurons<D>& neurons, int64_t o, hn::Vec<D> y) {
    const auto z = hn::MulAdd(y, hn::LoadU(d, scale_ + o), hn::LoadU(d, shift_ + o));
    const auto h = neurons.charge(hn::LoadU(d, v_ + o), z);
    if (puts_bytes_) return put_bytes(d, neurons, o, h);
    const auto fired = neurons.fire(h);
    hn::StoreU(neurons.reset(h, fired), d, v_ + o);
    word_ |= bits_of(d, fired) << o;
  }

  HWY_INLINE void end_step(int64_t t) {
    if (puts_bytes_) {  // outputs past the end have no weights, so they count 0
      clear_behind(counts_);
      counts_ += 64 * state_.step_words;
      return;
    }
    put_word(spikes_ + t * state_.step_words, word_);
    word_ = 0;
  }

 private:
  template <class D>
  HWY_INLINE hn::Vec<D> from_rest(D d, const Neurons<D>& neurons, int64_t o, hn::Vec<D> y) const {
    return neurons.charge(neurons.v_reset, hn::MulAdd(y, hn::LoadU(d, scale_ + o), hn::LoadU(d, shift_ + o)));
  }
  HWY_INLINE void put_word(uint64_t* to, uint64_t word) const { *to = (*to & before_) | (word & valid_) << bit_; }

  HWY_INLINE void clear_behind(uint8_t* counts) const {
    const hn::CappedTag<uint8_t, 16> d;  // all widths are multiples of 16
    for (int64_t b = 0; b < behind_; b += int64_t(hn::Lanes(d))) hn::StoreU(hn::Zero(d), d, counts + panel_.width + b);
  }

  // Counts, or signed spikes.
  template <class D>
  HWY_INLINE void put_bytes(D d, const Neurons<D>& neurons, int64_t o, hn::Vec<D> h) {
    hn::StoreU(put_byte(d, neurons, h, counts_ + o), d, v_ + o);
  }
  // Returns the potentials after the reset.
  template <class D>
  HWY_INLINE hn::Vec<D> put_byte(D d, const Neurons<D>& neurons, hn::Vec<D> h, uint8_t* to) const {
    const hn::RebindToSigned<D> di;
    if (signed_) {
      const hn::Rebind<int8_t, D> d8;
      hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, neurons.signed_spike(h))), d8, reinterpret_cast<int8_t*>(to));
      return neurons.reset(h, neurons.fires_either(h));
    }
    const hn::Rebind<uint8_t, D> d8;
    const auto count = neurons.count(h, hn::Set(d, levels_));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, count)), d8, to);
    return hn::Sub(h, count);
  }

  const NeuronState& state_;
  const WeightPanel& panel_;
  const float *const scale_, *const shift_;
  uint64_t* const words_;
  const bool puts_bytes_, signed_;
  const float levels_;
  const int64_t behind_;
  const int64_t bit_;
  const uint64_t before_, valid_;
  uint64_t* spikes_ = nullptr;
  uint8_t* counts_ = nullptr;
  float* v_ = nullptr;
  uint64_t word_ = 0;
};

// The potentials of a panel without neurons, row by row and step by step.
class PanelPotentials {
 public:
  PanelPotentials(const PackedWeights& w, const WeightPanel& panel, const Potentials& out)
      : out_(out), panel_(panel), scale_(w.scale.data() + panel.first), shift_(w.shift.data() + panel.first) {}

  // `part` [64] has room for a panel that is wider than the remaining outputs.
  HWY_INLINE void begin(int64_t row, int64_t t, float* part) {
    const int64_t at = row * out_.stride + panel_.first;
    row_ = out_.values + t * out_.step + at;
    to_ = panel_.count == panel_.width ? row_ : part;
    added_to_ = out_.added_to ? out_.added_to + t * out_.added_step + at : nullptr;
  }
  template <class D>
  HWY_INLINE void put(D d, int64_t o, hn::Vec<D> y) {
    const auto z = hn::MulAdd(y, hn::LoadU(d, scale_ + o), hn::LoadU(d, shift_ + o));
    hn::StoreU(added_to_ ? hn::Add(hn::LoadU(d, added_to_ + o), z) : z, d, to_ + o);
  }
  HWY_INLINE void end() {
    if (to_ != row_) std::copy_n(to_, panel_.count, row_);
  }

 private:
  const Potentials& out_;
  const WeightPanel& panel_;
  const float *const scale_, *const shift_;
  float *row_ = nullptr, *to_ = nullptr;
  const float* added_to_ = nullptr;
};

// Takes a panel's sums from memory, for dense products: y [n, width] of one row after the other, and of all steps of a
// row.
class NeuronRows {
 public:
  // `own` [64] has room for potentials.
  HWY_INLINE NeuronRows(const PackedWeights& w, const WeightPanel& panel, const NeuronState& state, float* own)
      : out_(w, panel, state), neurons_(D(), state.lif), own_(own), width_(panel.width), T_(state.T) {}
  HWY_INLINE void take(const float* y, int64_t n) {
    if (out_.forgets()) {
      out_.fire_once(D(), neurons_, row_, n, y, width_);
      row_ += n;
      return;
    }
    for (int64_t i = 0; i < n; ++i, y += width_) {
      if (t_ == 0) out_.begin_row(row_, own_);
      for (int64_t o = 0; o < width_; o += int64_t(hn::Lanes(D()))) out_.fire(D(), neurons_, o, hn::Load(D(), y + o));
      out_.end_step(t_);
      if (++t_ == T_) t_ = 0, ++row_;
    }
  }

 private:
  using D = hn::CappedTag<float, 16>;
  PanelNeurons out_;
  const Neurons<D> neurons_;
  float* const own_;
  const int64_t width_, T_;
  int64_t row_ = 0, t_ = 0;
};

class PotentialRows {
 public:
  HWY_INLINE PotentialRows(const PackedWeights& w, const WeightPanel& panel, const Potentials& out, float* part)
      : out_(w, panel, out), part_(part), width_(panel.width), T_(out.T) {}
  HWY_INLINE void take(const float* y, int64_t n) {
    for (int64_t i = 0; i < n; ++i, y += width_) {
      out_.begin(row_, t_, part_);
      for (int64_t o = 0; o < width_; o += int64_t(hn::Lanes(D()))) out_.put(D(), o, hn::Load(D(), y + o));
      out_.end();
      if (++t_ == T_) t_ = 0, ++row_;
    }
  }

 private:
  using D = hn::CappedTag<float, 16>;
  PanelPotentials out_;
  float* const part_;
  const int64_t width_, T_;
  int64_t row_ = 0, t_ = 0;
};

template <class State>
using RowsFor = std::conditional_t<std::is_same_v<State, NeuronState>, NeuronRows, PotentialRows>;

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
