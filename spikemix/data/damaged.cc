// SPDX-License-Identifier: MIT
#include "spikemix/data/damaged.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "spikemix/base/problems.h"

namespace spikemix {
namespace {

class SoundPictures : public Dataset {
 public:
  SoundPictures(std::unique_ptr<Dataset> whole, std::map<int64_t, std::string> damaged) : whole_(std::move(whole)) {
    for (int64_t i = 0; i < whole_->size(); ++i) {
      const auto found = damaged.find(i);
      if (found == damaged.end()) {
        chosen_.push_back(i);
      } else {
        damaged_.push_back(std::move(found->second));
      }
    }
  }
  int64_t size() const override { return int64_t(chosen_.size()); }
  int64_t label(int64_t i) const override { return whole_->label(chosen_[size_t(i)]); }
  std::string source(int64_t i) const override { return whole_->source(chosen_[size_t(i)]); }
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  const std::vector<std::string>& damaged() const override { return damaged_; }
  const DataReport& report() const override { return whole_->report(); }
  Image image(int64_t i) const override {
    try {
      return whole_->image(chosen_[size_t(i)]);
    } catch (const InputError& error) {
      throw DamagedSample(error.what());
    }
  }

 private:
  std::unique_ptr<Dataset> whole_;
  std::vector<int64_t> chosen_;
  std::vector<std::string> damaged_;
};

// Those that cannot be decoded. It may stop early once there are more than `allowed`, but always includes the first.
std::map<int64_t, std::string> find_damaged(const Dataset& data, int64_t allowed) {
  std::map<int64_t, std::string> damaged;
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<int64_t> next = 0;
  const auto work = [&] {
    for (int64_t i = next++; i < data.size(); i = next++) {
      try {
        data.image(i);
      } catch (const InputError& error) {
        const std::lock_guard lock(mutex);
        damaged.emplace(i, error.what());
        if (int64_t(damaged.size()) > allowed) next = data.size();
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
        next = data.size();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned t = 1; t < std::thread::hardware_concurrency(); ++t) others.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return damaged;
}

}  // namespace

DamagedSample::DamagedSample(const std::string& fault)
    : InputError(fault + "; repair or remove it, or leave up to N such files out with data.skip_bad=N (--skip-bad N)"),
      fault_(fault) {}

void check_damaged(const std::vector<std::string>& faults, int64_t allowed) {
  if (int64_t(faults.size()) <= allowed) return;
  if (allowed == 0) throw DamagedSample(faults.front());
  const std::vector<std::string> first(faults.begin(), faults.begin() + allowed + 1);
  throw input_error("more damaged files than data.skip_bad = {}: {}", allowed, list_of(first));
}

std::unique_ptr<Dataset> sound_pictures(std::unique_ptr<Dataset> data, int64_t allowed) {
  std::map<int64_t, std::string> damaged;
  if (allowed > 0) damaged = find_damaged(*data, allowed);
  std::vector<std::string> faults;
  for (const auto& [i, fault] : damaged) faults.push_back(fault);
  check_damaged(faults, allowed);
  if (int64_t(faults.size()) == data->size()) throw InputError("all pictures are damaged: " + list_of(faults));
  return std::make_unique<SoundPictures>(std::move(data), std::move(damaged));
}

void tell_damaged(const Dataset& data, Split split, const OpenListener& listener) {
  if (data.damaged().empty() || !listener.note) return;
  listener.note(fmt::format("{} damaged of the {} data, left out (data.skip_bad): {}", data.damaged().size(),
                            split == Split::kTrain ? "training" : "test", list_of(data.damaged())));
}

const std::vector<std::string>& Dataset::damaged() const {
  static const std::vector<std::string> none;
  return none;
}

}  // namespace spikemix
