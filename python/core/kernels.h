// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel.h"
#include "spikemix/kernels/lif/lif.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix::python {

/// A token mixer over tensors. `turned`: a time step's sample is [D, N] instead of [N, D].
///
/// Tensors are [T, B, sample], row-major, in one type. A mixer that needs all steps reads them from there.
class TensorMixer {
 public:
  /// @param spec  as for parse_mixer_spec()
  /// @throws InputError naming the mixer and what it allows at this size, or saying that it is not linear
  TensorMixer(const std::string& spec, const MixerShape& shape, bool turned);

  const Mixer& mixer() const { return *mixer_; }
  const MixerShape& shape() const { return shape_; }
  /// y = sum_k c_k M_k x, or with the transposes. Without coefficients, c is empty.
  void run(bool adjoint, const std::vector<double>& c, int64_t steps, int64_t batch, Type type, const void* x, void* y,
           int64_t threads) const;
  /// x = sum_k c_k M_k' g; returns <M_k' g, others> for each k, with the same bits for any number of threads.
  std::vector<double> backward(const std::vector<double>& c, int64_t steps, int64_t batch, Type type, const void* g,
                               const void* others, void* x, int64_t threads) const;

 private:
  template <class T>
  std::vector<double> run_samples(bool adjoint, const std::vector<double>& c, int64_t steps, int64_t batch, const T* in,
                                  const T* others, T* out, int64_t threads) const;

  MixerShape shape_;
  std::unique_ptr<Mixer> mixer_;   // for samples [N, D]
  std::unique_ptr<Mixer> turned_;  // the same for samples [D, N], if the axes can trade places
  bool transposes_ = false;        // samples are transposed on the way in and out
};

}  // namespace spikemix::python
