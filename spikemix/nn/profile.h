#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace spikemix {

/// Where the time of training steps goes: by layer and operator.
class Profile {
 public:
  struct Entry {
    int64_t calls = 0;
    double seconds = 0;
    double macs = 0;  // multiply-adds that the work has as matrices
    double adds = 0;  // those of them whose input was there; equal to macs for matrices
  };
  using Key = std::pair<std::string, std::string>;  // layer, operator

  /// The one that scopes report to; null: off, which costs a scope one comparison.
  static Profile*& active() {
    static Profile* profile = nullptr;
    return profile;
  }

  void add(const std::string& layer, const char* op, double seconds, double macs, double adds) {
    Entry& entry = entries_[{layer, op}];
    ++entry.calls, entry.seconds += seconds, entry.macs += macs, entry.adds += adds;
  }
  const std::map<Key, Entry>& entries() const { return entries_; }

 private:
  std::map<Key, Entry> entries_;
};

/// Times what happens while it lives. Not for work inside parallel regions.
class ProfileScope {
 public:
  ProfileScope(const std::string& layer, const char* op) : profile_(Profile::active()), layer_(layer), op_(op) {
    if (profile_) begin_ = std::chrono::steady_clock::now();
  }
  ~ProfileScope() {
    if (!profile_) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin_;
    profile_->add(layer_, op_, seconds.count(), macs_, adds_);
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

  void rename(const char* op) { op_ = op; }
  void count(double macs, double adds) { macs_ = macs, adds_ = adds; }

 private:
  Profile* const profile_;
  std::string layer_;
  const char* op_;
  double macs_ = 0, adds_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace spikemix
