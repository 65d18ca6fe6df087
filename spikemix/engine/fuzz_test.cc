// SPDX-License-Identifier: MIT
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "spikemix/engine/export.h"
#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"
#include "spikemix/mixers/mixer.h"

// Damaged and hostile model files: each is refused with an InputError or runs, and none needs memory beyond its size.
// SPIKEMIX_FUZZ_ROUNDS sets the number of mutations of each base file (default: a few, for CI), SPIKEMIX_FUZZ_FIRST the
// number of the first.
namespace spikemix {
namespace {

using OrderedJson = nlohmann::ordered_json;

int64_t from_environment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::atoll(value) : otherwise;
}

// A model file in parts that a mutation can reach.
struct Parts {
  OrderedJson header, config;
  std::string data;

  static Parts of(const std::string& file) {
    uint64_t size = 0;
    std::memcpy(&size, file.data(), 8);
    Parts parts{OrderedJson::parse(file.substr(8, size)), {}, file.substr(8 + size)};
    parts.config = OrderedJson::parse(parts.header["__metadata__"]["spikemix"].get<std::string>());
    return parts;
  }
  std::string file() const {
    OrderedJson all = header;
    if (all.contains("__metadata__")) all["__metadata__"]["spikemix"] = config.dump();
    const std::string text = all.dump();
    const uint64_t size = text.size();
    return std::string(reinterpret_cast<const char*>(&size), 8) + text + data;
  }
};

class Mutator {
 public:
  explicit Mutator(Rng& rng) : rng_(rng) {}

  std::string operator()(const Parts& base, const std::string& file) {
    if (rng_.coin(0.25)) return bytes(file);
    Parts parts = base;
    for (uint64_t n = 1 + rng_.below(2); n > 0; --n) {
      switch (rng_.below(5)) {
        case 0:
        case 1:
          config(parts);
          break;
        case 2:
          entry(parts);
          break;
        case 3:
          list(parts);
          break;
        default:
          values(parts);
          break;
      }
    }
    return rng_.coin(0.05) ? bytes(parts.file()) : parts.file();
  }

 private:
  template <class List>
  auto pick(const List& list) {
    return list[size_t(rng_.below(std::size(list)))];
  }

  std::string bytes(std::string file) {
    for (uint64_t n = 1 + rng_.below(4); n > 0; --n) {
      const size_t where = rng_.below(rng_.coin() ? std::min<size_t>(4096, file.size()) : file.size());
      constexpr char kNasty[] = {0, 1, 0x7F, char(0x80), char(0xFF), '9', '-', '"', '[', '}', 'e'};
      file[where] = rng_.coin() ? pick(kNasty) : char(rng_.bits());
    }
    if (rng_.coin(0.1)) file.resize(rng_.below(file.size()));
    if (rng_.coin(0.1)) file.insert(rng_.below(file.size() + 1), rng_.below(9), '\xff');
    return file;
  }

  OrderedJson nasty_number() {
    constexpr double kNumbers[] = {0,    1,     2,    3,     4,          5,     7,    8,     16,    24,
                                   31,   64,    126,  127,   255,        256,   257,  1000,  1024,  1025,
                                   4096, 65535, -1,   65536, 2147483647, 4e9,   -8,   9e15,  1e18,  -9e15,
                                   0.5,  -0.5,  1e-9, 1e38,  -1e38,      1e300, 1e30, 0.999, 1.001, 1e-300};
    const double number = pick(kNumbers);
    if (std::abs(number) < 1e16 && number == std::floor(number)) return OrderedJson(int64_t(number));
    return OrderedJson(number);
  }

