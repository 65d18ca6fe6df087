// SPDX-License-Identifier: MIT
#include "spikemix/config/validate.h"

#include <algorithm>
#include <concepts>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"

namespace spikemix {
namespace {

struct Bounds {
  std::string_view key;
  double least, most;
};

constexpr double kMany = 1 << 20, kMostEpochs = 1e6, kMostThreads = 1024, kMostPixels = 1024, kLarge = 1e6;

// The bounds of every number, also within lists: the only place that defines them, for recipes, model files, training
// and the engine. Outside them sums overflow, loops do not end, or memory runs out. Some are known to be tight:
//   model.T            the engine counts time steps in a byte
//   model.embed_dim    its lists of spikes hold 16-bit indices: 9 x 4096 inputs of a convolution,
//   model.mlp_ratio    15 x 4096 hidden values
//   model.depth        the residual stream's counts are bytes: 2 after the stem, and 2 more by each block (plan/)
constexpr Bounds kBounds[] = {{"model.channels", 1, 64},
                              {"model.height", 1, kMostPixels},
                              {"model.width", 1, kMostPixels},
                              {"model.classes", 0, kMany},
                              {"model.T", 1, 256},
                              {"model.embed_dim", 8, 4096},
                              {"model.depth", 1, 126},
                              {"model.depths", 1, 126},
                              {"model.patch", 0, kMostPixels},
                              {"model.mlp_ratio", 1, 15},
                              {"model.stem_channels", 1, 4096},
                              {"model.pool", 0, 1},
                              {"model.levels", 0, 30},
                              {"model.heads", 1, 4096},
                              {"model.ssa_scale", -kLarge, kLarge},
                              {"neuron.levels", 2, 15},
                              {"neuron.tau", 1, kLarge},
                              {"neuron.v_threshold", -kLarge, kLarge},
                              {"neuron.v_reset", -kLarge, kLarge},
                              {"neuron.alpha", 0, kLarge},
                              {"data.train_images", 0, 1e12},
                              {"data.test_images", 0, 1e12},
                              {"data.skip_bad", 0, 1e12},
                              {"data.validation", 0, 0.5},
                              {"data.mean", -kLarge, kLarge},
                              {"data.std", 1e-6, kLarge},
                              {"augment.crop_padding", 0, kMostPixels},
                              {"augment.randaugment_magnitude", 0, 10},
                              {"augment.randaugment_ops", 1, 100},
                              {"augment.randaugment_std", 0, 10},
                              {"augment.erase_probability", 0, 1},
                              {"augment.mixup", 0, 1000},
                              {"augment.cutmix", 0, 1000},
                              {"augment.switch_prob", 0, 1},
                              {"augment.mixup_off_epoch", 0, kMostEpochs},
                              {"augment.label_smoothing", 0, 1},
                              {"augment.roll", 0, kMostPixels},
                              {"augment.rotate", 0, 180},
                              {"augment.shear", 0, 90},
                              {"augment.cutout", 0, kMostPixels},
                              {"augment.scale", 0, 1},
                              {"augment.event_drop", 0, 1},
                              {"augment.polarity_flip", 0, 1},
                              {"augment.time_jitter", 0, 1e9},
                              {"train.epochs", 1, kMostEpochs},
                              {"train.cooldown_epochs", 0, kMostEpochs},
                              {"train.warmup_epochs", 0, kMostEpochs},
                              {"train.batch", 1, kMany},
                              {"train.accumulate", 1, kMany},
                              {"train.lr", 0, 1000},
                              {"train.lr_batch", 0, kMany* kMany},
                              {"train.min_lr", 0, 1000},
                              {"train.warmup_lr", 0, 1000},
                              {"train.momentum", 0, 1},
                              {"train.weight_decay", 0, 1000},
                              {"train.beta1", 0, 1},
                              {"train.beta2", 0, 1},
                              {"train.eps", 0, 1},
                              {"train.clip_norm", 0, 1e9},
                              {"train.ema", 0, 1},
                              {"train.sparse_below", -1, 100},
                              {"train.one_step_epochs", 0, kMostEpochs},
                              {"train.spike_cost", 0, kLarge},
                              {"train.spike_target", 0, 255},
                              {"train.seed", 0, 0x1p53},
                              {"train.threads", 0, kMostThreads},
                              {"train.loader_threads", 1, kMostThreads},
                              {"train.checkpoint_seconds", 0, 1e9},
                              {"train.eval_every", 1, kMostEpochs}};

const Bounds& find_bounds(const std::string& key) {
  const auto bounds = std::ranges::find(kBounds, key, &Bounds::key);
  if (bounds == std::end(kBounds)) throw std::logic_error("no bounds for " + key);
  return *bounds;
}

constexpr int64_t kMostPositions = int64_t{1} << 22;
constexpr size_t kLongestText = 4096, kLongestList = 1024, kLongestName = 200;

template <class T>
void require(bool holds, std::string_view key, const T& value, const std::string& expected) {
  if (!holds) throw input_error("{} = {}: expected {}", key, value, expected);
}

// For what is counted, so that the count is not taken for the value.
void require_count(bool holds, std::string_view key, size_t count, std::string_view unit, const std::string& expected) {
  if (!holds) throw input_error("{} has {} {}{}, expected {}", key, count, unit, count == 1 ? "" : "s", expected);
}

void require_one_of(const char* key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    throw input_error("{} = {}", key, unknown_name(value, choices));
  }
}

template <class T>
void check_value(const std::string& key, const T& value) {
  if constexpr (std::same_as<T, std::string>) {
    if (value.size() > kLongestText)
      throw input_error("{}: {} bytes, expected up to {}", key, value.size(), kLongestText);
  } else if constexpr (!std::same_as<T, bool>) {
    const Bounds& bounds = find_bounds(key);
    // NaN is in no range.
    require(double(value) >= bounds.least && double(value) <= bounds.most, key, value, bounds_of(key));
  }
}

template <class T>
void check_value(const std::string& key, const std::vector<T>& values) {
  if (values.size() > kLongestList)
    throw input_error("{}: a list of {}, expected up to {}", key, values.size(), kLongestList);
  for (const T& value : values) check_value(key, value);
}

// Checks each value separately. `fields` is not const because visitors may write to it.
template <class Fields>
void check_section(const std::string& section, Fields fields) {
  fields.visit([&](const char* key, const auto& field, const char*) { check_value(section + "." + key, field); });
}

void check_augment(const AugmentConfig& a) {
  require(a.flip || !a.alternate_flip, "augment.alternate_flip", a.alternate_flip, "false without augment.flip");
  require(a.label_smoothing < 1, "augment.label_smoothing", a.label_smoothing, "less than 1");
  require(a.shear < 90, "augment.shear", a.shear, "less than 90 degrees");
  require(a.scale < 1, "augment.scale", a.scale, "less than 1");
  require(a.event_drop < 1, "augment.event_drop", a.event_drop, "less than 1");
}

void check_train(const TrainConfig& t, const ModelConfig& m, const NeuronConfig& n) {
  require_one_of("train.precision", t.precision, {"fp32", "bf16"});
  require(t.device == "cpu" || t.device.starts_with("cuda"), "train.device", t.device, "cpu, cuda or cuda:N");
  require(t.warmup_epochs <= t.epochs, "train.warmup_epochs", t.warmup_epochs, "0 to train.epochs");
  require(t.lr > 0, "train.lr", t.lr, "more than 0");
  require_one_of("train.optimizer", t.optimizer, {"adamw", "muon"});
  require(t.momentum < 1, "train.momentum", t.momentum, "less than 1");
  require(t.beta1 < 1, "train.beta1", t.beta1, "less than 1");
  require(t.beta2 < 1, "train.beta2", t.beta2, "less than 1");
  require(t.eps > 0, "train.eps", t.eps, "more than 0");
  require(t.sparse_below >= 0 || t.sparse_below == -1, "train.sparse_below", t.sparse_below,
          "0 (never) or more, or -1 (as is faster)");
  require(t.ema < 1, "train.ema", t.ema, "less than 1");
  require(t.spike_cost > 0 || t.spike_target == 0, "train.spike_cost", t.spike_cost,
          "more than 0 with train.spike_target: the weight that it starts with");
  require(t.spike_cost == 0 || n.kind != "relu", "train.spike_cost", t.spike_cost,
          "0 with neuron.kind = relu, which has no spikes");
  require(t.one_step_epochs == 0 || !m.takes_events(), "train.one_step_epochs", t.one_step_epochs,
          "0 with model.input = events, whose T frames differ");
  const auto over_time = [](const std::string& text) { return text.find("time") != std::string::npos; };
  require(t.one_step_epochs == 0 || !(over_time(m.axes) || std::any_of(m.mixer.begin(), m.mixer.end(), over_time) ||
                                      std::any_of(m.bases.begin(), m.bases.end(), over_time)),
          "train.one_step_epochs", t.one_step_epochs, "0 with a mixer over time, which needs all T steps");
}

}  // namespace

