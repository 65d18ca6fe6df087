// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "spikemix/mixers/mixer.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// A linear mixer for Torch: the mixer itself on CPUs, its matrices elsewhere.
class TorchMixer : public torch::CustomClassHolder {
 public:
  /// `shape` is the shape that the mixer was made for.
  TorchMixer(std::shared_ptr<const Mixer> mixer, const MixerShape& shape) : mixer_(std::move(mixer)), shape_(shape) {}

  const Mixer& mixer() const { return *mixer_; }
  const MixerShape& shape() const { return shape_; }

  /// M x, or M' x: sample by sample, in parallel, in float (double for doubles); bfloat16 is read and written as such.
  /// The same bits for any number of threads.
  torch::Tensor by_kernels(const torch::Tensor& x, const torch::Tensor& coefficients) const;
  /// M' g; also writes the gradients <M_k' g, x> into `coefficient_gradient` [K], if there are coefficients.
  torch::Tensor adjoint_by_kernels(const torch::Tensor& g, const torch::Tensor& coefficients, const torch::Tensor& x,
                                   torch::Tensor& coefficient_gradient) const;

  /// The same by Mixer::terms(): a matrix product for each axis and term, on any device.
  torch::Tensor by_matrices(const torch::Tensor& x, const torch::Tensor& coefficients) const;
  torch::Tensor adjoint_by_matrices(const torch::Tensor& g, const torch::Tensor& coefficients, const torch::Tensor& x,
                                    torch::Tensor& coefficient_gradient) const;

 private:
  struct DenseAxis {
    std::string axis;
    torch::Tensor matrix;  // [n, n]
  };
  struct DenseTerm {
    int64_t coefficient;
    double sign;
    std::vector<DenseAxis> axes;
  };
  struct Dense {
    torch::Device device;
    torch::ScalarType type;
    std::vector<DenseTerm> terms;
  };
  const std::vector<DenseTerm>& dense_terms(const torch::Tensor& like) const;

  std::shared_ptr<const Mixer> mixer_;
  MixerShape shape_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Dense>> dense_;  // one for each device and type seen
};

/// y = M x, with its gradient. M is linear, so backward is the adjoint, and a fixed transform keeps nothing for it. A
/// learned combination y = sum_k c_k M_k x keeps x, because the gradient of c_k is <M_k' g, x> (the M_k' g are computed
/// for x's gradient anyway).
/// @param x             [T, B, N, D] float, double or bfloat16
/// @param coefficients  [K] of a learned combination; undefined for a fixed transform
torch::Tensor mix(const c10::intrusive_ptr<TorchMixer>& mixer, const torch::Tensor& x,
                  const torch::Tensor& coefficients = {});

}  // namespace spikemix