  OrderedJson nasty_value() {
    constexpr const char* kTexts[] = {"",
                                      "ssa",
                                      "ssa:heads=0",
                                      "ssa:heads=3",
                                      "fft2d",
                                      "fft2d:axes=time",
                                      "fft2d:axes=time,height,width,embed",
                                      "fft1d:axes=tokens,tokens",
                                      "fft1d:axes=,",
                                      "fft1d:inverse=true",
                                      "wt1d:levels=99999999999999999999",
                                      "wt1d:levels=62",
                                      "wt1d:levels=1:wavelet=db38",
                                      "wt2d:wavelet=rbio6.8:axes=height,width",
                                      "wt1d:axes=time",
                                      "hadamard:axes=time",
                                      "hadamard",
                                      "dct:axes=embed",
                                      "hartley:axes=time,tokens",
                                      "dwt-c:bases=haar",
                                      "dwt-c:bases=fft,haar",
                                      "fwt-c:bases=fft",
                                      "fwt-c:bases=haar,haar",
                                      "fwt-c",
                                      "identity",
                                      "identity:axes=time",
                                      "identity:branch=false",
                                      "maxpool3",
                                      "avgpool3:residual=false",
                                      "dwc7",
                                      "qk-channel",
                                      "membrane",
                                      "iand",
                                      "conv1",
                                      "maxformer",
                                      "qkformer",
                                      ":::",
                                      "events",
                                      "image",
                                      "if",
                                      "plif",
                                      "soft",
                                      "hard",
                                      "height,width",
                                      "db2",
                                      "\n\x01",
                                      "time"};
    switch (rng_.below(6)) {
      case 0:
        return OrderedJson(pick(kTexts));
      case 1: {
        OrderedJson items = OrderedJson::array();
        for (uint64_t n = rng_.below(5); n > 0; --n)
          items.push_back(rng_.coin() ? OrderedJson(pick(kTexts)) : nasty_number());
        return items;
      }
      case 2:
        return rng_.coin()   ? OrderedJson(rng_.coin())
               : rng_.coin() ? OrderedJson()
                             : OrderedJson{{"a", OrderedJson{{"b", 1}}}};
      default:
        return nasty_number();
    }
  }

  // A key of the config, or of a section of it.
  void config(Parts& parts) {
    OrderedJson* object = &parts.config;
    if (!object->is_object() || object->empty()) return;
    if (rng_.coin(0.8)) {
      OrderedJson& section = (*object)[rng_.coin(0.8) ? "model" : "neuron"];
      if (section.is_object() && !section.empty()) object = &section;
    }
    const auto at = std::next(object->begin(), std::ptrdiff_t(rng_.below(object->size())));
    const std::string key = at.key();
    if (rng_.coin(0.05)) {
      object->erase(key);
    } else if (key == "mixer") {
      for (OrderedJson value = nasty_value();; value = nasty_value()) {
        if (!value.is_string() && rng_.coin(0.9)) continue;
        (*object)[key] = value;
        break;
      }
    } else {
      (*object)[key] = nasty_value();
    }
  }

  OrderedJson& random_tensor(Parts& parts) {
    auto at = std::next(parts.header.begin(), std::ptrdiff_t(rng_.below(parts.header.size())));
    if (at.key() == "__metadata__") at = std::prev(parts.header.end());
    return at.value();
  }

  // A tensor's type, shape or place.
  void entry(Parts& parts) {
    if (parts.header.empty()) return;
    OrderedJson& tensor = random_tensor(parts);
    if (!tensor.is_object() || !tensor.contains("shape")) return;
    constexpr const char* kTypes[] = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8"};
    OrderedJson& shape = tensor["shape"];
    switch (rng_.below(5)) {
      case 0:
        tensor["dtype"] = pick(kTypes);
        break;
      case 1:
        if (shape.is_array() && !shape.empty()) shape[rng_.below(shape.size())] = nasty_number();
        break;
      case 2:
        tensor["data_offsets"][rng_.below(2)] = nasty_number();
        break;
      case 3:  // another shape with as many values
        if (shape.is_array() && shape.size() == 2) std::swap(shape[0], shape[1]);
        break;
      default:  // another type with as many bytes: the sizes agree, the type is wrong
        retype(tensor);
        break;
    }
  }
  static void retype(OrderedJson& tensor) {
    OrderedJson& shape = tensor["shape"];
    if (tensor["dtype"] == "I8")
      tensor["dtype"] = "U8";
    else if (tensor["dtype"] == "I16")
      tensor["dtype"] = "BF16";
    else if (tensor["dtype"] == "F32" && shape.is_array() && !shape.empty() && shape[0].is_number_integer())
      tensor["dtype"] = "I8", shape[0] = shape[0].get<int64_t>() * 4;
  }

