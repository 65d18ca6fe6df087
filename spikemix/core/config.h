#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spikemix {

/// Every setting of a run. A field's name, default and help stand in one line of the visitors below, which give TOML
/// reading, key=value overrides, JSON writing, `spikemix recipes --keys` and the errors that name the nearest right
/// key.

/// The network's shape. Defaults: the published CIFAR Spikformer 4-384.
struct ModelConfig {
  std::string architecture = "spikformer", input = "image";
  int64_t channels = 3, height = 32, width = 32, classes = 10;
  int64_t T = 4, embed_dim = 384, depth = 4, mlp_ratio = 4;
  std::vector<int64_t> depths;
  std::string stream = "auto", stem = "conv4";
  int64_t patch = 0;
  std::vector<int64_t> pool = {0, 0, 1, 1};
  bool pool_before_neuron = false;
  std::vector<std::string> mixer = {"fft2d"};
  std::string wavelet = "haar", axes;
  int64_t levels = 0;
  bool alternate = false;
  std::vector<std::string> bases;
  std::vector<int64_t> heads = {12};
  double ssa_scale = 0.125;

  bool takes_events() const { return input == "events"; }
  /// Of a batch: [batch, C, H, W] images, or [batch, T, C, H, W] frames of events.
  std::vector<int64_t> input_shape(int64_t batch) const;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("architecture", architecture, "family of networks: spikformer, maxformer or qkformer");
    v("input", input, "what comes in: image (the same at every time step) or events (T frames, 2 polarities)");
    v("channels", channels, "input channels C");
    v("height", height, "input height in pixels");
    v("width", width, "input width in pixels");
    v("classes", classes, "number of classes; 0: as many as the data has");
    v("T", T, "time steps");
    v("embed_dim", embed_dim, "embedding dim D; the stem's convolutions have D/8, D/4, D/2 and D channels");
    v("depth", depth, "number of blocks");
    v("depths", depths, "blocks of each stage; empty: the architecture's own, spikformer has one stage of model.depth");
    v("stream", stream,
      "what the residual stream holds: spike (counts of spikes), membrane (potentials), iand (spikes); auto: the "
      "architecture's own");
    v("stem", stem,
      "spikformer's: conv4 (the published four convolutions), conv2 or conv1 (patches, learned position)");
    v("patch", patch,
      "side of conv1's patches in pixels; 0: so that there are as many tokens as behind the pools");
    v("mlp_ratio", mlp_ratio, "hidden size of the MLP, as a multiple of D");
    v("pool", pool, "after which of the stem's four convolutions a 3x3 stride-2 max-pool stands");
    v("pool_before_neuron", pool_before_neuron, "pools stand in front of a convolution's neurons, not behind them");
    v("mixer", mixer,
      "token mixer, NAME[:option=value...]; a list gives one for each stage or block (see `spikemix mixers`)");
    v("wavelet", wavelet, "wavelet of wt1d and wt2d: haar, db1..db38, sym*, coif*, bior*, rbio*");
    v("levels", levels, "wavelet levels; 0: as many as the size allows");
    v("axes", axes, "axes to mix over: tokens, embed, height, width, time, joined by commas; empty: the mixer's own");
    v("alternate", alternate, "use the inverse transform in every second block");
    v("bases", bases, "bases of dwt-c and fwt-c; empty: the mixer's own");
    v("heads", heads, "attention heads; a list gives those of each stage");
    v("ssa_scale", ssa_scale, "factor on the attention product (ssa): 0.125 for CIFAR, 0.25 for DVS as published");
  }
};

