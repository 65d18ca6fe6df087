// SPDX-License-Identifier: MIT
#include "spikemix/engine/team.h"

namespace spikemix {

Team::Team(int64_t threads) {
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
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
}

void Team::follow(std::stop_token stop, int64_t member) {
  for (int64_t seen = 0;;) {
    const std::function<void(int64_t)>* work = nullptr;
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

}  // namespace spikemix