  // Tensors that disappear, appear twice, or change names or places.
  void list(Parts& parts) {
    std::vector<std::string> names;
    for (const auto& [name, value] : parts.header.items()) {
      if (name != "__metadata__") names.push_back(name);
    }
    if (names.empty()) return;
    const std::string a = pick(names), b = pick(names);
    switch (rng_.below(4)) {
      case 0:
        parts.header.erase(a);
        break;
      case 1:
        parts.header[a + "_unit"] = parts.header[b];
        break;
      case 2:
        std::swap(parts.header[a], parts.header[b]);
        break;
      default:
        parts.header["pos_embed"] = parts.header[a];
        parts.header.erase(a);
        break;
    }
  }

  // Weights, norms and units that are NaN, infinite or absurd.
  void values(Parts& parts) {
    if (parts.data.size() < 16) return;
    constexpr float kFloats[] = {
        0, -0.0f, 1e12f, -1e12f, 3.4e38f, 1e-45f, 1e-38f, 1e6f, -1e6f, INFINITY, -INFINITY, __builtin_nanf(""), -1, 1};
    for (uint64_t n = 1 + rng_.below(20); n > 0; --n) {
      const size_t at = rng_.below(parts.data.size() / 8) * 8;
      if (rng_.coin()) {
        const float value = rng_.coin(0.9) ? kFloats[rng_.below(9)] : pick(kFloats);
        std::memcpy(parts.data.data() + at, &value, 4);
      } else {
        std::fill_n(parts.data.begin() + std::ptrdiff_t(at), rng_.below(9), rng_.coin() ? '\x80' : '\x4f');
      }
    }
  }

  Rng& rng_;
};

class EngineFuzzTest : public EngineTest {
 protected:
  static constexpr int64_t kMaxImageBytes = 4 << 20;

  // Returns whether the file was accepted.
  static bool load_and_run(const std::string& file, Precision precision) {
    const NewWatch watch;
    std::shared_ptr<const Network> network;
    try {
      network = load_network(std::as_bytes(std::span(file)), "mutated", precision);
    } catch (const InputError& error) {
      EXPECT_STRNE(error.what(), "");
      EXPECT_LE(watch.peak_bytes(), most_bytes(file)) << error.what();
      return false;
    }
    EXPECT_LE(watch.peak_bytes(), most_bytes(file)) << network->card.to_text();
    try {
      run(network);
    } catch (const InputError&) {  // too large an image, or a mixer over time
      return false;
    }
    return true;
  }
  // JSON takes tens of bytes for each byte of text; a mixer's tables grow with the tokens, at most 65,536 of them.
  static int64_t most_bytes(const std::string& file) { return 16 * int64_t(file.size()) + (int64_t{24} << 20); }

  static void run(const std::shared_ptr<const Network>& network) {
    const int64_t classes = network->card.model.classes, T = network->card.model.T;
    Session session(network, {.max_image_bytes = kMaxImageBytes});
    const std::vector<float> x = inputs(1, session.input_size());
    std::vector<float> whole(static_cast<size_t>(classes)), stepped(static_cast<size_t>(classes));
    {
      const NewWatch watch;
      session.infer(1, x.data(), whole.data());
      EXPECT_EQ(watch.calls(), 0);
    }
    for (const float logit : whole) EXPECT_FALSE(std::isnan(logit));

    Session streaming(network, {.threads = 2, .streaming = true, .max_image_bytes = 4 * kMaxImageBytes});
    const bool events = network->card.model.input == "events";
    for (int64_t t = 0; t < T; ++t)
      streaming.step(x.data() + (events ? t * session.step_input_size() : 0), stepped.data());
    EXPECT_EQ(std::memcmp(whole.data(), stepped.data(), whole.size() * 4), 0) << network->card.to_text();
  }