/// The spiking neuron, the same in every layer (the attention's threshold of 0.5 is the published model's own).
struct NeuronConfig {
  std::string kind = "lif", reset = "hard", surrogate = "sigmoid";
  int64_t levels = 4;
  double tau = 2, v_threshold = 1, v_reset = 0, alpha = 0;
  bool detach_reset = true;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("kind", kind, "lif, if (no leak), plif (learned tau) or integer (counts of spikes, up to neuron.levels)");
    v("levels", levels, "of integer neurons: the largest count, 2 to 15");
    v("tau", tau, "membrane time constant in time steps, > 1; plif starts here");
    v("v_threshold", v_threshold, "firing threshold");
    v("reset", reset, "hard (to v_reset) or soft (minus v_threshold)");
    v("v_reset", v_reset, "potential after a hard reset, and at rest");
    v("detach_reset", detach_reset, "no gradient through the reset");
    v("surrogate", surrogate, "surrogate gradient: sigmoid, arctan or triangle");
    v("alpha", alpha, "its sharpness; 0: its own default (sigmoid 4, arctan 2, triangle 1)");
  }
};

struct DataConfig {
  std::string dir, format = "auto", cache;
  int64_t train_images = 0, test_images = 0, skip_bad = 0;
  double validation = 0;
  std::vector<double> mean, std;
  std::string frames = "count", frame_values = "sum", sensor, time_unit;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("dir", dir, "folder or archive of the data set; --data sets it");
    v("format", format, "auto, or one of `spikemix data formats`");
    v("cache", cache,
      "folder for decoded pictures and recordings; off: none; empty: $SPIKEMIX_CACHE, or ~/.cache/spikemix");
    v("train_images", train_images, "use this many training images, the same share of each class; 0: all");
    v("test_images", test_images, "use this many test images; 0: all");
    v("validation", validation,
      "share of the training images that is never learned from: the best epoch is the best on them, and the test "
      "images "
      "are seen once, at the end; 0: the best epoch is the best on the test images, as published");
    v("skip_bad", skip_bad,
      "leave out up to this many damaged pictures or recordings of each split, and name them; 0: a damaged one is an "
      "error");
    v("mean", mean, "mean of each channel, in 0..1; empty: 0.5 each");
    v("std", std, "standard deviation of each channel, in 0..1; empty: 0.5 each");
    v("sensor", sensor, "WIDTHxHEIGHT of the recordings' sensor, in the place of what their files say; --size sets it");
    v("time_unit", time_unit, "of an npz's times: s, ms, us or ns; empty: whole microseconds; --time-unit sets it");
    v("frames", frames, "a recording's T frames: count (of equally many events) or time (equally long)");
    v("frame_values", frame_values, "a pixel of a frame: sum (number of its events) or binary (1 if there is any)");
  }
};

