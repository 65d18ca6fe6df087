// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "spikemix/base/clock.h"

namespace spikemix {

/// Where the time of training steps goes, by layer and operator.
class Profile {
 public:
  struct Entry {
    int64_t calls = 0;
    double seconds = 0;
    double macs = 0;   // multiply-adds of the work, done as matrices
    double adds = 0;   // those of them whose input was not zero; equal to macs for matrices
    double bytes = 0;  // bytes moved by passes over a layer's values; 0: not counted
  };
  using Key = std::pair<std::string, std::string>;  // layer, operator

  /// @param finish  waits until an asynchronous device has done all its work, so that the time falls into the scope
  ///                that started the work
  explicit Profile(std::function<void()> finish) : finish_(std::move(finish)) {}

  /// The profile that scopes report to; null means off, which costs a scope one comparison.
  static Profile*& active() {
    static Profile* profile = nullptr;
    return profile;
  }

  void add(const std::string& layer, const char* op, const Entry& more) {
    Entry& entry = entries_[{layer, op}];
    entry.calls += more.calls, entry.seconds += more.seconds;
    entry.macs += more.macs, entry.adds += more.adds, entry.bytes += more.bytes;
  }
  void finish() const { finish_(); }
  void clear() { entries_.clear(); }
  const std::map<Key, Entry>& entries() const { return entries_; }

 private:
  const std::function<void()> finish_;
  std::map<Key, Entry> entries_;
};

/// Times its own lifetime. Not for use inside parallel regions.
class ProfileScope {
 public:
  ProfileScope(const std::string& layer, const char* op) : profile_(Profile::active()), layer_(layer), op_(op) {
    if (!profile_) return;
    profile_->finish();
    begin_ = Clock::now();
  }
  ~ProfileScope() {
    if (!profile_) return;
    profile_->finish();
    entry_.calls = 1;
    entry_.seconds = seconds_since(begin_);
    profile_->add(layer_, op_, entry_);
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

  void rename(const char* op) { op_ = op; }
  void count(double macs, double adds) { entry_.macs = macs, entry_.adds = adds; }
  void moves(double bytes) { entry_.bytes = bytes; }

 private:
  Profile* const profile_;
  std::string layer_;
  const char* op_;
  Profile::Entry entry_;
  Clock::time_point begin_;
};

}  // namespace spikemix
