// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace spikemix {

/// Threads that run the same function together, each on its share, and wait for each other between phases.
class Team {
 public:
  /// The caller is one of them: threads - 1 are started.
  explicit Team(int64_t threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int64_t size() const { return int64_t(threads_.size()) + 1; }
  /// work(0) .. work(size() - 1), at the same time. @throws nothing of its own; `work` must not throw
  void run(const std::function<void(int64_t member)>& work);

 private:
  void follow(std::stop_token stop, int64_t member);

  const std::function<void(int64_t)>* work_ = nullptr;
  std::mutex mutex_;
  std::condition_variable_any start_;
  std::condition_variable done_;
  const int looks_;
  std::atomic<int64_t> round_ = 0, running_ = 0;
  std::vector<std::jthread> threads_;  // last: they end before the members that they use
};

/// Where members wait for each other. A phase of a small model takes as long as the system takes to wake a thread, so
/// members look for a while whether the others are there before they sleep. So does a team between its rounds.
class Barrier {
 public:
  explicit Barrier(int64_t members);
  void arrive_and_wait();

 private:
  const int64_t members_;
  const int looks_;
  std::atomic<int64_t> missing_;
  std::atomic<uint32_t> phase_ = 0;
};

/// One member's place in shared work, or all of the work.
class Share {
 public:
  Share() = default;
  Share(int64_t member, int64_t members, Barrier* barrier) : member_(member), members_(members), barrier_(barrier) {}

  int64_t member() const { return member_; }
  /// This member's part of 0 .. n - 1.
  std::pair<int64_t, int64_t> of(int64_t n) const { return {n * member_ / members_, n * (member_ + 1) / members_}; }
  /// Waits until all members are here.
  void wait() const {
    if (barrier_) barrier_->arrive_and_wait();
  }

 private:
  int64_t member_ = 0, members_ = 1;
  Barrier* barrier_ = nullptr;
};

}  // namespace spikemix
