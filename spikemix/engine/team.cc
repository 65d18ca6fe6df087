// SPDX-License-Identifier: MIT
#include "spikemix/engine/team.h"

#include <hwy/cache_control.h>

namespace spikemix {
namespace {

// How often to look before sleeping: for some 50 us; never where threads have to share cores, which the others need.
int looks(int64_t threads) { return threads <= int64_t(std::thread::hardware_concurrency()) ? 2000 : 0; }

template <class Ready>
bool look(int times, const Ready& ready) {
  for (int i = 0; i < times; ++i) {
    if (ready()) return true;
    hwy::Pause();
  }
  return false;
}

}  // namespace

Team::Team(int64_t threads) : looks_(looks(threads)) {
  for (int64_t member = 1; member < threads; ++member)
    threads_.emplace_back([this, member](std::stop_token stop) { follow(stop, member); });
}

Team::~Team() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void Team::run(const std::function<void(int64_t member)>& work) {
  if (!threads_.empty()) {
    const std::lock_guard lock(mutex_);
    work_ = &work;
    running_ = int64_t(threads_.size());
    ++round_;
    start_.notify_all();
  }
  work(0);
  if (look(looks_, [this] { return running_ == 0; })) return;
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
}

void Team::follow(std::stop_token stop, int64_t member) {
  for (int64_t seen = 0;;) {
    const std::function<void(int64_t)>* work = nullptr;
    look(looks_, [&] { return round_ != seen; });
    {
      std::unique_lock lock(mutex_);
      if (!start_.wait(lock, stop, [&] { return round_ != seen; })) return;
      seen = round_;
      work = work_;
    }
    (*work)(member);
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_one();
  }
}

Barrier::Barrier(int64_t members) : members_(members), looks_(looks(members)), missing_(members) {}

void Barrier::arrive_and_wait() {
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    missing_.store(members_, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  if (look(looks_, [&] { return phase_.load(std::memory_order_acquire) != phase; })) return;
  phase_.wait(phase, std::memory_order_acquire);
}

}  // namespace spikemix
