// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spikemix {

/// How a model is trained.
struct TrainConfig {
  int64_t epochs = 300, cooldown_epochs = 10, warmup_epochs = 20, batch = 128, accumulate = 1;
  double lr = 5e-4, min_lr = 1e-5, warmup_lr = 1e-5, weight_decay = 0.06, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  int64_t lr_batch = 0;
  std::string init;
  std::vector<std::string> freeze;
  std::string optimizer = "adamw";
  double momentum = 0.95;
  double clip_norm = 0, ema = 0;
  std::string precision = "fp32", device = "cpu";
  double sparse_below = -1;
  bool recompute = false;
  int64_t one_step_epochs = 0;
  double spike_cost = 0, spike_target = 0;
  bool whiten = false, identity_start = false;
  int64_t seed = 0, threads = 0, loader_threads = 1, checkpoint_seconds = 60, eval_every = 1;

  int64_t all_epochs() const { return epochs + cooldown_epochs; }

  template <class Visitor>
  void visit(Visitor&& v) {
    v("epochs", epochs, "epochs, warm-up included, cooldown not");
    v("cooldown_epochs", cooldown_epochs, "epochs at min_lr after the cosine");
    v("warmup_epochs", warmup_epochs, "epochs from warmup_lr to lr");
    v("batch", batch, "images a step, over all ranks together");
    v("accumulate", accumulate, "batches whose gradients add up to one optimiser step");
    v("lr", lr, "peak learning rate");
    v("lr_batch", lr_batch, "scale lr by (batch x accumulate) / lr_batch; 0: use lr unchanged");
    v("min_lr", min_lr, "learning rate at the end of the cosine");
    v("warmup_lr", warmup_lr, "learning rate at the start of the warm-up");
    v("init", init,
      "start from these weights: a model file, a run folder or builtin; what does not fit by name and shape starts at "
      "random");
    v("freeze", freeze,
      "what does not learn: names of tensors, or their beginnings (block.0.); or stem, blocks, all but head; frozen "
      "norms keep their statistics");
    v("optimizer", optimizer,
      "adamw, or muon: orthogonalised momentum for the weights between first and last layer, AdamW for the rest");
    v("momentum", momentum, "Muon's");
    v("weight_decay", weight_decay, "decoupled decay of weights; norms, biases and neuron parameters have none");
    v("beta1", beta1, "AdamW's beta 1");
    v("beta2", beta2, "AdamW's beta 2");
    v("eps", eps, "AdamW's epsilon");
    v("clip_norm", clip_norm, "clip the gradient's norm to this; 0: no clipping");
    v("ema", ema, "decay of the averaged weights, which are then evaluated and exported; 0: none");
    v("precision", precision, "fp32, or bf16 (autocast; weights and optimiser stay fp32)");
    v("sparse_below", sparse_below,
      "on a CPU, layers whose inputs hold fewer ones than this share add up spikes instead of multiplying; 0: none do; "
      "-1: where that is faster on this processor");
    v("recompute", recompute,
      "keep only the inputs of the stem and of each block, and compute the rest again in the backward pass: saves "
      "memory");
    v("one_step_epochs", one_step_epochs,
      "in this many epochs at the start, still images are shown for one time step, not model.T: each costs 1/T of the "
      "others");
    v("spike_cost", spike_cost,
      "added to the loss: this times the additions that spikes cause, as a share of the dense network's multiply-adds; "
      "0: nothing");
    v("spike_target", spike_target,
      "share of the dense network's multiply-adds that spikes should cause: the weight starts at train.spike_cost and "
      "is adjusted until training gets there; 0: the weight stays");
    v("whiten", whiten,
      "the first convolution starts from the training images' patches: their principal components, whitened, with both "
      "signs");
    v("identity_start", identity_start,
      "3x3 convolutions after the first start with each output a copy of one input, as far as there are inputs");
    v("device", device, "cpu, cuda or cuda:N");
    v("seed", seed, "seed of the weights, the order, the augmentation");
    v("threads", threads, "compute threads of each rank; 0: one for each core");
    v("loader_threads", loader_threads, "threads that read and augment images");
    v("checkpoint_seconds", checkpoint_seconds,
      "seconds between checkpoints inside an epoch (each epoch ends with one)");
    v("eval_every", eval_every, "test once in this many epochs (the last is always tested)");
  }
};

}  // namespace spikemix
