#include "event_stream.h"

#include <algorithm>
#include <cstring>

#include "spikemix/events/time_steps.h"

namespace spikemix::python {
namespace {

// Events between two looks at Python's signals: some milliseconds.
constexpr size_t kBetweenSignals = 1 << 20;

}  // namespace

void EventBuffer::reserve(size_t events) {
  if (events <= capacity_) return;
  auto* larger = static_cast<Event*>(std::realloc(data_, events * sizeof(Event)));
  if (!larger) throw std::bad_alloc();
  data_ = larger, capacity_ = events;
}

void EventBuffer::append(std::span<const Event> events) {
  if (size_ + events.size() > capacity_) reserve(std::max(size_ + events.size(), 2 * capacity_));
  if (!events.empty()) std::memcpy(static_cast<void*>(data_ + size_), events.data(), events.size_bytes());
  size_ += events.size();
}

EventArray EventBuffer::take() {
  if (auto* fitting = static_cast<Event*>(std::realloc(data_, std::max<size_t>(1, size_) * sizeof(Event)))) {
    data_ = fitting;
  }
  auto array = array_of(reinterpret_cast<uint8_t*>(data_), {size_ * sizeof(Event)});
  data_ = nullptr, size_ = capacity_ = 0;
  return array;
}

EventStream::EventStream(ByteSource source, const ReadOptions& options, std::shared_ptr<void> keeps_alive)
    : unordered_(options.unordered),
      live_(!source.left()),
      keeps_alive_(std::move(keeps_alive)),
      recording_(open_recording(std::move(source), options)) {}

std::span<const Event> EventStream::next() {
  if (pending_.empty()) pending_ = recording_.reader->read();
  return std::exchange(pending_, {});
}

void EventStream::read(EventBuffer& buffer, size_t most, int64_t begin, int64_t end) {
  const bool all_times = begin == std::numeric_limits<int64_t>::min() && end == kEver;
  size_t since_signals = 0;
  while (buffer.size() < most) {
    auto events = next();
    if (events.empty()) return;
    since_signals += events.size();
    if (since_signals >= kBetweenSignals) check_signals(), since_signals = 0;
    if (all_times) {
      const size_t n = std::min(events.size(), most - buffer.size());
      buffer.append(events.first(n));
      pending_ = events.subspan(n);
      if (live_ && most != SIZE_MAX) return;  // a camera's chunk is what has come
      continue;
    }
    for (auto from = events.begin(); from != events.end();) {
      if (from->t >= end && !unordered_) {
        pending_ = {from, events.end()};
        return;
      }
      const auto within = [&](const Event& e) { return e.t >= begin && e.t < end; };
      if (!within(*from)) {
        ++from;
        continue;
      }
      const auto to = std::find_if_not(from, events.end(), within);
      const size_t n = std::min(size_t(to - from), most - buffer.size());
      buffer.append({from, n});
      from += std::ptrdiff_t(n);
      if (buffer.size() == most) {
        pending_ = {from, events.end()};
        return;
      }
    }
  }
}

bool EventStream::read_window(EventBuffer& buffer, int64_t us) {
  const auto ahead = [&](const Event& e) { return e.t > *window_ ? uint64_t(e.t) - uint64_t(*window_) : 0; };
  for (;;) {
    const auto events = next();
    if (events.empty()) break;
    if (!window_) window_ = events.front().t;
    const auto beyond = std::ranges::find_if(events, [&](const Event& e) { return ahead(e) >= uint64_t(us); });
    buffer.append({events.begin(), beyond});
    if (beyond == events.end()) continue;
    pending_ = {beyond, events.end()};
    if (buffer.size() > 0) silent_ = 0;
    // After a long silence (a clock that was set anew, a damaged file) the next window begins with the next event.
    if (buffer.size() == 0 && ++silent_ > TimeStepCutter::kMostSilent) {
      window_ = beyond->t, silent_ = 0;
      continue;
    }
    *window_ += us;
    return true;
  }
  return buffer.size() > 0;
}

}  // namespace spikemix::python
