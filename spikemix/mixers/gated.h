// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "spikemix/kernels/gate/gate.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// y = T^-1 (k * T x): T is an orthogonal transform of each channel separately over the token grid, and k a learned
/// gate for each frequency and channel. With the FFT it is a circular convolution with a kernel as large as the grid:
/// the global filter of GFNet (arXiv 2107.00645, section 3.2), y = irfft2(k * rfft2(x)), both with norm="ortho".
///
/// Channels are computed in separate panels, which share nothing. Gates are *packed* before use: [N, channels rounded
/// up to kLanes], in the order in which the kernel reads them. Stateless and thread-safe.
class GatedTransform {
 public:
  /// `vertical` runs along the height and `horizontal` along the width of a grid of D channels; for kHartley and
  /// kFourier, both are the orthonormal Hartley transform.
  GatedTransform(GateKind kind, int64_t D, std::unique_ptr<LineTransform> vertical,
                 std::unique_ptr<LineTransform> horizontal);

  int64_t height() const { return vertical_->n(); }
  int64_t width() const { return horizontal_->n(); }
  int64_t channels() const { return D_; }
  GateKind kind() const { return plan_.kind; }
  const LineTransform& vertical() const { return *vertical_; }
  const LineTransform& horizontal() const { return *horizontal_; }

  /// Shape of the gate's tensor: [height, width, D]; for complex gates [height, width / 2 + 1, D, (re, im)], in
  /// torch.fft.rfft2's order of frequencies and as GFNet stores them.
  std::vector<int64_t> gate_shape() const;
  int64_t gate_size() const;
  int64_t packed_size() const { return plan_.rows * padded(); }
  void pack(const float* gate, float* packed) const;
  void pack(const double* gate, double* packed) const;
  /// The transpose of pack: turns a gradient of packed gates into one of the tensor.
  void unpack(const float* packed, float* gate) const;
  void unpack(const double* packed, double* gate) const;

  int64_t panels() const;
  /// Values of scratch for one panel.
  int64_t scratch_size() const;
  /// Computes the panel's channels of `samples` consecutive samples [N, D]. x and y do not overlap.
  void forward(int64_t panel, int64_t samples, const float* packed, const float* x, float* y, float* scratch) const;
  void forward(int64_t panel, int64_t samples, const double* packed, const double* x, double* y, double* scratch) const;
  /// for_x = the gradient of x, given that of y; adds that of the packed gates to sums, of which each panel has its own
  /// columns.
  void backward(int64_t panel, int64_t samples, const float* packed, const float* x, const float* for_y, float* for_x,
                float* sums, float* scratch) const;
  void backward(int64_t panel, int64_t samples, const double* packed, const double* x, const double* for_y,
                double* for_x, double* sums, double* scratch) const;

  /// For one sample, as the kernels run it: the transform, its inverse, and the gates between them.
  OpCount ops() const;

 private:
  template <class T>
  class Panel;

  bool complex() const { return plan_.kind == GateKind::kFourier; }
  int64_t padded() const { return (D_ + kLanes - 1) / kLanes * kLanes; }
  int64_t sample_size() const { return plan_.rows * D_; }
  int64_t panel_lanes() const;
  template <class T>
  void run_forward(int64_t panel, int64_t samples, const T* packed, const T* x, T* y, T* scratch) const;
  template <class T>
  void run_backward(int64_t panel, int64_t samples, const T* packed, const T* x, const T* for_y, T* for_x, T* sums,
                    T* scratch) const;

  GatePlan plan_;
  int64_t D_;
  std::unique_ptr<LineTransform> vertical_, horizontal_;
};

/// Builds `options.transform` with its wavelet and levels, over height and width, or over the tokens in one line.
/// @throws InputError naming what cannot be inverted at this size, and the sizes that can
std::unique_ptr<GatedTransform> make_gated(const MixerShape& shape, const MixerOptions& options);

}  // namespace spikemix
