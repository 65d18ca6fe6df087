// SPDX-License-Identifier: MIT
#include "spikemix/train/machine_limits.h"

#include <algorithm>
#include <limits>

#include "spikemix/base/clock.h"
#include "spikemix/nn/ops/processor.h"
#include "spikemix/nn/ops/sparse_product.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/device.h"
#include "spikemix/train/precision.h"

namespace spikemix {
namespace {

// The fastest of five.
template <class Work>
double seconds_of(const std::string& device, const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    finish(device);
    const auto begin = Clock::now();
    work();
    finish(device);
    best = std::min(best, seconds_since(begin));
  }
  return best;
}

}  // namespace

MachineLimits measure_machine(const std::string& precision, const std::string& device) {
  const torch::InferenceMode no_gradients;
  const bool on_cpu = torch::Device(device).is_cpu();
  const auto type = product_type(precision);
  MachineLimits limits;

  // Random values: with zeros and ones a GPU needs less power and runs faster.
  const int64_t rows = on_cpu ? 2048 : 8192, in = on_cpu ? 768 : 8192, out = in;
  const auto options = torch::dtype(type).device(torch::Device(device));
  const auto multiplied = multiplied_in(torch::empty({0}, options));
  const auto a = torch::randn({rows, in}, options).to(multiplied), b = torch::randn({in, out}, options).to(multiplied);
  limits.macs = double(rows) * double(in) * double(out) / seconds_of(device, [&] { at::mm(a, b); });

  if (on_cpu) {
    // A spike at every tenth input, at a different place in each row.
    const auto at = torch::arange(rows).view({-1, 1}) * 7 + torch::arange(in);
    const Packed spikes((at % 10 == 0).to(type), Values::kSpikes);
    const auto weights = torch::ones({in, out});
    limits.adds = double(spikes.entries() * out) / seconds_of(device, [&] {
                    Moments moments;
                    sparse_linear(spikes, weights, type, moments);
                  });
  }

  const auto from = torch::ones({int64_t{1} << (on_cpu ? 25 : 28)}, torch::device(torch::Device(device)));
  const auto to = torch::empty_like(from);
  limits.bytes = 2 * double(from.nbytes()) / seconds_of(device, [&] { to.copy_(from); });
  return limits;
}

}  // namespace spikemix