std::string bounds_of(const std::string& key) {
  const Bounds& bounds = find_bounds(key);
  return fmt::format("{} to {}", bounds.least, bounds.most);
}

void validate(const ModelConfig& m, const NeuronConfig& n) {
  check_section("model", m);
  require_one_of("model.input", m.input, {"image", "events"});
  require(m.T * m.height * m.width <= kMostPositions, "model.T x height x width", m.T * m.height * m.width,
          fmt::format("up to {}", kMostPositions));
  require(m.embed_dim % 8 == 0, "model.embed_dim", m.embed_dim, "a multiple of 8: the stem has D/8 channels first");
  const std::vector<int64_t> channels = m.convolutions();
  require(channels.back() == m.embed_dim, "the last of model.stem_channels", channels.back(),
          fmt::format("model.embed_dim = {}", m.embed_dim));
  require_count(m.pool.size() == channels.size(), "model.pool", m.pool.size(), "value",
                fmt::format("{}, one for each convolution of the stem", channels.size()));
  require_one_of("model.stream", m.stream, {"auto", "spike", "membrane", "iand"});
  require_one_of("model.stem", m.stem, {"conv4", "conv2", "conv1"});
  require_count(!m.mixer.empty(), "model.mixer", 0, "value", "one mixer or more");
  require_count(!m.heads.empty(), "model.heads", 0, "value", "one number or more");

  check_section("neuron", n);
  require_one_of("neuron.kind", n.kind, {"lif", "if", "plif", "integer", "relu"});
  require(n.kind != "relu" || m.T == 1, "model.T", m.T, "1 with neuron.kind = relu, which knows no time");
  require_one_of("neuron.reset", n.reset, {"hard", "soft"});
  require_one_of("neuron.surrogate", n.surrogate, {"sigmoid", "arctan", "triangle"});
  require(n.tau > 1, "neuron.tau", n.tau, "more than 1 time step");
  require(n.v_threshold > n.v_reset, "neuron.v_threshold", n.v_threshold, "more than neuron.v_reset");
}

