// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spikemix {

/// The network's shape. The defaults are the published CIFAR Spikformer 4-384.
struct ModelConfig {
  std::string architecture = "spikformer", input = "image";
  int64_t channels = 3, height = 32, width = 32, classes = 10;
  int64_t T = 4, embed_dim = 384, depth = 4, mlp_ratio = 4;
  std::vector<int64_t> depths;
  std::string stream = "auto", stem = "conv4";
  int64_t patch = 0;
  std::vector<int64_t> stem_channels, pool = {0, 0, 1, 1};
  bool pool_before_neuron = false;
  std::vector<std::string> mixer = {"fft2d"};
  std::string wavelet = "haar", axes;
  int64_t levels = 0;
  bool alternate = false;
  std::vector<std::string> bases;
  std::vector<int64_t> heads = {12};
  double ssa_scale = 0.125;

  bool takes_events() const { return input == "events"; }
  /// The shape of a batch: [batch, C, H, W] images, or [batch, T, C, H, W] frames of events.
  std::vector<int64_t> input_shape(int64_t batch) const;
  /// Output channels of each convolution of the stem conv4: stem_channels, or the published D/8, D/4, D/2 and D.
  std::vector<int64_t> convolutions() const;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("architecture", architecture, "family of networks: spikformer, maxformer or qkformer");
    v("input", input, "kind of input: image (the same at every time step) or events (T frames, 2 polarities)");
    v("channels", channels, "input channels C");
    v("height", height, "input height in pixels");
    v("width", width, "input width in pixels");
    v("classes", classes, "number of classes; 0: as many as the data has");
    v("T", T, "time steps");
    v("embed_dim", embed_dim, "embedding dimension D");
    v("depth", depth, "number of blocks");
    v("depths", depths, "blocks of each stage; empty: the architecture's own, spikformer has one stage of model.depth");
    v("stream", stream,
      "what the residual stream holds: spike (counts of spikes), membrane (potentials), iand (spikes); auto: the "
      "architecture's own");
    v("stem", stem,
      "of a spikformer: conv4 (the published four convolutions), conv2 or conv1 (patches, learned position)");
    v("patch", patch,
      "side of conv1's patches in pixels; 0: so large that there are as many tokens as after the pools");
    v("mlp_ratio", mlp_ratio, "hidden size of the MLP, as a multiple of D");
    v("stem_channels", stem_channels,
      "output channels of each of conv4's convolutions, ending with D; empty: the published D/8, D/4, D/2, D");
    v("pool", pool, "which of the stem's convolutions a 3x3 stride-2 max-pool follows, one value for each");
    v("pool_before_neuron", pool_before_neuron, "pools come before a convolution's neurons, not after them");
    v("mixer", mixer,
      "token mixer, NAME[:option=value...]; a list gives one for each stage or block (see `spikemix mixers`)");
    v("wavelet", wavelet, "wavelet of wt1d and wt2d: haar, db1..db38, sym*, coif*, bior*, rbio*");
    v("levels", levels, "wavelet levels; 0: as many as the size allows");
    v("axes", axes,
      "axes to mix over: tokens, embed, height, width, time, separated by commas; empty: the mixer's own");
    v("alternate", alternate, "use the inverse transform in every second block");
    v("bases", bases, "bases of dwt-c and fwt-c; empty: the mixer's own");
    v("heads", heads, "attention heads; a list gives those of each stage");
    v("ssa_scale", ssa_scale, "factor on the attention product (ssa): 0.125 for CIFAR, 0.25 for DVS as published");
  }
};

/// The spiking neuron, the same in every layer (attention's threshold of 0.5 is the published model's own).
struct NeuronConfig {
  std::string kind = "lif", reset = "hard", surrogate = "sigmoid";
  int64_t levels = 4;
  double tau = 2, v_threshold = 1, v_reset = 0, alpha = 0;
  bool detach_reset = true;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("kind", kind,
      "lif, if (no leak), plif (learned tau), integer (counts of spikes, up to neuron.levels), or relu: the same "
      "layers without spikes, to compare with (model.T = 1; the engine does not run it)");
    v("levels", levels, "largest count of integer neurons, 2 to 15");
    v("tau", tau, "membrane time constant in time steps, > 1; plif starts here");
    v("v_threshold", v_threshold, "firing threshold");
    v("reset", reset, "hard (to v_reset) or soft (minus v_threshold)");
    v("v_reset", v_reset, "potential after a hard reset, and at rest");
    v("detach_reset", detach_reset, "no gradient through the reset");
    v("surrogate", surrogate, "surrogate gradient: sigmoid, arctan or triangle");
    v("alpha", alpha, "its sharpness; 0: its own default (sigmoid 4, arctan 2, triangle 1)");
  }
};

}  // namespace spikemix
