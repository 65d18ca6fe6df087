// SPDX-License-Identifier: MIT
// Trained models: loading, running in batches and step by step, what their neurons fire, integer weights.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <fnmatch.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "calls.h"
#include "core.h"
#include "spikemix/data/event_input.h"
#include "spikemix/data/resize.h"
#include "spikemix/data/whole_recording.h"
#include "spikemix/engine/calibrate.h"
#include "spikemix/engine/export.h"
#include "spikemix/engine/image_input.h"
#include "spikemix/engine/session.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix::python {
namespace {

using Inputs = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Outputs = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Pictures = nb::ndarray<const uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

/// (name, what it did) of each layer.
using Layers = Tuples<nb::str, nb::ndarray<nb::numpy>>;

/// What the layers of some images did, as observers see it: for each layer [T, images, rows, channels].
class Record {
 public:
  /// @param layers  patterns of those to keep, as a shell's; none: all
  Record(int64_t images, bool potentials, const std::optional<std::vector<std::string>>& layers)
      : images_(images), potentials_(potentials), layers_(layers) {}

  void watch(Session& session) {
    const auto bytes = [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const auto* values) {
      const int64_t stride = (channels + 63) / 64 * 64;
      keep(layer, T, rows, channels, values,
           [&](int64_t row, auto* to) { std::copy_n(values + row * stride, channels, to); });
    };
    const auto potentials = [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels,
                                   const float* values) {
      keep(layer, T, rows, channels, values,
           [&](int64_t row, float* to) { std::copy_n(values + row * channels, channels, to); });
    };
    session.set_observer(
        [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const uint64_t* bits) {
          const int64_t words = (channels + 63) / 64;
          keep(layer, T, rows, channels, static_cast<const uint8_t*>(nullptr), [&](int64_t row, uint8_t* to) {
            for (int64_t c = 0; c < channels; ++c) to[c] = bits[row * words + c / 64] >> (c % 64) & 1;
          });
        },
        potentials_ ? Session::PotentialObserver(potentials) : Session::PotentialObserver(), bytes, bytes);
  }
  void next_image() { ++image_; }

  /// @throws std::bad_alloc; InputError for a pattern that no layer fits
  void check() const {
    if (no_memory_) throw std::bad_alloc();
    if (!layers_ || image_ == 0) return;
    for (const std::string& pattern : *layers_) {
      if (std::ranges::any_of(seen_, [&](const std::string& name) { return fits(pattern, name); })) continue;
      throw input_error("layers: \"{}\" fits none; there are {}", pattern, fmt::join(seen_, ", "));
    }
  }

  /// In the order of the forward pass.
  Layers arrays() {
    nb::list list;
    for (Layer& layer : kept_) {
      const auto add = [&](auto* data) {
        auto shape = {size_t(layer.T), size_t(images_), size_t(layer.rows), size_t(layer.channels)};
        list.append(nb::make_tuple(layer.name, array_of(data, shape)));
      };
      void* const memory = layer.memory.release();
      switch (layer.type) {
        case 'u':
          add(static_cast<uint8_t*>(memory));
          break;
        case 'i':
          add(static_cast<int8_t*>(memory));
          break;
        default:
          add(static_cast<float*>(memory));
          break;
      }
    }
    return list;
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  struct Layer {
    std::string name;
    char type;
    int64_t T, rows, channels;
    std::unique_ptr<void, Free> memory;
  };

  static bool fits(const std::string& pattern, const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  }

  template <class T>
  static constexpr char type_of = std::is_same_v<T, uint8_t>  ? 'u'
                                  : std::is_same_v<T, int8_t> ? 'i'
                                                              : 'f';

  template <class Value, class Copy>
  void keep(const std::string& name, int64_t T, int64_t rows, int64_t channels, const Value*, const Copy& copy_row) {
    if (image_ == 0) seen_.push_back(name);
    if (layers_ && std::ranges::none_of(*layers_, [&](const auto& pattern) { return fits(pattern, name); })) return;
    const auto [place, is_new] = places_.try_emplace(name, kept_.size());
    if (is_new) {
      void* const memory = std::calloc(size_t(T * images_ * rows * channels), sizeof(Value));
      no_memory_ |= !memory;  // told by check(): nothing may be thrown through the session's threads
      kept_.push_back({name, type_of<Value>, T, rows, channels, std::unique_ptr<void, Free>(memory)});
    }
    auto* const values = static_cast<Value*>(kept_[place->second].memory.get());
    if (!values) return;
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t row = 0; row < rows; ++row)
        copy_row(t * rows + row, values + ((t * images_ + image_) * rows + row) * channels);
    }
  }

