// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/base/op_count.h"

namespace spikemix {

/// The sizes that a mixer is built for: one sample's tokens. N = height x width tokens, row-major; spikes are [T, N,
/// D].
struct MixerShape {
  int64_t T = 4, height = 8, width = 8, D = 384;
  int64_t N() const { return height * width; }
};

/// The options of one block's mixer. A spec may only name those that the mixer uses (MixerEntry::options).
struct MixerOptions {
  std::string wavelet = "haar", axes;
  std::string transform = "fft2d";  // a gate's
  int64_t levels = 0;
  bool inverse = false;
  std::vector<std::string> bases;
  int64_t heads = 12;
  double scale = 0.125;
  bool branch = true;    // false: no branch at all, x = x (identity)
  bool residual = true;  // false: x = mixer(x), without norm and neurons (pools)
};

/// y = sum over terms k of sign_k c_k (A_k,1 along axis 1) (A_k,2 along axis 2) ... x: a linear mixer written as small
/// matrices. The tests use it as the definition, and devices where only matrix products are fast (CUDA) run it.
struct AxisMatrix {
  std::string axis;  // "time", "tokens", "height", "width" or "embed"
  int64_t n = 0;
  std::vector<double> values;  // [n, n] row-major: y_i = sum_j values[i n + j] x_j
};
struct SeparableTerm {
  int64_t coefficient = -1;  // index of the learned coefficient; -1: none
  double sign = 1;           // multiplies the coefficient
  std::vector<AxisMatrix> axes;
};

/// A token mixer: the linear transform (LT) that replaces self-attention; arXiv 2308.02557, section "Mixing spike
/// sequences". The map is linear, so one definition serves training (backward is the adjoint), inference and the
/// operation counter.
///
/// A *sample* is [N, D] (one time step), or [T, N, D] if mixes_time(). Implementations are stateless and thread-safe.
class Mixer {
 public:
  virtual ~Mixer() = default;

  /// The map needs all T steps of a sample at once.
  virtual bool mixes_time() const { return false; }
  /// K of learned combinations: y = sum_k c_k M_k x; each c starts at 1/K. 0: a fixed transform.
  virtual int64_t coefficients() const { return 0; }
  /// Values of scratch memory that forward and adjoint need, for one sample.
  virtual int64_t scratch_size() const = 0;

  /// y = M_k x for term k (0 for a fixed transform). x and y hold one sample and do not overlap.
  virtual void forward(int64_t k, const float* x, float* y, float* scratch) const = 0;
  virtual void forward(int64_t k, const double* x, double* y, double* scratch) const = 0;
  /// x = M_k' y, the transpose: the gradient with respect to x.
  virtual void adjoint(int64_t k, const float* y, float* x, float* scratch) const = 0;
  virtual void adjoint(int64_t k, const double* y, double* x, double* scratch) const = 0;

  /// For one sample and one time step, as the kernels run it; the definition's matrices would cost more.
  virtual OpCount ops() const = 0;
  virtual std::vector<SeparableTerm> terms() const = 0;
};

class Branch;

/// Makes a linear mixer. @throws InputError naming the size and what it allows
using MakeMixer = std::unique_ptr<Mixer>(const MixerShape&, const MixerOptions&);
/// A mixer with weights, or one that is not a linear map: adds its layers to a branch of the residual stream.
/// @throws InputError naming what does not fit
using AddMixer = void(Branch&, const MixerOptions&);

struct MixerEntry {
  const char* name;
  MakeMixer* make;  // exactly one of the two is not null
  AddMixer* add;
  const char* options;  // those that it uses, joined by commas
  const char* cost;     // per time step, in the paper's letters
  const char* summary;
};

/// The only list: CLI help, trainer, engine, counter, tests, benchmarks and docs read it. See registry.cc.
std::span<const MixerEntry> mixers();

/// @throws InputError with the nearest name
const MixerEntry& find_mixer(std::string_view name);

/// A mixer's name and options. In spec.cc.
struct MixerSpec {
  const MixerEntry* entry = nullptr;
  MixerOptions options;
  std::string text;  // as the user wrote it
};

/// Parses "wt2d:wavelet=db2:levels=3:axes=height,width:inverse=true"; options that it does not name keep their value in
/// `defaults`.
/// @throws InputError naming the spec and the nearest mixer or option
MixerSpec parse_mixer_spec(const std::string& spec, const MixerOptions& defaults = {});
/// The full spec: parse_mixer_spec() gives the same mixer for it, whatever the defaults are.
std::string text_of(const MixerEntry& entry, const MixerOptions& options);

}  // namespace spikemix
