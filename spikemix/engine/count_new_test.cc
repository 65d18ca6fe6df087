// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

#include "spikemix/engine/tiny_model_test.h"

// The test program's operator new counts, so that tests can check "allocates nothing" and "allocates no more than".
namespace {

std::atomic<int64_t> calls = 0, held = 0, peak = 0, held_before = 0;

void* count(void* memory) {
  if (!memory) return nullptr;
  ++calls;
  const int64_t now = held += int64_t(malloc_usable_size(memory));
  for (int64_t most = peak; now > most && !peak.compare_exchange_weak(most, now);) {
  }
  return memory;
}

void* or_throw(void* memory) {
  if (!memory) throw std::bad_alloc();
  return memory;
}

void* take(size_t size) { return count(std::malloc(size ? size : 1)); }
void* take(size_t size, std::align_val_t to) {
  return count(std::aligned_alloc(size_t(to), (size + size_t(to) - 1) / size_t(to) * size_t(to)));
}

void forget(void* memory) {
  if (memory) held -= int64_t(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// All forms, because memory from one form may be freed by another.
void* operator new(size_t size) { return or_throw(take(size)); }
void* operator new[](size_t size) { return or_throw(take(size)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return take(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return take(size); }
void* operator new(size_t size, std::align_val_t to) { return or_throw(take(size, to)); }
void* operator new[](size_t size, std::align_val_t to) { return or_throw(take(size, to)); }
void operator delete(void* memory) noexcept { forget(memory); }
void operator delete[](void* memory) noexcept { forget(memory); }
void operator delete(void* memory, size_t) noexcept { forget(memory); }
void operator delete[](void* memory, size_t) noexcept { forget(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { forget(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { forget(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { forget(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { forget(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { forget(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { forget(memory); }

namespace spikemix {

NewWatch::NewWatch() {
  ::calls = 0;
  held_before = held.load();
  peak = held.load();
}
int64_t NewWatch::calls() { return ::calls; }
int64_t NewWatch::peak_bytes() { return peak - held_before; }

}  // namespace spikemix
