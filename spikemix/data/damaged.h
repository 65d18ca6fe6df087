// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// One sample of a data set cannot be read. what() also mentions that data.skip_bad would leave it out.
class DamagedSample : public InputError {
 public:
  /// @param fault  names the file and what is wrong with it
  explicit DamagedSample(const std::string& fault);
  const std::string& fault() const { return fault_; }

 private:
  std::string fault_;
};

/// @param faults   the damaged samples of one split
/// @param allowed  data.skip_bad
/// @throws InputError if there are more than allowed: DamagedSample if none is allowed
void check_damaged(const std::vector<std::string>& faults, int64_t allowed);

/// The pictures of `data`. With allowed > 0 all are decoded now, and up to `allowed` damaged ones are left out, the
/// same ones for every caller; otherwise each damaged one throws DamagedSample when it is requested.
/// @throws InputError if there are more
std::unique_ptr<Dataset> sound_pictures(std::unique_ptr<Dataset> data, int64_t allowed);

/// Tells the listener in one line which samples of a split were left out.
void tell_damaged(const Dataset& data, Split split, const OpenListener& listener);

}  // namespace spikemix
