// SPDX-License-Identifier: MIT
#include "spikemix/train/environment.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

#include <torch/version.h>

#include "spikemix/base/processor_name.h"
#include "spikemix/base/version.h"
#include "spikemix/kernels/target.h"
#include "spikemix/nn/ops/processor.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/precision.h"

namespace spikemix {
namespace {

struct Processor {
  std::string name = processor_name();
  std::set<std::string> features;  // features that affect how sums are rounded, as Linux names them
};

bool decides_rounding(std::string_view feature) {
  constexpr std::array<std::string_view, 9> kBegins = {"avx",   "fma", "f16c", "amx", "sse4",
                                                       "asimd", "sve", "bf16", "i8mm"};
  return std::ranges::any_of(kBegins, [&](std::string_view begin) { return feature.starts_with(begin); });
}

// The first core's.
Processor this_processor() {
  Processor processor;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line) && !line.empty();) {
    const std::string value = line.substr(std::min(line.find(':') + 1, line.size()));
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(value);
    std::copy_if(std::istream_iterator<std::string>(words), {},
                 std::inserter(processor.features, processor.features.end()), decides_rounding);
  }
  return processor;
}

}  // namespace

nlohmann::json environment() {
  const Processor processor = this_processor();
  return {{"spikemix", kVersion},
          {"git_commit", kGitCommit},
          {"torch", TORCH_VERSION},
          {"compiler", __VERSION__},
          {"processor", processor.name},
          {"processor_features", processor.features},
          {"cpu_capability", at::get_cpu_capability()},
          {"kernel_target", kernel_target()}};
}

std::string effective_precision(const std::string& precision, const std::string& device) {
  const auto type = product_type(precision);
  const auto multiplied = multiplied_in(torch::empty({0}, torch::dtype(type).device(torch::Device(device))));
  return multiplied == type ? precision : precision + ", multiplied as fp32";
}

}  // namespace spikemix
