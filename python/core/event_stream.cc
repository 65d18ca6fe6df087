// SPDX-License-Identifier: MIT
#include "event_stream.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "spikemix/events/time_steps.h"

namespace spikemix::python {
namespace {

// Events between two checks of Python's signals: some milliseconds.
constexpr size_t kBetweenSignals = 1 << 20;
constexpr size_t kHugePage = 1 << 21, kPage = 1 << 12;

/// Memory of freed arrays, kept for the next ones: if the system took it back, clearing it on the next use would cost
/// as much as decoding. The system may take it whenever it needs memory (MADV_FREE).
class Spares {
 public:
  void put(void* data, size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (spares_.size() < kMost && bytes <= kMostBytes && ::madvise(data, bytes, MADV_FREE) == 0) {
        spares_.emplace_back(data, bytes);
        return;
      }
    }
    ::munmap(data, bytes);
  }

  // The largest spare that is no larger than `bytes`; empty if there is none.
  std::pair<void*, size_t> get(size_t bytes) {
    const std::lock_guard lock(mutex_);
    size_t best = spares_.size();
    for (size_t i = 0; i < spares_.size(); ++i) {
      const bool fits = spares_[i].second <= bytes;
      if (fits && (best == spares_.size() || spares_[i].second > spares_[best].second)) best = i;
    }
    if (best == spares_.size()) return {};
    const auto spare = spares_[best];
    spares_.erase(spares_.begin() + std::ptrdiff_t(best));
    return spare;
  }

 private:
  static constexpr size_t kMost = 3, kMostBytes = size_t(1) << 28;

  std::mutex mutex_;
  std::vector<std::pair<void*, size_t>> spares_;
};

Spares& spares() {
  static auto* all = new Spares;  // arrays may outlive every static object
  return *all;
}

// Memory that begins with a huge page, reusing a spare as far as there is one. Null: there is none.
void* map_aligned(size_t bytes) {
  const size_t all = bytes + kHugePage;
  void* const got = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  auto* const first = static_cast<uint8_t*>(got);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(first) % kHugePage) % kHugePage;
  if (before > 0) ::munmap(first, before);
  ::munmap(first + before + bytes, kHugePage - before);
  void* const memory = first + before;
  ::madvise(memory, bytes, MADV_HUGEPAGE);
  if (const auto [spare, size] = spares().get(bytes); size > 0) {
    if (::mremap(spare, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, memory) == MAP_FAILED) {
      ::munmap(spare, size);
      ::munmap(memory, bytes);
      return nullptr;
    }
  }
  return memory;
}

}  // namespace

void EventBuffer::release(void* data, size_t mapped) {
  if (mapped > 0) {
    spares().put(data, mapped);
  } else {
    std::free(data);
  }
}

void EventBuffer::reserve(size_t events) {
  if (events <= capacity_) return;
  if (events > SIZE_MAX / (2 * sizeof(Event))) throw std::bad_alloc();
  size_t bytes = events * sizeof(Event), mapped = 0;
  void* larger = nullptr;
  if (bytes < kHugePage) {
    larger = std::malloc(bytes);
  } else {
    mapped = bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    larger = map_aligned(bytes);
  }
  if (!larger) throw std::bad_alloc();
  if (size_ > 0) std::memcpy(larger, static_cast<const void*>(data_), size_ * sizeof(Event));
  release(data_, mapped_);
  data_ = static_cast<Event*>(larger), capacity_ = bytes / sizeof(Event), mapped_ = mapped;
}

void EventBuffer::append(std::span<const Event> events) {
  if (size_ + events.size() > capacity_) reserve(std::max(size_ + events.size(), 2 * capacity_));
  if (!events.empty()) std::memcpy(static_cast<void*>(data_ + size_), events.data(), events.size_bytes());
  size_ += events.size();
}

EventArray EventBuffer::take() {
  reserve(1);
  size_t used = size_ * sizeof(Event);
  if (mapped_ > 0) {  // returns what was not filled
    const size_t kept = std::max<size_t>(1, (used + kPage - 1) / kPage) * kPage;
    if (kept < mapped_) ::munmap(reinterpret_cast<uint8_t*>(data_) + kept, mapped_ - kept);
    mapped_ = std::min(kept, mapped_);
  } else if (void* fitting = std::realloc(data_, std::max<size_t>(1, used))) {
    data_ = static_cast<Event*>(fitting);
  }
  struct Memory {
    void* data;
    size_t mapped;
  };
  nb::capsule owner(new Memory{data_, mapped_}, [](void* memory) noexcept {
    auto* owned = static_cast<Memory*>(memory);
    release(owned->data, owned->mapped);
    delete owned;
  });
  EventArray array(data_, {used}, owner);
  data_ = nullptr, size_ = capacity_ = mapped_ = 0;
  return array;
}

EventStream::EventStream(ByteSource source, const ReadOptions& options, std::shared_ptr<void> keeps_alive)
    : unordered_(options.unordered),
      live_(!source.left()),
      likely_(size_t(source.left().value_or(0) / 2)),
      keeps_alive_(std::move(keeps_alive)),
      recording_(open_recording(std::move(source), options)) {}

std::span<const Event> EventStream::next(std::span<Event> room) {
  if (pending_.empty()) {
    EventReader& reader = *recording_.reader;
    pending_ = room.size() >= EventReader::kRoom ? reader.read_into(room) : reader.read();
  }
  return std::exchange(pending_, {});
}

void EventStream::read(EventBuffer& buffer, size_t most, int64_t begin, int64_t end) {
  const bool all_times = begin == std::numeric_limits<int64_t>::min() && end == kEver;
  size_t since_signals = 0;
  while (buffer.size() < most) {
    // Into place, if all that may come is wanted.
    const auto room = all_times ? buffer.room() : std::span<Event>();
    const auto events = next(room.first(std::min(room.size(), most - buffer.size())));
    if (events.empty()) return;
    since_signals += events.size();
    if (since_signals >= kBetweenSignals) check_signals(), since_signals = 0;
    if (!room.empty() && events.data() == room.data()) {
      buffer.add(events.size());
      if (live_ && most != SIZE_MAX) return;  // a camera's chunk is whatever has arrived
      continue;
    }
    if (all_times) {
      const size_t n = std::min(events.size(), most - buffer.size());
      buffer.append(events.first(n));
      pending_ = events.subspan(n);
      if (live_ && most != SIZE_MAX) return;  // a camera's chunk is whatever has arrived
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
    // After a long silence (a clock that was reset, a damaged file) the next window begins with the next event.
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
