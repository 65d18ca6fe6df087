#include "spikemix/train/machine_limits.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "spikemix/nn/sparse_product.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/precision.h"

namespace spikemix {
namespace {

// The fastest of five.
template <class Work>
double seconds_of(const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

}  // namespace

MachineLimits measure_machine(const std::string& precision) {
  const torch::InferenceMode no_gradients;
  const auto type = product_type(precision);
  MachineLimits limits;

  constexpr int64_t kRows = 2048, kIn = 768, kOut = 768;
  const auto a = torch::ones({kRows, kIn}, type), b = torch::ones({kIn, kOut}, type);
  limits.macs = double(kRows * kIn * kOut) / seconds_of([&] { at::mm(a, b); });

  // A spike for every tenth input, at another place in each row.
  const auto at = torch::arange(kRows).view({-1, 1}) * 7 + torch::arange(kIn);
  const Packed spikes((at % 10 == 0).to(type), Values::kSpikes);
  const auto weights = torch::ones({kIn, kOut});
  limits.adds = double(spikes.entries() * kOut) / seconds_of([&] {
                  Moments moments;
                  sparse_linear(spikes, weights, type, moments);
                });

  const auto from = torch::ones({int64_t{1} << 25}), to = torch::empty_like(from);
  limits.bytes = 2 * double(from.nbytes()) / seconds_of([&] { to.copy_(from); });
  return limits;
}

}  // namespace spikemix
