// SPDX-License-Identifier: MIT
#include <bit>
#include <memory>
#include <string>

#include "spikemix/base/error.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {
namespace {

using Fires = PlanBuilder::Fires;

constexpr int64_t kGroups = 16;

// Haar's transform along one axis of the token grid, down to the last level.
MixerOptions haar(const ValuePlan& x, const std::string& axis, bool inverse) {
  MixerOptions options;
  options.axes = axis, options.inverse = inverse;
  options.levels = std::bit_width(uint64_t((axis == "height" ? x.height : x.width) - 1));
  return options;
}

void check_sizes(const ValuePlan& x) {
  if (x.channels % kGroups != 0)
    throw input_error("{} channels, expected a multiple of its {} groups", x.channels, kGroups);
  if (x.height < 2 || x.width < 2)
    throw input_error("{} x {} tokens, expected 2 or more rows and columns for its wavelets", x.height, x.width);
}

// A learned mixing of channels in the wavelet domain: forward transform, a matrix for each group, inverse transform.
int64_t wavelet_branch(PlanBuilder& plan, int64_t s, const std::string& at) {
  const ValuePlan x = plan.value(s);
  const auto along = [&](int64_t value, const std::string& axis, const MapNames& names, bool inverse, Fires fires) {
    const MixerEntry& wavelet = find_mixer("wt1d");
    const MixerOptions options = haar(x, axis, inverse);
    const MixerShape shape{.T = 1, .height = x.height, .width = x.width, .D = x.channels};
    return plan.transform(value, names, text_of(wavelet, options), wavelet.make(shape, options), fires);
  };
  const auto between = [&](const std::string& part) {
    return MapNames{.name = at + part, .neuron = at + part + "_neuron"};
  };
  const MapNames forward{.name = at + "haar", .norm = at + "haar_forward_bn", .neuron = at + "haar_neuron"};
  const MapNames matrices{.name = at + "haar_multiply",
                          .weight = at + "haar_multiply",
                          .norm = at + "haar_multiply_bn",
                          .neuron = at + "haar_multiply_neuron"};
  const MapNames inverse{.name = at + "haar_inverse", .norm = at + "haar_inverse_bn"};

  int64_t y = along(s, "width", between("haar_width"), false, Fires::kSigned);
  y = along(y, "height", forward, false, Fires::kYes);
  y = plan.grouped_linear(y, matrices, kGroups, Fires::kSigned);
  y = along(y, "width", between("haar_inverse_width"), true, Fires::kSigned);
  return along(y, "height", inverse, true, Fires::kNo);
}

}  // namespace

/// SWformer's frequency-aware token mixer, arXiv 2403.11138: a wavelet branch beside two convolutions.
void add_fatm(Branch& branch, const MixerOptions&) {
  check_sizes(branch.shape());
  PlanBuilder& plan = branch.plan();
  const std::string& at = branch.prefix();
  branch.neurons_in_front("x_neuron");
  const int64_t s = branch.value();
  int64_t y = wavelet_branch(plan, s, at);
  for (const int64_t kernel : {1, 3}) {
    const std::string name = at + (kernel == 1 ? "conv1" : "conv2");  // as published
    const MapNames names{.name = name, .weight = name, .norm = name + "_bn", .bias = true};
    y = plan.merge(y, plan.shared_convolution(s, names, kernel, kGroups, Fires::kNo), Merge::kAdd);
  }
  branch.go_on(y);
  branch.neurons_behind("lif");
}

}  // namespace spikemix
