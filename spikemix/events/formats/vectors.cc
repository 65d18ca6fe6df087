// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/vectors.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/events/formats/vectors.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// An event is two lanes: its time, and x, y and p as they lie in it. At most 8 at a time, a vector of AVX-512.
using Lanes = hn::CappedTag<uint64_t, 8>;
using V = hn::Vec<Lanes>;

// Words of a file, at any alignment.
template <class D>
HWY_INLINE hn::Vec<D> load_words(D d, const uint8_t* from) {
#if HWY_TARGET == HWY_SCALAR
  hn::TFromD<D> word;
  std::memcpy(&word, from, sizeof word);
  return hn::Set(d, word);
#else
  return hn::BitCast(d, hn::LoadU(hn::Repartition<uint8_t, D>(), from));
#endif
}

HWY_INLINE V rest_of(V x, V y, V p) { return hn::Or(x, hn::Or(hn::ShiftLeft<16>(y), hn::ShiftLeft<32>(p))); }

HWY_INLINE void store_events(Lanes d, V t, V rest, Event* out) {
  hn::StoreInterleaved2(t, rest, d, reinterpret_cast<uint64_t*>(out));
}

bool dat(const uint8_t* records, size_t n, int64_t origin, Bounds bounds, int64_t& last, Event* out) {
  const Lanes d;
  const hn::RebindToSigned<Lanes> di;
  const auto lanes = hn::Lanes(d);
  const V coordinate = hn::Set(d, 0x3FFF), time = hn::Set(d, 0xFFFF'FFFF), one = hn::Set(d, 1);
  const V right = hn::Set(d, bounds.width - 1), bottom = hn::Set(d, bounds.height - 1),
          first = hn::Set(d, uint64_t(origin));
  // Comparisons are of signed lanes, which all targets have: no value has more than 33 bits.
  const auto signed_ = [&](V v) HWY_ATTR { return hn::BitCast(di, v); };
  auto odd = hn::Lt(hn::Zero(di), hn::Zero(di));
  size_t i = 0;
  const auto one_by_one = [&](size_t end) HWY_ATTR {
    bool good = true;
    for (; i < end; ++i) {
      uint64_t w;
      std::memcpy(&w, records + 8 * i, 8);
      const int64_t t = origin + int64_t(w & 0xFFFF'FFFF);
      const auto x = uint32_t(w >> 32 & 0x3FFF), y = uint32_t(w >> 46 & 0x3FFF), p = uint32_t(w >> 60);
      good &= (x < bounds.width) & (y < bounds.height) & (p <= 1) & (t >= last);
      store_event(out + i, t, x, y, p);
      last = t;
    }
    return good;
  };
  // The first one has its predecessor in another batch.
  bool good = one_by_one(n > 0 ? 1 : 0);
  for (; i + lanes <= n; i += lanes) {
    const V w = load_words(d, records + 8 * i), before = hn::And(load_words(d, records + 8 * (i - 1)), time);
    const V t = hn::And(w, time), x = hn::And(hn::ShiftRight<32>(w), coordinate);
    const V y = hn::And(hn::ShiftRight<46>(w), coordinate), p = hn::ShiftRight<60>(w);
    odd = hn::Or(odd, hn::Or(hn::Gt(signed_(x), signed_(right)), hn::Gt(signed_(y), signed_(bottom))));
    odd = hn::Or(odd, hn::Or(hn::Gt(signed_(p), signed_(one)), hn::Lt(signed_(t), signed_(before))));
    store_events(d, hn::Add(t, first), rest_of(x, y, p), out + i);
  }
  if (i > 0) last = out[i - 1].t;
  good &= one_by_one(n);
  return good && hn::AllFalse(di, odd);
}

using Times = hn::RebindToSigned<Lanes>;

// Indices of a permutation: lane i takes lane place(i). For all lanes of a vector; made once, outside of loops.
template <class Place>
HWY_INLINE auto indices(Times d, const Place& place) {
  HWY_ALIGN int64_t from[8] = {};
  for (size_t i = 0; i < hn::Lanes(d); ++i) from[i] = int64_t(place(i));
  return hn::SetTableIndices(d, from);
}

// hn::Compress, but Highway 1.0.3 copies a table of 2 KB to the stack for each vector of AVX-512 (with GCC 12).
template <class T>
HWY_INLINE hn::Vec<hn::CappedTag<T, 8>> compress(hn::Vec<hn::CappedTag<T, 8>> v, hn::Mask<hn::CappedTag<T, 8>> mask) {
#if HWY_TARGET <= HWY_AVX3
  return {_mm512_maskz_compress_epi64(mask.raw, v.raw)};
#else
  return hn::Compress(v, mask);
#endif
}

size_t evt2(const uint8_t* words, size_t n, Bounds bounds, Evt2State& state, Event* out, size_t& made) {
  const Lanes d;
  const Times dt;
  const hn::Rebind<uint32_t, Lanes> d32;
  const auto lanes = hn::Lanes(d);
  const V coordinate = hn::Set(d, 0x7FF), low = hn::Set(d, 0x3F), value = hn::Set(d, 0x0FFF'FFFF);
  const V epoch = hn::Set(d, uint64_t(state.epoch)), on = hn::Set(d, 1), time_high = hn::Set(d, 8);
  const V right = hn::Set(d, bounds.width - 1), bottom = hn::Set(d, bounds.height - 1);
  const auto greater = [&](V a, V b) HWY_ATTR { return hn::Gt(hn::BitCast(dt, a), hn::BitCast(dt, b)); };
  const auto first_lane = hn::FirstN(dt, 1);
  const auto behind = [](size_t by) { return [by](size_t i) { return i < by ? i : i - by; }; };
  const auto by_1 = indices(dt, behind(1)), by_2 = indices(dt, behind(2)), by_4 = indices(dt, behind(4));
  const auto last_lane = indices(dt, [lanes](size_t) { return lanes - 1; });
  auto high = hn::Set(dt, state.high), last = hn::Set(dt, state.last);  // in every lane
  size_t i = 0, events = 0;
  for (; i + lanes <= n; i += lanes) {
    const V w = hn::PromoteTo(d, load_words(d32, words + 4 * i));
    const V type = hn::ShiftRight<28>(w), x = hn::And(hn::ShiftRight<11>(w), coordinate), y = hn::And(w, coordinate);
    const auto is_high = hn::RebindMask(dt, hn::Eq(type, time_high));
    const auto is_event = hn::Not(is_high);
    // The high part at each lane is the largest so far, unless one of them runs back.
    const auto own = hn::BitCast(dt, hn::Add(epoch, hn::ShiftLeft<6>(hn::And(w, value))));
    auto highs = hn::IfThenElseZero(is_high, own);
    highs = hn::Max(highs, hn::TableLookupLanes(highs, by_1));
    highs = hn::Max(highs, hn::TableLookupLanes(highs, by_2));
    highs = hn::Max(high, hn::Max(highs, hn::TableLookupLanes(highs, by_4)));
    const auto wrong = hn::Or(hn::Or(greater(x, right), greater(y, bottom)), greater(type, on));
    const auto odd = hn::Or(hn::And(is_high, hn::Lt(own, highs)), hn::And(is_event, wrong));
    // The events, moved to the front.
    const V all_times = hn::Or(hn::BitCast(d, highs), hn::And(hn::ShiftRight<22>(w), low));
    const auto t = compress<int64_t>(hn::BitCast(dt, all_times), is_event);
    const V rest = compress<uint64_t>(rest_of(x, y, type), hn::RebindMask(d, is_event));
    const size_t more = hn::CountTrue(dt, is_event);
    const auto before = hn::IfThenElse(first_lane, last, hn::TableLookupLanes(t, by_1));
    const auto runs_back = hn::And(hn::FirstN(dt, more), hn::Lt(t, before));
    if (!hn::AllFalse(dt, hn::Or(odd, runs_back))) break;
    store_events(d, hn::BitCast(d, t), rest, out + events);
    if (more > 0) last = hn::TableLookupLanes(t, hn::IndicesFromVec(dt, hn::Set(dt, int64_t(more) - 1)));
    high = hn::TableLookupLanes(highs, last_lane);
    events += more;
  }
  state.high = hn::GetLane(high), state.last = hn::GetLane(last);
  made = events;
  return i;
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(dat);
HWY_EXPORT(evt2);

bool decode_dat(const uint8_t* records, size_t n, int64_t origin, Bounds bounds, int64_t& last, Event* out) {
  return HWY_DYNAMIC_DISPATCH(dat)(records, n, origin, bounds, last, out);
}

size_t decode_evt2(const uint8_t* words, size_t n, Bounds bounds, Evt2State& state, Event* out, size_t& made) {
  return HWY_DYNAMIC_DISPATCH(evt2)(words, n, bounds, state, out, made);
}

}  // namespace spikemix
#endif
