// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <vector>

#include "spikemix/kernels/line/line.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// One axis that a mixer runs over.
struct MixerAxis {
  std::string name;   // "time", "tokens", "height", "width" or "embed"
  int dimension;      // index into MixerAxes::sizes
  LineView view;      // for one sample
  std::string label;  // "N = 64 tokens", for errors
};

/// The axes of a mixer. Their order does not matter: maps along different axes commute.
struct MixerAxes {
  std::vector<MixerAxis> axes;
  /// One sample as [time, height, width, embed]; as [time, 1, N, embed] unless height or width is an axis. Time is 1
  /// unless it is an axis.
  std::array<int64_t, 4> sizes;

  int64_t sample_size() const { return sizes[0] * sizes[1] * sizes[2] * sizes[3]; }
  bool time() const;
};

/// Parses `options.axes` ("height,width"), or `own` if that is empty.
/// @throws InputError: an unknown axis (with the nearest name), one named twice, or tokens together with height or
/// width
MixerAxes mixer_axes(const MixerShape& shape, const MixerOptions& options, const std::string& own);

}  // namespace spikemix
