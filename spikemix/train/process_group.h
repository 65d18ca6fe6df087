// SPDX-License-Identifier: MIT
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
/// order. If a rank is gone, calls throw various errors, which say_why() turns into one line. The program must ignore
/// SIGPIPE.
class ProcessGroup final : public Ranks {
 public:
  /// Meets the other ranks; null if the launch is a single process. @throws RunError if they do not join
  static std::unique_ptr<ProcessGroup> join(const Launch& launch);
  ~ProcessGroup() override;

  const Launch& launch() const { return launch_; }
  int64_t count() const override { return launch_.ranks; }
  void sum(torch::Tensor& values) override;

  /// Waits for all ranks, however long they read their data.
  void meet();
  /// Rank 0's text, on every rank.
  std::string share(const std::string& text);
  /// Every rank's text, in order of rank, on rank 0; nothing on the others.
  std::vector<std::string> gather(const std::string& text);
  /// Rank 0's values, on every rank.
  void copy_from_first(const NamedTensors& tensors);

  /// Averages the gradients of `parameters`, given in the order of the model, over all ranks, in buckets that are sent
  /// while backward still runs. Call it before any use of tensors on a GPU. @throws InputError if this build cannot
  /// connect GPUs
  void own_gradients(const std::vector<torch::Tensor>& parameters);
  /// Call it before the forward pass of a backward whose gradients (with those accumulated before) are to be averaged.
  /// Other backward passes leave their gradients on this rank.
  void before_forward();
  void before_backward();
  /// Bytes of each bucket, in the order of sending.
  std::vector<int64_t> bucket_bytes() const;

  /// After an error, before this rank ends: informs the others, or asks which rank is gone. The group is then closed.
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
