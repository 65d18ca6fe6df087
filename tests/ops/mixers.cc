// SPDX-License-Identifier: MIT
#include <torch/library.h>

#include "spikemix/mixers/mixer.h"
#include "spikemix/mixers/wavelets.h"
#include "spikemix/nn/ops/gated.h"
#include "spikemix/nn/ops/mix.h"
#include "spikemix/nn/torch.h"

namespace {
using spikemix::TorchMixer;

c10::intrusive_ptr<TorchMixer> make(const torch::Tensor& x, const std::string& spec, int64_t height, int64_t width) {
  const spikemix::MixerSpec parsed = spikemix::parse_mixer_spec(spec);
  const spikemix::MixerShape shape{.T = x.size(0), .height = height, .width = width, .D = x.size(3)};
  return c10::make_intrusive<TorchMixer>(parsed.entry->make(shape, parsed.options), shape);
}

torch::Tensor mix(const torch::Tensor& x, const std::string& spec, int64_t height, int64_t width,
                  const std::optional<torch::Tensor>& coefficients) {
  return spikemix::mix(make(x, spec, height, width), x, coefficients.value_or(torch::Tensor()));
}

// The path for other devices, without autograd: M x, M' x and the gradient of the coefficients given x and g = x.
std::tuple<torch::Tensor, torch::Tensor, torch::Tensor> mix_by_matrices(
    const torch::Tensor& x, const std::string& spec, int64_t height, int64_t width,
    const std::optional<torch::Tensor>& coefficients) {
  const auto mixer = make(x, spec, height, width);
  const torch::Tensor c = coefficients.value_or(torch::Tensor());
  torch::Tensor gradient = torch::zeros(0);
  const torch::Tensor adjoint = mixer->adjoint_by_matrices(x, c, x, gradient);
  return {mixer->by_matrices(x, c), adjoint, gradient};
}

std::shared_ptr<const spikemix::GatedTransform> make_gated(const torch::Tensor& x, const std::string& spec,
                                                           int64_t height, int64_t width) {
  const spikemix::MixerSpec parsed = spikemix::parse_mixer_spec(spec);
  return spikemix::make_gated({.height = height, .width = width, .D = x.size(3)}, parsed.options);
}

torch::Tensor gated(const torch::Tensor& x, const std::string& spec, int64_t height, int64_t width,
                    const torch::Tensor& gate) {
  return spikemix::gated(make_gated(x, spec, height, width), x, gate, spikemix::Values::kReal);
}
torch::Tensor gated_by_torch(const torch::Tensor& x, const std::string& spec, int64_t height, int64_t width,
                             const torch::Tensor& gate) {
  return spikemix::gated_by_torch(*make_gated(x, spec, height, width), x, gate);
}
std::vector<int64_t> gate_shape(const torch::Tensor& x, const std::string& spec, int64_t height, int64_t width) {
  return make_gated(x, spec, height, width)->gate_shape();
}

std::vector<std::string> mixer_names() {
  std::vector<std::string> names;
  for (const spikemix::MixerEntry& entry : spikemix::mixers()) {
    if (entry.make) names.push_back(entry.name);
  }
  return names;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(spikemix_test, library) {
  library.def("mix(Tensor x, str spec, int height, int width, Tensor? coefficients) -> Tensor", mix);
  library.def(
      "mix_by_matrices(Tensor x, str spec, int height, int width, Tensor? coefficients) -> (Tensor, Tensor, Tensor)",
      mix_by_matrices);
  library.def("gated(Tensor x, str spec, int height, int width, Tensor gate) -> Tensor", gated);
  library.def("gated_by_torch(Tensor x, str spec, int height, int width, Tensor gate) -> Tensor", gated_by_torch);
  library.def("gate_shape(Tensor x, str spec, int height, int width) -> int[]", gate_shape);
  library.def("mixer_names() -> str[]", mixer_names);
  library.def("wavelet_names() -> str[]", [] { return spikemix::wavelet_names(); });
}
