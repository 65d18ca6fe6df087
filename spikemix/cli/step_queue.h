// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "spikemix/base/clock.h"
#include "spikemix/events/time_steps.h"

namespace spikemix {

/// Between a playing recording and the engine: at most `capacity` steps wait. If the engine is slower than that, either
/// the step that has waited longest is dropped (a live source must never be held up, and the display must not lag
/// behind), or the source waits (a file at full speed).
class StepQueue {
 public:
  struct Item {
    TimeStep step;
    Clock::time_point due;  ///< when the step was over
  };

  StepQueue(size_t capacity, bool drop) : capacity_(capacity), drop_(drop) {}

  void push(Item item) {
    std::unique_lock lock(mutex_);
    if (!drop_) room_.wait(lock, [this] { return abandoned_ || items_.size() < capacity_; });
    if (abandoned_) return;
    if (items_.size() == capacity_) items_.pop_front();
    items_.push_back(std::move(item));
    lock.unlock();
    filled_.notify_one();
  }

  /// No more steps will come; after the last one, pop() throws `error` if there is one.
  void close(std::exception_ptr error) {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true, error_ = std::move(error);
    }
    filled_.notify_one();
  }

  /// No more steps will be taken: push() no longer waits, and discards them.
  void abandon() {
    {
      const std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    room_.notify_one();
  }
  bool abandoned() {
    const std::lock_guard lock(mutex_);
    return abandoned_;
  }

  enum class State { kItem, kNothingYet, kEnd };
  /// Waits for the next step, but not indefinitely, so that the caller can check for Ctrl-C.
  State pop(Item& item, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, patience, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) {
      if (!closed_) return State::kNothingYet;
      if (error_) std::rethrow_exception(error_);
      return State::kEnd;
    }
    item = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return State::kItem;
  }

 private:
  const size_t capacity_;
  const bool drop_;
  std::mutex mutex_;
  std::condition_variable filled_, room_;
  std::deque<Item> items_;
  bool closed_ = false, abandoned_ = false;
  std::exception_ptr error_;
};

}  // namespace spikemix
