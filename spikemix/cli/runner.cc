// SPDX-License-Identifier: MIT
#include "spikemix/cli/runner.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/engine/session.h"
#ifdef SPIKEMIX_TRAIN
#include "spikemix/train/torch_model.h"
#endif

namespace spikemix {
namespace {

class EngineRunner : public Runner {
 public:
  explicit EngineRunner(const RunnerOptions& options)
      : session_(load_network_of(options), {.threads = thread_count(options.threads)}) {}
  const ModelCard& card() const override { return session_.network().card; }
  std::vector<float> logits(const Batch& batch) override {
    std::vector<float> logits(size_t(batch.size * card().model.classes));
    session_.infer(batch.size, batch.images.data(), logits.data());
    return logits;
  }
  std::string name() const override { return std::string("spikemix ") + name_of(session_.network().precision); }

 private:
  Session session_;
};

#ifdef SPIKEMIX_TRAIN
class TorchRunner : public Runner {
 public:
  explicit TorchRunner(const RunnerOptions& options)
      : precision_(options.precision.empty() ? "fp32" : options.precision), model_(load(options)) {}
  const ModelCard& card() const override { return model_.card(); }
  std::vector<float> logits(const Batch& batch) override { return model_.logits(batch); }
  std::string name() const override { return "torch " + precision_; }

 private:
  TorchModel load(const RunnerOptions& options) const {
    if (is_builtin(options.model))
      throw input_error("--engine torch needs a trained model: the built-in one has integer weights");
    if (precision_ != "fp32" && precision_ != "bf16")
      throw input_error("--precision {}: --engine torch takes fp32 or bf16", precision_);
    set_compute_threads(thread_count(options.threads));
    return TorchModel::load(options.model, options.device, precision_);
  }

  const std::string precision_;
  TorchModel model_;
};
#endif

}  // namespace

void add_runner_options(CLI::App& command, RunnerOptions& options) {
  command
      .add_option("--engine", options.engine,
                  "spikemix (event-driven, on the CPU) or torch (LibTorch, dense), to compare")
      ->check(CLI::IsMember({"spikemix", "torch"}));
  command
      .add_option("--precision", options.precision,
                  "fp32, int16 or int8 (torch: fp32 or bf16); default: fp32, or what an exported model holds")
      ->check(CLI::IsMember({"fp32", "int16", "int8", "bf16"}));
  command.add_option("--threads", options.threads, "compute threads; 0: one for each core");
  command.add_option("--device", options.device, "for --engine torch: cpu, cuda or cuda:N");
}

std::unique_ptr<Runner> make_runner(const RunnerOptions& options) {
  if (options.engine == "spikemix") return std::make_unique<EngineRunner>(options);
#ifdef SPIKEMIX_TRAIN
  return std::make_unique<TorchRunner>(options);
#else
  throw input_error("--engine torch: needs the training half, spikemix-torch, beside this program");
#endif
}

std::shared_ptr<const Network> load_network_of(const RunnerOptions& options) {
  if (options.device != "cpu")
    throw input_error("--device {}: only --engine torch runs on other devices than cpu", options.device);
  const Precision precision = parse_precision(options.precision.empty() ? "fp32" : options.precision);
  const auto network = load_model(options.model, precision);
  if (!options.precision.empty() && network->precision != precision)
    throw input_error("--precision {}: the model's weights are {} already", options.precision,
                      name_of(network->precision));
  return network;
}

CLI::Validator batch_bounds() { return CLI::Range(int64_t{1}, int64_t{1} << 20); }

void check_batch(int64_t batch, int64_t images) {
  constexpr int64_t kUsual = 1024;  // may be more than a small data set holds
  if (batch > std::max(images, kUsual)) throw input_error("--batch {}: there are only {} images", batch, images);
}

int64_t thread_count(int64_t threads) {
  if (threads < 0) throw input_error("--threads {}: expected 1 or more, or 0 for all cores", threads);
  return threads > 0 ? threads : std::max<int64_t>(1, std::thread::hardware_concurrency());
}

}  // namespace spikemix