  const int64_t images_;
  const bool potentials_;
  const std::optional<std::vector<std::string>> layers_;
  int64_t image_ = 0;
  bool no_memory_ = false;
  std::vector<std::string> seen_;
  std::map<std::string, size_t> places_;
  std::vector<Layer> kept_;
};

/// A trained network and as many sessions as threads of Python have used at once: each call has one to itself.
class Model {
 public:
  Model(std::shared_ptr<const Network> network, int64_t threads)
      : network_(std::move(network)),
        threads_(threads > 0 ? threads : std::max<int64_t>(1, std::thread::hardware_concurrency())),
        pool_(new Pool) {
    if (threads < 0) throw input_error("threads = {}: expected 1 or more, or 0 for all cores", threads);
    pool_->idle.push_back(make_session(false));  // what does not fit is said here, not at the first call
    input_size_ = pool_->idle[0]->input_size();
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() { delete pool_; }

  const Network& network() const { return *network_; }
  const ModelCard& card() const { return network_->card; }
  const std::shared_ptr<const Network>& shared_network() const { return network_; }
  int64_t threads() const { return threads_; }
  int64_t input_size() const { return input_size_; }

  std::unique_ptr<Session> make_session(bool streaming) const {
    return std::make_unique<Session>(network_, SessionOptions{.threads = threads_, .streaming = streaming});
  }

  void infer(const Inputs& inputs, const Outputs& logits) {
    const int64_t images = int64_t(inputs.shape(0)), classes = card().model.classes;
    check(inputs, logits);
    unlocked([&] {
      std::unique_ptr<Session> session = take();
      // In parts, so that Ctrl-C is seen: an image's logits are the same bits in any batch.
      constexpr std::chrono::milliseconds kAsk(100);
      auto asked = std::chrono::steady_clock::now();
      const int64_t part = 16 * threads_;
      for (int64_t first = 0; first < images; first += part) {
        session->infer(std::min(part, images - first), inputs.data() + first * input_size_,
                       logits.data() + first * classes);
        if (const auto now = std::chrono::steady_clock::now(); now - asked > kAsk) {
          check_signals();
          asked = std::chrono::steady_clock::now();
        }
      }
      give_back(std::move(session));
    });
  }

  Layers record(const Inputs& inputs, const Outputs& logits, bool potentials,
                const std::optional<std::vector<std::string>>& layers) {
    const int64_t images = int64_t(inputs.shape(0)), classes = card().model.classes;
    check(inputs, logits);
    Record record(images, potentials, layers);
    unlocked([&] {
      std::unique_ptr<Session> session = take();
      record.watch(*session);
      for (int64_t i = 0; i < images; ++i) {
        session->infer(1, inputs.data() + i * input_size_, logits.data() + i * classes);
        record.next_image();
        check_signals();
      }
      session->set_observer({});
      give_back(std::move(session));
      record.check();
    });
    return record.arrays();
  }

  /// In a child process, whose copies of the sessions have no threads and perhaps a lock that nobody will open: they
  /// are left alone, and new ones are made.
  void forget_sessions() { pool_ = new Pool; }

 private:
  struct Pool {
    std::mutex lock;
    std::vector<std::unique_ptr<Session>> idle;
  };

  void check(const Inputs& inputs, const Outputs& logits) const {
    if (int64_t(inputs.shape(1)) != input_size_ || int64_t(logits.shape(1)) != card().model.classes ||
        inputs.shape(0) != logits.shape(0))
      throw nb::value_error("inputs and logits do not fit the model");
  }
  std::unique_ptr<Session> take() {
    {
      const std::lock_guard lock(pool_->lock);
      if (!pool_->idle.empty()) {
        std::unique_ptr<Session> session = std::move(pool_->idle.back());
        pool_->idle.pop_back();
        return session;
      }
    }
    return make_session(false);
  }
  void give_back(std::unique_ptr<Session> session) {
    const std::lock_guard lock(pool_->lock);
    pool_->idle.push_back(std::move(session));
  }

  const std::shared_ptr<const Network> network_;
  const int64_t threads_;
  int64_t input_size_ = 0;
  Pool* pool_;
};

/// One input through time. A lock lets one thread of Python in at a time.
class Stream {
 public:
  explicit Stream(std::shared_ptr<const Model> model)
      : model_(std::move(model)), lock_(new std::mutex), session_(model_->make_session(true)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { delete lock_; }

  void step(const Inputs& input, const Outputs& logits) {
    check(input, logits);
    unlocked([&] {
      const std::lock_guard lock(*lock_);
      session_->step(input.data(), logits.data());
    });
  }
  Layers record(const Inputs& input, const Outputs& logits, bool potentials,
                const std::optional<std::vector<std::string>>& layers) {
    check(input, logits);
    Record record(1, potentials, layers);
    unlocked([&] {
      const std::lock_guard lock(*lock_);
      record.watch(*session_);
      struct StopWatching {
        void operator()(Session* session) const { session->set_observer({}); }
      };
      const std::unique_ptr<Session, StopWatching> after(session_.get());
      session_->step(input.data(), logits.data());
      record.next_image();
      record.check();
    });
    return record.arrays();
  }
  void reset() {
    unlocked([&] {
      const std::lock_guard lock(*lock_);
      session_->reset();
    });
  }
  int64_t steps() {
    return unlocked([&] {
      const std::lock_guard lock(*lock_);
      return session_->steps();
    });
  }
  /// As Model's: the stream of a child process begins at rest.
  void forget_session() {
    lock_ = new std::mutex;
    static_cast<void>(session_.release());
    session_ = model_->make_session(true);
  }

  /// (name, potentials [rows, channels], threshold) of each layer's neurons.
  Tuples<nb::str, nb::ndarray<nb::numpy, float>, double> membranes() {
    struct Copy {
      Membrane of;
      std::vector<float> values;
    };
    std::vector<Copy> copies = unlocked([&] {
      const std::lock_guard lock(*lock_);
      std::vector<Copy> list;
      for (const Membrane& membrane : session_->membranes()) {
        Copy& copy = list.emplace_back(membrane, std::vector<float>(size_t(membrane.rows * membrane.channels)));
        for (int64_t row = 0; row < membrane.rows; ++row)
          std::copy_n(membrane.values + row * membrane.stride, membrane.channels,
                      copy.values.data() + row * membrane.channels);
      }
      return list;
    });
    nb::list list;
    for (Copy& copy : copies) {
      const auto shape = {size_t(copy.of.rows), size_t(copy.of.channels)};
      list.append(nb::make_tuple(copy.of.part, array_of(std::move(copy.values), shape), copy.of.threshold));
    }
    return list;
  }

 private:
  void check(const Inputs& input, const Outputs& logits) const {
    if (input.shape(0) != 1 || int64_t(input.shape(1)) != session_->step_input_size() || logits.shape(0) != 1 ||
        int64_t(logits.shape(1)) != session_->network().card.model.classes)
      throw nb::value_error("input and logits do not fit the model");
  }

  const std::shared_ptr<const Model> model_;
  std::mutex* lock_;
  std::unique_ptr<Session> session_;
};

std::shared_ptr<Model> model_of(std::shared_ptr<const Network> network, Precision asked, int64_t threads) {
  if (asked != Precision::kFp32 && asked != network->precision)
    throw input_error("precision=\"{}\": the model's weights are {} already", name_of(asked),
                      name_of(network->precision));
  return std::make_shared<Model>(std::move(network), threads);
}

std::shared_ptr<Model> load_path(const std::filesystem::path& path, const std::string& precision, int64_t threads) {
  return unlocked([&] {
    const Precision asked = parse_precision(precision);
    return model_of(load_network(model_file_of(path), asked), asked, threads);
  });
}

std::shared_ptr<Model> load_bytes(const Bytes& bytes, const std::string& precision, int64_t threads) {
  return unlocked([&] {
    const auto memory = std::as_bytes(std::span(bytes.data(), bytes.size()));
    const Precision asked = parse_precision(precision);
    return model_of(load_network(memory, "the model in memory", asked), asked, threads);
  });
}

// Pictures [B, H, W, C] of any size, as the model takes them.
void pictures_to_input(const Model& model, const Pictures& pictures, const Outputs& inputs) {
  const ModelConfig& m = model.card().model;
  const int64_t height = int64_t(pictures.shape(1)), width = int64_t(pictures.shape(2)),
                channels = int64_t(pictures.shape(3));
  if (pictures.shape(0) != inputs.shape(0) || int64_t(inputs.shape(1)) != m.channels * m.height * m.width ||
      (channels != 1 && channels != 3) || height < 1 || width < 1)
    throw nb::value_error("pictures and inputs do not fit");
  unlocked([&] {
    check_picture_channels(m.channels);
    const int64_t size = height * width * channels;
    for (size_t i = 0; i < pictures.shape(0); ++i) {
      const uint8_t* pixels = pictures.data() + int64_t(i) * size;
      float* const input = inputs.data() + i * inputs.shape(1);
      if (height == m.height && width == m.width && channels == m.channels) {
        image_to_input(model.card(), pixels, height, width, input);
      } else {
        const Image image = fit({height, width, channels, {pixels, pixels + size}}, m.height, m.width, m.channels);
        image_to_input(model.card(), image.pixels.data(), image.height, image.width, input);
      }
    }
  });
}

// The frames of a recording, as `spikemix predict` makes them. @returns what is to be said of it: events beyond the
// sensor that were left out
std::optional<std::string> recording_to_input(const Model& model, const std::filesystem::path& path,
                                              const Outputs& input) {
  const ModelCard& card = model.card();
  if (input.shape(0) != 1 || int64_t(input.shape(1)) != model.input_size() || !card.model.takes_events())
    throw nb::value_error("recording and input do not fit");
  return unlocked([&]() -> std::optional<std::string> {
    const SeenRecording seen = see_recording(ByteSource::open(path.string()), card, {});
    const FrameOptions frames = frame_options(card.model, card.frames);
    write_frames(integrate(seen.events, frame_sensor(card.frames, seen.info), frames), input.data());
    if (seen.left_out == 0) return {};
    return told_left_out(path.string(), seen.left_out);
  });
}

// The model file with its card in it, whatever folder the card lay in. The card is Model.card's: a file of an older
// version gets the keys that it did not know. @returns the card
std::string save_model(const std::filesystem::path& from, const std::filesystem::path& to) {
  return unlocked([&] {
    const std::filesystem::path file = model_file_of(from);
    const SafeTensors tensors = SafeTensors::open(file);
    std::vector<NamedTensor> list;
    for (const std::string& name : tensors.names()) list.push_back({name, *tensors.find(name)});
    std::map<std::string, std::string> metadata = tensors.metadata();
    metadata["format"] = "pt";
    metadata["spikemix"] = read_model_card(file).to_text();
    write_safetensors(to, list, metadata);
    return metadata["spikemix"];
  });
}

// @returns (layer, share of its spikes or potentials that change) of the calibration
std::vector<std::pair<std::string, double>> write_integers(const std::filesystem::path& from,
                                                           const std::filesystem::path& to,
                                                           const std::string& precision,
                                                           const std::optional<Inputs>& inputs, double tolerance) {
  return unlocked([&] {
    check_model_name(to);
    const Precision integers = parse_precision(precision);
    if (integers == Precision::kFp32) throw input_error("precision=\"fp32\": expected \"int8\" or \"int16\"");
    if (std::error_code none; std::filesystem::equivalent(to, model_file_of(from), none))
      throw input_error("{}: the trained weights are in it; name another file", to.string());
    std::vector<LayerChange> changes;
    if (inputs) {
      const auto exact = load_network(model_file_of(from), Precision::kFp32);
      changes = measure_changes(exact, load_network(model_file_of(from), integers), int64_t(inputs->shape(0)),
                                inputs->data());
    }
    export_model(from, to, integers, wide_layers(changes, tolerance));
    std::vector<std::pair<std::string, double>> shares;
    for (const LayerChange& change : changes) shares.emplace_back(change.layer, change.share());
    return shares;
  });
}

nb::typed<nb::list, nb::typed<nb::list, float>> probabilities(const Inputs& logits) {
  nb::list rows;
  for (size_t i = 0; i < logits.shape(0); ++i)
    rows.append(nb::cast(softmax(std::span(logits.data() + i * logits.shape(1), logits.shape(1)))));
  return rows;
}

}  // namespace

void bind_engine(nb::module_& m) {
  nb::class_<Model>(m, "Model")
      .def("infer", &Model::infer, nb::arg("inputs").noconvert(), nb::arg("logits").noconvert())
      .def("record", &Model::record, nb::arg("inputs").noconvert(), nb::arg("logits").noconvert(),
           nb::arg("potentials"), nb::arg("layers").none())
      .def("forget_sessions", &Model::forget_sessions)
      .def("stream",
           [](std::shared_ptr<const Model> model) {
             return unlocked([&] { return std::make_unique<Stream>(std::move(model)); });
           })
      .def("pictures_to_input", &pictures_to_input, nb::arg("pictures").noconvert(), nb::arg("inputs").noconvert())
      .def("recording_to_input", &recording_to_input, nb::arg("path"), nb::arg("input").noconvert())
      .def_prop_ro("card", [](const Model& model) { return model.card().to_text(); })
      .def_prop_ro("precision", [](const Model& model) { return name_of(model.network().precision); })
      .def_prop_ro("threads", &Model::threads);
  nb::class_<Stream>(m, "Stream")
      .def("step", &Stream::step, nb::arg("input").noconvert(), nb::arg("logits").noconvert())
      .def("record", &Stream::record, nb::arg("input").noconvert(), nb::arg("logits").noconvert(),
           nb::arg("potentials"), nb::arg("layers").none())
      .def("reset", &Stream::reset)
      .def("forget_session", &Stream::forget_session)
      .def("membranes", &Stream::membranes)
      .def_prop_ro("steps", &Stream::steps);
  m.def("load_path", load_path, nb::arg("path"), nb::arg("precision"), nb::arg("threads"));
  m.def("load_bytes", load_bytes, nb::arg("bytes"), nb::arg("precision"), nb::arg("threads"));
  m.def("save_model", save_model, nb::arg("from_file"), nb::arg("to_file"));
  m.def("write_integers", write_integers, nb::arg("from_file"), nb::arg("to_file"), nb::arg("precision"),
        nb::arg("inputs").none(), nb::arg("tolerance"));
  m.def("probabilities", probabilities, nb::arg("logits").noconvert());
}

}  // namespace spikemix::python
