#include "spikemix/mixers/tensor_list.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "spikemix/mixers/mixer.h"

namespace spikemix {
namespace {

class Lister {
 public:
  Lister(const ModelConfig& model, const NeuronConfig& neuron) : m_(model), plif_(neuron.kind == "plif") {}

  std::vector<TensorSpec> list() {
    stem();
    for (int64_t block = 0; block < m_.depth; ++block) {
      mixer(block);
      const std::string mlp = fmt::format("block.{}.mlp.", block);
      dense(mlp, "fc1", m_.embed_dim, m_.mlp_ratio * m_.embed_dim, true);
      dense(mlp, "fc2", m_.mlp_ratio * m_.embed_dim, m_.embed_dim, true);
    }
    add("head.weight", {m_.classes, m_.embed_dim}, true, double(m_.classes * m_.embed_dim) / double(m_.T));
    add("head.bias", {m_.classes});
    return std::move(tensors_);
  }

 private:
  void add(std::string name, std::vector<int64_t> shape, bool learned = true, double macs = 0) {
    tensors_.push_back({std::move(name), std::move(shape), learned, macs});
  }

  void norm(const std::string& name, int64_t channels) {
    add(name + ".weight", {channels});
    add(name + ".bias", {channels});
    add(name + ".running_mean", {channels}, false);
    add(name + ".running_var", {channels}, false);
    add(name + ".num_batches_tracked", {}, false);
  }

  void neuron(const std::string& name) {
    if (plif_) add(name + ".w", {});
  }

  void stem() {
    const int64_t D = m_.embed_dim, channels[] = {m_.channels, D / 8, D / 4, D / 2, D};
    int64_t height = m_.height, width = m_.width;
    const auto conv = [&](const std::string& kind, const std::string& index, int64_t in, int64_t out) {
      add(fmt::format("patch_embed.{}_conv{}.weight", kind, index), {out, in, 3, 3}, true,
          double(height * width * 9 * in * out));
      norm(fmt::format("patch_embed.{}_bn{}", kind, index), out);
      neuron(fmt::format("patch_embed.{}_lif{}", kind, index));
    };
    for (size_t i = 0; i < 4; ++i) {
      conv("proj", i == 0 ? "" : std::to_string(i), channels[i], channels[i + 1]);
      if (m_.pool[i]) height = (height + 1) / 2, width = (width + 1) / 2;
    }
    conv("rpe", "", D, D);
  }

  // A linear layer over the embedding, its batch norm and its neuron. Event models keep it as a convolution of size 1.
  void dense(const std::string& prefix, const std::string& name, int64_t in, int64_t out, bool bias) {
    const bool events = m_.input == "events";
    const std::string layer = prefix + name + (events ? "_conv" : "_linear");
    std::vector<int64_t> shape = {out, in};
    if (events) shape.push_back(1);
    add(layer + ".weight", shape, true, double(m_.tokens() * in * out));
    if (bias) add(layer + ".bias", {out});
    norm(prefix + name + "_bn", out);
    neuron(prefix + name + "_lif");
  }

  void mixer(int64_t block) {
    const std::string attn = fmt::format("block.{}.attn.", block);
    const MixerSpec spec = mixer_spec(m_, block);
    if (spec.entry->make == nullptr) {
      const bool bias = m_.input == "image";
      for (const char* name : {"q", "k", "v"}) dense(attn, name, m_.embed_dim, m_.embed_dim, bias);
      neuron(attn + "attn_lif");
      dense(attn, "proj", m_.embed_dim, m_.embed_dim, true);
      return;
    }
    const auto transform = spec.entry->make(mixer_shape(m_), spec.options);
    if (transform->coefficients() > 0) add(attn + "coeff", {transform->coefficients()});
    norm(attn + "bn", m_.embed_dim);
    neuron(attn + "lif");
  }

  const ModelConfig& m_;
  const bool plif_;
  std::vector<TensorSpec> tensors_;
};

}  // namespace

int64_t TensorSpec::values() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

std::vector<TensorSpec> tensor_list(const ModelConfig& model, const NeuronConfig& neuron) {
  return Lister(model, neuron).list();
}

bool is_published_but_unused(const std::string& name) {
  if (name == "pos_embed") return true;
  // (block.N.norm1 | block.N.norm2 | norm) . (weight | bias), N digits. Not std::regex: it recurses, and a name as long
  // as a file's header may be would overflow the stack.
  std::string_view rest = name;
  if (rest.starts_with("block.")) {
    rest.remove_prefix(6);
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(digits);
    if (digits == 0 || !(rest.starts_with(".norm1.") || rest.starts_with(".norm2."))) return false;
    rest.remove_prefix(7);
  } else if (rest.starts_with("norm.")) {
    rest.remove_prefix(5);
  } else {
    return false;
  }
  return rest == "weight" || rest == "bias";
}

int64_t learned_values(const std::vector<TensorSpec>& tensors) {
  int64_t n = 0;
  for (const TensorSpec& tensor : tensors) n += tensor.learned ? tensor.values() : 0;
  return n;
}

}  // namespace spikemix
