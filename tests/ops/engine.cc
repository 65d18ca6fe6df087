// SPDX-License-Identifier: MIT
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

  // From now on spikes() holds what each layer fired for the last image, int16 [T, rows, channels]. If `instead` has a
  // layer, the layers after it read those spikes instead. For bits and signed spikes.
  void observe(const c10::Dict<std::string, Tensor>& instead) {
    replacements_.clear();
    for (const auto& item : instead) replacements_[item.key()] = item.value().to(torch::kInt16).contiguous();
    const auto bits_of = [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits) {
      const int64_t words = (channels + 63) / 64;
      exchange(
          layer, T, rows, channels, [=](int64_t row, int64_t c) { return bits[row * words + c / 64] >> (c % 64) & 1; },
          [=](int64_t row, int64_t c, int16_t spike) {
            uint64_t& word = bits[row * words + c / 64];
            word = (word & ~(uint64_t{1} << (c % 64))) | uint64_t(spike) << (c % 64);
          });
      // Bits past the last channel must be zero.
      for (int64_t row = 0; row < T * rows && channels % 64; ++row)
        TORCH_CHECK(bits[row * words + words - 1] >> (channels % 64) == 0, layer, ": stray bits");
    };
    const auto signed_of = [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, int8_t* spikes) {
      const int64_t padded = (channels + 63) / 64 * 64;
      exchange(
          layer, T, rows, channels, [=](int64_t row, int64_t c) { return spikes[row * padded + c]; },
          [=](int64_t row, int64_t c, int16_t spike) { spikes[row * padded + c] = int8_t(spike); });
    };
    session_.set_observer(bits_of, {}, {}, signed_of);
  }
  c10::Dict<std::string, Tensor> spikes() { return spikes_; }

 private:
  template <class Get, class Put>
  void exchange(const std::string& layer, int64_t T, int64_t rows, int64_t channels, const Get& get, const Put& put) {
    const Tensor spikes = torch::empty({T, rows, channels}, torch::kInt16);
    int16_t* out = spikes.data_ptr<int16_t>();
    const auto replacement = replacements_.find(layer);
    const bool replaces = replacement != replacements_.end();
    TORCH_CHECK(!replaces || replacement->second.numel() == spikes.numel(), layer, ": wrong size");
    for (int64_t row = 0; row < T * rows; ++row) {
      for (int64_t c = 0; c < channels; ++c) {
        out[row * channels + c] = int16_t(get(row, c));
        if (replaces) put(row, c, replacement->second.data_ptr<int16_t>()[row * channels + c]);
      }
    }
    spikes_.insert_or_assign(layer, spikes);
  }

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
