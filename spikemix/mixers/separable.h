// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "spikemix/mixers/axes.h"

namespace spikemix {

/// y = (A_1 along axis 1) (A_2 along axis 2) ... x: one line transform for each axis.
/// With `inverse`, the adjoint of every line transform is used instead (the inverse, if they are orthogonal).
class Separable final : public Mixer {
 public:
  Separable(MixerAxes axes, std::vector<std::unique_ptr<LineTransform>> transforms, bool transposed);

  bool mixes_time() const override { return axes_.time(); }
  int64_t scratch_size() const override;
  void forward(int64_t k, const float* x, float* y, float* scratch) const override;
  void forward(int64_t k, const double* x, double* y, double* scratch) const override;
  void adjoint(int64_t k, const float* y, float* x, float* scratch) const override;
  void adjoint(int64_t k, const double* y, double* x, double* scratch) const override;
  OpCount ops() const override;
  std::vector<SeparableTerm> terms() const override;

 private:
  template <class T>
  void run(Direction direction, const T* x, T* y, T* scratch) const;

  MixerAxes axes_;
  std::vector<std::unique_ptr<LineTransform>> transforms_;
  bool transposed_;
};

}  // namespace spikemix
