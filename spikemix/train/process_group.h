#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/ops/ranks.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/launch.h"

namespace spikemix {

/// The ranks of a run under c10d: Gloo between CPUs, NCCL between GPUs. All ranks make the same calls in the same
/// order. What a rank that is gone makes fail throws anything: say_why() turns it into one line. The program must
/// ignore SIGPIPE.
class ProcessGroup final : public Ranks {
 public:
  /// Meets the others; null where the launch is of one process. @throws RunError if they do not come
  static std::unique_ptr<ProcessGroup> join(const Launch& launch);
  ~ProcessGroup() override;

  const Launch& launch() const { return launch_; }
  int64_t count() const override { return launch_.ranks; }
  void sum(torch::Tensor& values) override;

  /// Waits for all, however long they read their data.
  void meet();
  /// Rank 0's text, on every rank.
  std::string share(const std::string& text);
  /// Every rank's text, in the order of ranks, on rank 0; nothing on the others.
  std::vector<std::string> gather(const std::string& text);
  /// Rank 0's values, on every rank.
  void copy_from_first(const NamedTensors& tensors);

  /// Averages the gradients of `parameters`, given in the order of the model, over all ranks: in buckets, sent while
  /// the backward still runs. Before any use of tensors on a GPU. @throws InputError if this build cannot join GPUs
  void own_gradients(const std::vector<torch::Tensor>& parameters);
  /// Before the forward, and before the backward, whose gradients (with what was accumulated before) are averaged.
  /// Backwards without them leave their gradients to this rank.
  void before_forward();
  void before_backward();
  /// Bytes of each bucket, in the order in which they are sent.
  std::vector<int64_t> bucket_bytes() const;

  /// After an error, before this rank ends: tells the others, or asks who is gone. The group is then closed.
  /// @param place  "epoch 1, step 12; go on with ..."
  /// @throws InputError or RunError in one line, or returns if `error` had nothing to do with the others
  void say_why(const std::exception& error, const std::string& place);

 private:
  struct State;
  explicit ProcessGroup(const Launch& launch);
  void close();

  const Launch launch_;
  std::unique_ptr<State> state_;
};

}  // namespace spikemix
