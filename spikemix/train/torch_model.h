// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "spikemix/data/loader.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// A trained model under LibTorch. This header includes no Torch, so that the command line compiles without it.
class TorchModel {
 public:
  /// @param file       a model.safetensors, or a run folder (its best model)
  /// @param device     "cpu", "cuda", "cuda:N"
  /// @param precision  "fp32" or "bf16"
  /// @throws InputError listing every tensor that is missing, unknown or of the wrong shape
  static TorchModel load(const std::filesystem::path& file, const std::string& device, const std::string& precision);
  ~TorchModel();
  TorchModel(TorchModel&&) noexcept;

  const ModelCard& card() const;
  /// Logits of `batch`, row-major [B, classes].
  std::vector<float> logits(const Batch& batch);

 private:
  struct State;
  explicit TorchModel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Sets the compute threads of this process: `threads`, or one for each core if 0. Makes denormals flush to zero, which
/// every thread of a run needs, because decayed weights would slow it down. Also keeps memory that a step frees for the
/// next step, so that its pages are already mapped.
void set_compute_threads(int64_t threads);

}  // namespace spikemix
