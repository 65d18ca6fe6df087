#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spikemix/core/model_card.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/loader.h"

namespace spikemix {

struct EvalResult {
  int64_t images = 0;
  double top1 = 0, top5 = 0;  // percent
  double loss = 0;            // cross entropy, no smoothing
  double images_per_second = 0;
};

/// How a model wants its images: its size, channels and normalisation, no augmentation.
LoaderOptions test_loader_options(const ModelCard& card, int64_t batch, int64_t threads);

/// A trained model under LibTorch. Its header holds no Torch, so that the command line compiles without it.
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
  EvalResult evaluate(std::shared_ptr<const Dataset> data, int64_t batch, int64_t loader_threads,
                      const std::function<void(int64_t done)>& on_batch = {});

 private:
  struct State;
  explicit TorchModel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Compute threads of this process: `threads`, or one for each core if 0. Flushes denormals to zero, as every thread of
/// a run must, or decayed weights slow it down.
void set_compute_threads(int64_t threads);

}  // namespace spikemix
