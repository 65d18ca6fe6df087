#include <map>

#include <torch/custom_class.h>
#include <torch/library.h>

#include "spikemix/engine/session.h"

namespace {

using torch::Tensor;

// torch.classes.spikemix_test.Engine(model file, precision, threads, streaming)
class Engine : public torch::CustomClassHolder {
 public:
  Engine(const std::string& file, const std::string& precision, int64_t threads, bool streaming)
      : session_(spikemix::load_network(file, spikemix::parse_precision(precision)),
                 {.threads = threads, .streaming = streaming}) {}

  Tensor infer(const Tensor& x) {
    TORCH_CHECK(x.numel() == x.size(0) * session_.input_size(), "wrong input size");
    const Tensor input = x.contiguous(), logits = torch::empty({x.size(0), classes()});
    session_.infer(x.size(0), input.data_ptr<float>(), logits.data_ptr<float>());
    return logits;
  }
  Tensor step(const Tensor& x) {
    TORCH_CHECK(x.numel() == session_.step_input_size(), "wrong input size");
    const Tensor input = x.contiguous(), logits = torch::empty({classes()});
    session_.step(input.data_ptr<float>(), logits.data_ptr<float>());
    return logits;
  }
  void reset() { session_.reset(); }

  // From now on spikes() holds what each layer fired for the last image, uint8 [T, rows, channels]; and where `instead`
  // names a layer, the layers behind it are fed with those.
  void observe(const c10::Dict<std::string, Tensor>& instead) {
    replacements_.clear();
    for (const auto& item : instead) replacements_[item.key()] = item.value().to(torch::kUInt8).contiguous();
    session_.set_observer([this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits) {
      const Tensor spikes = torch::empty({T, rows, channels}, torch::kUInt8);
      uint8_t* out = spikes.data_ptr<uint8_t>();
      const int64_t words = (channels + 63) / 64;
      const auto replacement = replacements_.find(layer);
      if (replacement != replacements_.end())
        TORCH_CHECK(replacement->second.numel() == spikes.numel(), layer, ": wrong size");
      for (int64_t row = 0; row < T * rows; ++row) {
        for (int64_t c = 0; c < channels; ++c) {
          uint64_t& word = bits[row * words + c / 64];
          out[row * channels + c] = uint8_t(word >> (c % 64) & 1);
          if (replacement == replacements_.end()) continue;
          const uint64_t bit = replacement->second.data_ptr<uint8_t>()[row * channels + c];
          word = (word & ~(uint64_t{1} << (c % 64))) | bit << (c % 64);
        }
        // Nothing may stand behind the last channel.
        if (channels % 64) TORCH_CHECK(bits[row * words + words - 1] >> (channels % 64) == 0, layer, ": stray bits");
      }
      spikes_.insert_or_assign(layer, spikes);
    });
  }
  c10::Dict<std::string, Tensor> spikes() { return spikes_; }

 private:
  int64_t classes() const { return session_.network().card.model.classes; }

  spikemix::Session session_;
  std::map<std::string, Tensor> replacements_;
  c10::Dict<std::string, Tensor> spikes_;
};

}  // namespace

TORCH_LIBRARY_FRAGMENT(spikemix_test, library) {
  library.class_<Engine>("Engine")
      .def(torch::init<std::string, std::string, int64_t, bool>())
      .def("infer", &Engine::infer)
      .def("step", &Engine::step)
      .def("reset", &Engine::reset)
      .def("observe", &Engine::observe)
      .def("spikes", &Engine::spikes);
}