  void fuzz(const fs::path& path) {
    ++files_;
    const std::string file = read_file(path);
    const Parts parts = Parts::of(file);
    ASSERT_TRUE(load_and_run(file, Precision::kFp32)) << "the file itself is good";
    const int64_t first = from_environment("SPIKEMIX_FUZZ_FIRST", 0);
    const int64_t rounds = from_environment("SPIKEMIX_FUZZ_ROUNDS", 60);
    int64_t accepted = 0;
    for (int64_t i = first; i < first + rounds && !HasFailure(); ++i) {
      Rng rng(7, Rng::Purpose::kTest, uint64_t(i), files_);
      const auto precision = Precision(rng.below(3));
      SCOPED_TRACE(testing::Message() << path.filename() << ", mutation " << i);
      accepted += load_and_run(Mutator(rng)(parts, file), precision);
    }
    std::printf("%s: %ld of %ld mutations accepted\n", path.filename().c_str(), long(accepted), long(rounds));
    // If all mutations or none were refused, they would test nothing.
    EXPECT_GT(accepted, rounds / 50);
    EXPECT_LT(accepted, rounds);
  }

  uint32_t files_ = 0;
};

TEST_F(EngineFuzzTest, EveryMixer) {
  for (const MixerEntry& entry : mixers()) {
    ModelCard card = tiny_card(entry.name);
    card.model.embed_dim = 16, card.model.depth = 1;
    fuzz(write_model(entry.name, card));
  }
}

TEST_F(EngineFuzzTest, EveryTypeOfWeights) {
  ModelCard card = tiny_card();
  card.model.mixer = {"ssa", "wt2d"}, card.model.embed_dim = 64, card.model.mlp_ratio = 1;
  fuzz(write_model("bf16", card, DType::BF16));
  const fs::path trained = write_model("f32", card);
  for (const Precision precision : {Precision::kInt8, Precision::kInt16}) {
    export_model(trained, dir_ / name_of(precision), precision);
    fuzz(dir_ / name_of(precision));
  }
}

TEST_F(EngineFuzzTest, EveryKindOfNetwork) {
  ModelCard card = tiny_card("ssa");
  card.model.embed_dim = 24, card.model.pool = {1, 0, 1, 0};
  card.neuron.kind = "plif", card.neuron.reset = "soft";
  fuzz(write_model("plif", card));
  card.model.input = "events", card.model.channels = 2, card.mean = card.std = {};
  card.neuron.kind = "if", card.neuron.v_threshold = 0.5;
  fuzz(write_model("events", card));
}

TEST_F(EngineFuzzTest, EveryStreamAndArchitecture) {
  for (const char* stream : {"membrane", "iand"}) {
    ModelCard card = tiny_card("ssa");
    card.model.stream = stream, card.model.stem = stream == std::string("iand") ? "conv1" : "conv2";
    fuzz(write_model(stream, card));
  }
  for (const char* architecture : {"maxformer", "qkformer"}) {
    ModelCard card = tiny_card();
    card.model.architecture = architecture, card.model.mixer = {"qk-token", "dwc3", "sdsa1"};
    card.model.embed_dim = 32, card.model.mlp_ratio = 1;
    fuzz(write_model(architecture, card));
    export_model(dir_ / architecture, dir_ / "int8", Precision::kInt8);
    fuzz(dir_ / "int8");
  }
}

}  // namespace
}  // namespace spikemix
