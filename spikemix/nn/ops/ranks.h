// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The processes ("ranks") that train one model together, as the layers see them; a single process has none. Every rank
/// holds an equal share of each batch and makes the same calls in the same order.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int64_t count() const = 0;
  /// Replaces `values` by their sum over all ranks, with the same bits everywhere. The tensors must own their memory:
  /// an interrupted sum may still write to it. @throws if a rank is gone
  virtual void sum(torch::Tensor& values) = 0;
};

}  // namespace spikemix
