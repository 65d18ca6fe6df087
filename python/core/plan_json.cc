// SPDX-License-Identifier: MIT
#include "plan_json.h"

#include <array>
#include <string>

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/config/config_json.h"
#include "spikemix/config/validate.h"
#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/mixers/add_mixer.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/model/model.h"
#include "spikemix/plan/branch.h"
#include "spikemix/plan/tensors.h"

namespace spikemix::python {
namespace {

using nlohmann::json;

constexpr std::array kMaps = {"none",  "convolution", "linear",  "transform",
                              "gated", "attention",   "maxpool", "token_mean"};
constexpr std::array kAttentions = {"ssa", "qk-token", "qk-channel", "sdsa1"};
constexpr std::array kMerges = {"none", "add", "iand"};
constexpr std::array kSurrogates = {"sigmoid", "arctan", "triangle", "window"};

json to_json(const LifParams& p) {
  return {{"k", double(p.k)},
          {"leak", double(p.leak)},
          {"v_threshold", double(p.v_threshold)},
          {"v_negative", double(p.v_negative)},
          {"v_reset", double(p.v_reset)},
          {"hard_reset", p.hard_reset},
          {"detach_reset", p.detach_reset},
          {"surrogate", kSurrogates[size_t(p.surrogate)]},
          {"alpha", double(p.alpha)},
          {"levels", p.levels}};
}

json to_json(const ValuePlan& value) {
  json range;
  if (!value.range.is_real()) range = {value.range.smallest(), value.range.largest()};
  return {{"height", value.height}, {"width", value.width}, {"channels", value.channels},
          {"parts", value.parts},   {"still", value.still}, {"range", range}};
}

json to_json(const Plan& plan, const LayerPlan& layer) {
  json parts = json::array();
  for (const LayerPart& part : layer.parts) {
    parts.push_back({{"name", part.name},
                     {"weight", part.tensors.weight},
                     {"bias", part.tensors.bias},
                     {"norm", part.tensors.norm},
                     {"neuron", part.tensors.neuron},
                     {"frozen", part.frozen}});
  }
  json neuron;
  if (layer.neurons && layer.signed_neurons) neuron = to_json(signed_lif_params(plan.neuron));
  if (layer.neurons && !layer.signed_neurons) neuron = to_json(lif_params(plan.neuron, layer.v_threshold));
  return {{"name", layer.name},
          {"parts", parts},
          {"map", kMaps[size_t(layer.map)]},
          {"weight_shape", layer.weight_shape},
          {"kernel", layer.window.kernel},
          {"stride", layer.window.stride},
          {"padding", layer.window.padding},
          {"depthwise", layer.window.depthwise},
          {"groups", layer.groups},
          {"shares_weight", layer.shares_weight},
          {"transform", layer.transform},
          {"coefficients", layer.coefficients},
          {"coefficient_count", layer.coefficient_count},
          {"gate", layer.gate},
          {"gate_shape", layer.gate_shape},
          {"mixes_time", layer.mixes_time},
          {"attention", kAttentions[size_t(layer.attention)]},
          {"heads", layer.heads},
          {"scale", layer.scale},
          {"position", layer.position},
          {"neurons", neuron},
          {"learns_tau", layer.learns_tau(plan.neuron)},
          {"reads", layer.reads},
          {"merges", layer.merges},
          {"merge", kMerges[size_t(layer.merge)]},
          {"writes", layer.writes}};
}

json to_json(const Plan& plan) {
  json values = json::array(), layers = json::array();
  for (const ValuePlan& value : plan.values) values.push_back(to_json(value));
  for (const LayerPlan& layer : plan.layers) layers.push_back(to_json(plan, layer));
  return {{"architecture", plan.architecture},
          {"T", plan.T},
          {"classes", plan.classes},
          {"values", values},
          {"layers", layers},
          {"features", plan.features},
          {"head_weight", plan.head_weight},
          {"head_bias", plan.head_bias}};
}

Config config_of(const json& sections, const std::string& where) {
  json wanted = json::object();
  for (const char* section : {"model", "neuron"}) {
    if (sections.contains(section)) wanted[section] = sections[section];
  }
  return config_from_json(wanted, where);
}

}  // namespace

std::string plan_json(const std::string& text) {
  const Config config = config_of(parse_json(text, "config:"), "config");
  if (config.model.classes < 1) throw input_error("model.classes = {}: expected 1 or more", config.model.classes);
  const json all = to_json(config);
  return json_text(json{{"config", {{"model", all["model"]}, {"neuron", all["neuron"]}}},
                        {"plan", to_json(make_plan(config.model, config.neuron))}});
}

std::string mixer_plan_json(const std::string& text) {
  const json request = parse_json(text, "mixer:");
  Config config = config_of(request, "mixer");
  ModelConfig& model = config.model;
  model.input = "events", model.T = request.at("T"), model.embed_dim = model.channels = request.at("dim");
  model.height = request.at("height"), model.width = request.at("width");
  if (model.T < 1 || model.channels < 1 || model.height < 1 || model.width < 1) {
    throw input_error("mixer of {} x {} tokens, dim {}, T {}: expected 1 or more of each", model.height, model.width,
                      model.channels, model.T);
  }
  validate(ModelConfig(), config.neuron);
  const MixerOptions defaults{.wavelet = model.wavelet,
                              .axes = model.axes,
                              .levels = model.levels,
                              .bases = model.bases,
                              .heads = model.heads.at(0),
                              .scale = model.ssa_scale};
  const MixerSpec spec = parse_mixer_spec(request.at("mixer").get<std::string>(), defaults);
  if (!spec.options.branch || !spec.options.residual)
    throw input_error(
        "mixer '{}': branch=false and residual=false say how a block joins a mixer; Mixer is the branch "
        "alone, Transform the map alone",
        spec.text);
  BlockStyle style;
  style.stream = request.at("stream") == "membrane" ? Stream::kMembrane : Stream::kSpike;
  PlanBuilder plan(model, config.neuron);
  plan.begin_segment("mixer");
  // In a spike stream a mixer reads counts; the neurons that produce them are only a placeholder, and are removed.
  const int64_t x = style.neurons_first() ? plan.input() : plan.neurons(plan.input(), "input", "input");
  const int64_t y = add_mixer(plan, style, x, "", spec);
  Plan made = std::move(plan).finish(y, "head");
  made.layers.back().merges = -1, made.layers.back().merge = Merge::kNone;  // only the branch
  return json_text(to_json(made));
}

std::string neuron_json_of_config(const std::string& text, std::optional<double> v_threshold) {
  const Config config = config_of(json{{"neuron", parse_json(text, "neuron:")}}, "neuron");
  validate(config.model, config.neuron);
  return json_text(to_json(lif_params(config.neuron, v_threshold)));
}

LifParams neuron_from_json(const std::string& text) {
  const json all = parse_json(text, "neuron:");
  LifParams p;
  try {
    p.k = all.at("k"), p.leak = all.at("leak"), p.alpha = all.at("alpha"), p.levels = all.at("levels");
    p.v_threshold = all.at("v_threshold"), p.v_negative = all.at("v_negative"), p.v_reset = all.at("v_reset");
    p.hard_reset = all.at("hard_reset"), p.detach_reset = all.at("detach_reset");
    const std::string surrogate = all.at("surrogate");
    for (size_t i = 0; i < kSurrogates.size(); ++i) {
      if (surrogate == kSurrogates[i]) p.surrogate = Surrogate(i);
    }
  } catch (const json::exception&) {
    throw input_error("neuron '{}': expected what spikemix._core.neuron_json() writes", text);
  }
  return p;
}

}  // namespace spikemix::python
