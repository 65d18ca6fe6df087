#include <cmath>

#include "spikemix/core/error.h"
#include "spikemix/core/model_file.h"
#include "spikemix/engine/check_card.h"
#include "spikemix/engine/network.h"
#include "spikemix/engine/quantize.h"
#include "spikemix/engine/tensor_reader.h"
#include "spikemix/kernels/lif/lif_params.h"

namespace spikemix {
namespace {

constexpr float kBatchNormEps = 1e-5f;

// Batch norm behind a map: z = scale y + shift, all [C].
struct Norm {
  std::vector<float> scale, shift;
};

class Loader {
 public:
  Loader(const TensorReader& tensors, const ModelCard& card, Precision precision)
      : tensors_(tensors), card_(card), precision_(precision) {}

  Network load() {
    Network network;
    network.card = card_;
    network.precision = precision_;
    stem(network);
    for (int64_t b = 0; b < card_.model.depth; ++b) network.blocks.push_back(block(b));
    network.head_weight = tensors_.floats("head.weight");
    network.head_bias = tensors_.floats("head.bias");
    return network;
  }

 private:
  Norm norm(const std::string& name, const std::string& bias_name) const {
    Norm n{tensors_.floats(name + ".weight"), tensors_.floats(name + ".bias")};
    const std::vector<float> mean = tensors_.floats(name + ".running_mean");
    const std::vector<float> variance = tensors_.floats(name + ".running_var");
    const std::vector<float> bias = tensors_.floats_if_there(bias_name);
    for (size_t c = 0; c < mean.size(); ++c) {
      if (variance[c] < 0)
        throw input_error("{}: tensor '{}.running_var' holds {}", tensors_.where(), name, variance[c]);
      n.scale[c] *= 1 / std::sqrt(variance[c] + kBatchNormEps);
      n.shift[c] -= (bias.empty() ? mean[c] : mean[c] - bias[c]) * n.scale[c];
    }
    return n;
  }

  LifParams neuron(const std::string& name, std::optional<double> v_threshold = {}) const {
    LifParams lif = lif_params(card_.neuron, v_threshold);
    if (card_.neuron.kind == "plif") lif.k = 1 / (1 + std::exp(-tensors_.floats(name + ".w")[0]));
    return lif;
  }

  void apply(const Norm& norm, const std::string& name, const std::vector<float>& unit, PackedWeights& packed) const {
    for (size_t o = 0; o < norm.scale.size(); ++o) {
      packed.scale[o] = norm.scale[o] * (unit.empty() ? 1 : unit[o]);
      packed.shift[o] = norm.shift[o];
      // Each value is a number, but their product may not be one.
      if (!std::isfinite(packed.scale[o]) || !std::isfinite(packed.shift[o]))
        throw input_error("{}: the values of '{}.*' at {} make no finite scale and shift", tensors_.where(), name, o);
    }
  }

  // A tensor [out, in] or [out, C, 3, 3] with its inputs in the order in which the lists name them.
  template <class T>
  static std::vector<T> in_list_order(std::vector<T> weights, int64_t out, int64_t in, bool conv) {
    if (!conv) return weights;
    const int64_t C = in / 9;
    std::vector<T> ordered(weights.size());
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t c = 0; c < C; ++c) {
        for (int64_t k = 0; k < 9; ++k) ordered[size_t(o * in + k * C + c)] = weights[size_t((o * C + c) * 9 + k)];
      }
    }
    return ordered;
  }

  PackedWeights pack(const QuantizedWeights& q, const std::string& name, int64_t max_input) const {
    WeightType type = q.type;
    // Without the proof that int16 sums cannot overflow: 32 bits.
    if (type == WeightType::kU8 && first_overflow(q.out, q.in, q.values.data(), max_input) >= 0)
      type = WeightType::kU16;
    int64_t largest = 0;
    for (const int16_t v : q.values) largest = std::max<int64_t>(largest, std::abs(v));
    if (largest * q.in * max_input > INT32_MAX)
      throw input_error("{}: tensor '{}': its sums may leave 32 bits", tensors_.where(), name);
    return pack_weights(type, q.out, q.in, q.values.data());
  }

  // weight_prefix: "block.0.mlp.fc1_linear"; its bias lies beside its weight, if there is one
  SpikingMap map(const std::string& layer, const std::string& weight_prefix, const std::string& norm_prefix,
                 const std::string& lif, int64_t out, int64_t in, bool conv, bool real_input = false) {
    const std::string weight = weight_prefix + ".weight";
    const int64_t max_input = largest_input(weight);
    SpikingMap m{.name = layer, .weights = {}, .lif = neuron(lif)};
    const Norm n = norm(norm_prefix, weight_prefix + ".bias");
    std::vector<float> unit;
    if (tensors_.is_quantized(weight)) {
      if (real_input)
        throw input_error("{}: tensor '{}' is integer; the first convolution's stay real", tensors_.where(), weight);
      QuantizedWeights q{tensors_.integer_bits(weight) == 8 ? WeightType::kU8 : WeightType::kU16, out, in,
                         in_list_order(tensors_.integers(weight), out, in, conv), tensors_.floats(unit_name(weight))};
      m.weights = pack(q, weight, max_input);
      unit = std::move(q.unit);
    } else {
      const std::vector<float> w = in_list_order(tensors_.floats(weight), out, in, conv);
      if (precision_ == Precision::kFp32 || real_input) {
        m.weights = pack_weights(out, in, w.data());
      } else {
        QuantizedWeights q = quantize(precision_, out, in, w.data(), max_input);
        m.weights = pack(q, weight, max_input);
        unit = std::move(q.unit);
      }
    }
    apply(n, norm_prefix, unit, m.weights);
    return m;
  }