void validate(const Config& config) {
  require_count(!config.name.empty() && config.name.size() <= kLongestName, "name", config.name.size(), "byte",
                fmt::format("1 to {}", kLongestName));
  validate(config.model, config.neuron);
  check_section("data", config.data);
  require_one_of("data.frames", config.data.frames, {"count", "time"});
  require_one_of("data.time_unit", config.data.time_unit, {"", "s", "ms", "us", "ns"});
  require_one_of("data.frame_values", config.data.frame_values, {"sum", "binary"});
  check_section("augment", config.augment);
  check_augment(config.augment);
  check_section("train", config.train);
  check_train(config.train, config.model, config.neuron);
}

std::string doubts(const Config& config) {
  const TrainConfig& t = config.train;
  const ModelConfig &m = config.model, usual;
  if (m.architecture != usual.architecture) {  // keys that only the usual architecture reads
    if (m.depth != usual.depth && m.depths.empty())
      return fmt::format("model.depth = {}: {} does not read it; model.depths has its stages", m.depth, m.architecture);
    for (const auto& [key, set] : {std::pair{"stem", m.stem != usual.stem},
                                   {"patch", m.patch != usual.patch},
                                   {"stem_channels", !m.stem_channels.empty()},
                                   {"pool_before_neuron", m.pool_before_neuron}}) {
      if (set) return fmt::format("model.{}: {} does not read it", key, m.architecture);
    }
  }
  if (t.one_step_epochs < t.epochs || config.model.T == 1) return "";
  const std::string when = t.one_step_epochs >= t.all_epochs() ? "never" : "only in the cooldown";
  return fmt::format("train.one_step_epochs = {}: with train.epochs = {} the model is {} trained on its {} time steps",
                     t.one_step_epochs, t.epochs, when, config.model.T);
}

}  // namespace spikemix
