// SPDX-License-Identifier: MIT
#include <algorithm>

#include "spikemix/mixers/mixer.h"

namespace spikemix {
namespace {

class Identity final : public Mixer {
 public:
  explicit Identity(const MixerShape& shape) : shape_(shape) {}

  int64_t scratch_size() const override { return 0; }
  void forward(int64_t, const float* x, float* y, float*) const override { copy(x, y); }
  void forward(int64_t, const double* x, double* y, double*) const override { copy(x, y); }
  void adjoint(int64_t, const float* y, float* x, float*) const override { copy(y, x); }
  void adjoint(int64_t, const double* y, double* x, double*) const override { copy(y, x); }
  OpCount ops() const override { return {}; }
  std::vector<SeparableTerm> terms() const override { return {SeparableTerm{}}; }

 private:
  template <class T>
  void copy(const T* from, T* to) const {
    std::copy_n(from, shape_.N() * shape_.D, to);
  }
  MixerShape shape_;
};

}  // namespace

/// y = x: shows how far the MLPs get without any mixing.
std::unique_ptr<Mixer> make_identity(const MixerShape& shape, const MixerOptions&) {
  return std::make_unique<Identity>(shape);
}

}  // namespace spikemix
