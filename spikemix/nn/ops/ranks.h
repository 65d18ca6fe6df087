#pragma once

#include <cstdint>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The processes ("ranks") that train one model together, as its layers see them; one process has none. Every rank
/// holds an equal share of each batch and makes the same calls in the same order.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int64_t count() const = 0;
  /// values, which own their memory (a sum that broke off may still write to it), := their sum over all ranks, to the
  /// same bits everywhere. @throws if a rank is gone
  virtual void sum(torch::Tensor& values) = 0;
};

}  // namespace spikemix
