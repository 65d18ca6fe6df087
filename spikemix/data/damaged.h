#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// One sample of a data set cannot be read. what() says besides that data.skip_bad would leave it out.
class DamagedSample : public InputError {
 public:
  /// @param fault  names the file and what is wrong with it
  explicit DamagedSample(const std::string& fault);
  const std::string& fault() const { return fault_; }

 private:
  std::string fault_;
};

/// @param faults   of the damaged samples of one split
/// @param allowed  data.skip_bad
/// @throws InputError if there are more: DamagedSample where none is allowed
void check_damaged(const std::vector<std::string>& faults, int64_t allowed);

/// The pictures of `data`. With allowed > 0 all are decoded now, and up to so many that cannot be are left out, the
/// same ones whoever asks; else each that cannot be decoded throws DamagedSample when it is asked for.
/// @throws InputError if there are more
std::unique_ptr<Dataset> sound_pictures(std::unique_ptr<Dataset> data, int64_t allowed);

/// Tells the listener which samples of a split were left out, in a line.
void tell_damaged(const Dataset& data, Split split, const OpenListener& listener);

}  // namespace spikemix