struct AugmentConfig {
  int64_t crop_padding = 4;
  bool flip = true;
  double randaugment_magnitude = 0, randaugment_std = 0.4;
  int64_t randaugment_ops = 1;
  double erase_probability = 0, mixup = 0, cutmix = 0, switch_prob = 0.5, label_smoothing = 0.1;
  int64_t mixup_off_epoch = 0;
  int64_t roll = 0, cutout = 0;
  double rotate = 0, shear = 0, scale = 0;
  double event_drop = 0, polarity_flip = 0, time_jitter = 0;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("crop_padding", crop_padding, "random crop out of the image padded by this many pixels; 0: none (not of events)");
    v("flip", flip, "horizontal flip of every second image");
    v("randaugment_magnitude", randaugment_magnitude, "RandAugment magnitude 0 to 10 (timm's m); 0: none");
    v("randaugment_ops", randaugment_ops, "RandAugment operations an image (timm's n)");
    v("randaugment_std", randaugment_std, "standard deviation of the magnitude (timm's mstd)");
    v("erase_probability", erase_probability, "probability of random erasing");
    v("mixup", mixup, "mixup's Beta parameter; 0: none");
    v("cutmix", cutmix, "CutMix's Beta parameter; 0: none");
    v("switch_prob", switch_prob, "share of the batches that CutMix gets where there is mixup too");
    v("mixup_off_epoch", mixup_off_epoch, "no mixup or CutMix from this epoch on; 0: always");
    v("label_smoothing", label_smoothing, "probability mass spread over all classes");
    v("roll", roll, "frames of events: moved by up to this many pixels each way, around the edges");
    v("rotate", rotate,
      "frames of events: one of rotate, shear, cutout, scale is drawn; degrees at most, 0: never this");
    v("shear", shear, "degrees at most, 0: never this");
    v("cutout", cutout, "side of the square that is emptied, in pixels at most, 0: never this");
    v("scale", scale, "share by which the picture grows or shrinks at most, 0: never this");
    v("event_drop", event_drop, "share of a recording's events that is left out");
    v("polarity_flip", polarity_flip, "probability that on and off change places in a recording");
    v("time_jitter", time_jitter, "standard deviation of what is added to an event's time, in us");
  }
};

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
  int64_t seed = 0, threads = 0, loader_threads = 1, checkpoint_seconds = 60, eval_every = 1;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("epochs", epochs, "epochs, warm-up included, cooldown not");
    v("cooldown_epochs", cooldown_epochs, "epochs at min_lr after the cosine");
    v("warmup_epochs", warmup_epochs, "epochs from warmup_lr to lr");
    v("batch", batch, "images a step, of all ranks together");
    v("accumulate", accumulate, "batches whose gradients add up to one optimiser step");
    v("lr", lr, "peak learning rate");
    v("lr_batch", lr_batch, "scale lr by (batch x accumulate) / lr_batch; 0: use lr as it stands");
    v("min_lr", min_lr, "learning rate at the end of the cosine");
    v("warmup_lr", warmup_lr, "learning rate at the start of the warm-up");
    v("init", init,
      "start from these weights: a model file, a run folder or builtin; what does not fit by name and shape starts "
      "anew");
    v("freeze", freeze,
      "what does not learn: names of tensors, or how they begin (block.0.); or stem, blocks, all but head; frozen "
      "norms "
      "keep their statistics");
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
      "-1: as long as that is faster on such a processor");
    v("recompute", recompute,
      "keep only the inputs of the stem and of each block, and compute the rest again in backward: saves memory");
    v("one_step_epochs", one_step_epochs,
      "still images are shown for one time step, not model.T, in the first so many epochs: they cost 1/T of the "
      "others");
    v("device", device, "cpu, cuda or cuda:N");
    v("seed", seed, "seed of the weights, the order, the augmentation");
    v("threads", threads, "compute threads of each rank; 0: one for each core");
    v("loader_threads", loader_threads, "threads that read and augment images");
    v("checkpoint_seconds", checkpoint_seconds,
      "seconds between checkpoints inside an epoch (one stands at each epoch's end)");
    v("eval_every", eval_every, "test every so many epochs (the last is always tested)");
  }
};

struct Config {
  std::string name = "unnamed";
  ModelConfig model;
  NeuronConfig neuron;
  DataConfig data;
  AugmentConfig augment;
  TrainConfig train;

  template <class Visitor>
  void visit_sections(Visitor&& v) {
    v("model", model);
    v("neuron", neuron);
    v("data", data);
    v("augment", augment);
    v("train", train);
  }

  /// "model.T", "train.lr", ...: every key, in order.
  static std::vector<std::string> keys();
  /// One line for each key: name, default, help.
  static std::string describe_keys();
};

/// A recipe file. @throws InputError naming the file, line and key; an unknown key names the nearest right one.
Config read_recipe(const std::filesystem::path& file);
/// A recipe's text, as embedded in the program. `where` names it in errors.
Config parse_recipe(const std::string& toml, const std::string& where);

/// "train.lr=1e-3", as on the command line; lists are "a,b" or TOML's ["a", "b"]. @throws InputError
void apply_override(Config& config, const std::string& key_value);

/// Checks the values against each other (tau > 1, ...). What depends on the network (make_plan()) is checked there.
/// @throws InputError naming the key
void validate(const Config& config);

nlohmann::json to_json(const Config& config);
/// @throws InputError; `where` names the file in errors. Missing keys keep their defaults, so older files load.
Config config_from_json(const nlohmann::json& json, const std::string& where);

}  // namespace spikemix
