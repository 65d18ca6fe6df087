#include "spikemix/engine/network.h"

#include <cstdlib>
#include <string_view>

namespace spikemix {

int64_t largest_input(const std::string& weight) {
  constexpr std::string_view kBlock = "block.";
  if (!weight.starts_with(kBlock)) return 1;
  const int64_t block = std::strtoll(weight.c_str() + kBlock.size(), nullptr, 10);
  const auto reads = [&](const char* layer) { return weight.find(layer) != std::string::npos; };
  if (reads(".attn.q_") || reads(".attn.k_") || reads(".attn.v_")) return largest_count(block);
  return reads(".mlp.fc1_") ? largest_count(block) + 1 : 1;
}

}  // namespace spikemix