  void stem(Network& network) {
    const ModelConfig& m = card_.model;
    const int64_t D = m.embed_dim, channels[] = {m.channels, D / 8, D / 4, D / 2, D};
    int64_t height = m.height, width = m.width;
    for (size_t i = 0; i < 4; ++i) {
      const std::string number = i == 0 ? "" : std::to_string(i), name = "patch_embed.proj";
      network.stem.push_back({map(name + "_conv" + number, name + "_conv" + number, name + "_bn" + number,
                                  name + "_lif" + number, channels[i + 1], 9 * channels[i], true, i == 0),
                              height, width, channels[i], m.pool[i] != 0});
      if (m.pool[i]) height = (height + 1) / 2, width = (width + 1) / 2;
    }
    network.relative_position = map("patch_embed.rpe_conv", "patch_embed.rpe_conv", "patch_embed.rpe_bn",
                                    "patch_embed.rpe_lif", D, 9 * D, true);
  }

  SpikingMap dense(const std::string& prefix, const std::string& part, int64_t out, int64_t in) {
    const std::string name = prefix + part, kind = card_.model.input == "events" ? "_conv" : "_linear";
    return map(name, name + kind, name + "_bn", name + "_lif", out, in, false);
  }

  NetworkBlock block(int64_t index) {
    const ModelConfig& m = card_.model;
    const int64_t D = m.embed_dim, hidden = D * m.mlp_ratio;
    const std::string prefix = "block." + std::to_string(index) + ".", attn = prefix + "attn.";
    NetworkBlock b;
    b.max_input = largest_count(index);
    const MixerSpec spec = mixer_spec(m, index);
    if (spec.entry->make) {
      b.mixing = std::make_unique<MixingLayer>();
      b.mixing->name = prefix + "attn";
      b.mixing->mixer = spec.entry->make(mixer_shape(m), spec.options);
      b.mixing->coefficients = tensors_.floats_if_there(attn + "coeff");
      b.mixing->norm = no_weights(D);
      apply(norm(attn + "bn", ""), attn + "bn", {}, b.mixing->norm);
      b.mixing->lif = neuron(attn + "lif");
    } else {
      b.attention = std::make_unique<AttentionLayer>();
      AttentionLayer& a = *b.attention;
      a.name = attn + "attn";
      a.q = dense(attn, "q", D, D);
      a.k = dense(attn, "k", D, D);
      a.v = dense(attn, "v", D, D);
      a.projection = dense(attn, "proj", D, D);
      a.norm = no_weights(D);
      std::fill_n(a.norm.scale.begin(), D, float(m.ssa_scale));
      a.lif = neuron(attn + "attn_lif", 0.5);
      a.heads = m.heads;
    }
    b.fc1 = dense(prefix + "mlp.", "fc1", hidden, D);
    b.fc2 = dense(prefix + "mlp.", "fc2", D, hidden);
    return b;
  }

  const TensorReader& tensors_;
  const ModelCard& card_;
  const Precision precision_;
};

// What the integers in an exported file are; `trained` if there are none.
Precision precision_of(const SafeTensors& file, Precision trained) {
  for (const std::string& name : file.names()) {
    if (!name.ends_with(".weight_unit")) continue;
    const TensorView* weight = file.find(name.substr(0, name.size() - 5));
    if (weight && weight->dtype == DType::I8) return Precision::kInt8;
    if (weight && weight->dtype == DType::I16) return Precision::kInt16;
  }
  return trained;
}

std::shared_ptr<const Network> load(const SafeTensors& tensors, const std::string& config_text,
                                    const std::string& where, Precision precision) {
  const ModelCard card = ModelCard::from_text(config_text, where);
  check_card(card, where);
  const TensorReader reader(where, tensors, card);
  return std::make_shared<const Network>(Loader(reader, card, precision_of(tensors, precision)).load());
}

}  // namespace

std::shared_ptr<const Network> load_network(const std::filesystem::path& path, Precision precision) {
  const std::filesystem::path file = model_file_of(path);
  const SafeTensors tensors = SafeTensors::open(file);
  return load(tensors, model_config_text(tensors, file), file.string(), precision);
}

std::shared_ptr<const Network> load_network(std::span<const std::byte> bytes, const std::string& where,
                                            Precision precision) {
  const SafeTensors tensors = SafeTensors::parse(bytes, where);
  // Not model_config_text(): bytes have no folder in which a config.json could lie.
  const auto config = tensors.metadata().find("spikemix");
  if (config == tensors.metadata().end())
    throw input_error("{}: no 'spikemix' in its metadata: the model's config is missing", where);
  return load(tensors, config->second, where, precision);
}

}  // namespace spikemix
