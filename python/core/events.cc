// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "core.h"
#include "event_stream.h"
#include "spikemix/data/decode.h"
#include "spikemix/events/render.h"
#include "spikemix/events/simulate.h"
#include "spikemix/events/summary.h"
#include "spikemix/events/time_steps.h"

namespace spikemix::python {

std::string in_python(std::string text) {
  constexpr std::pair<const char*, const char*> kWords[] = {
      {"--size WIDTHxHEIGHT", "sensor=(width, height)"},
      {"(--size)", "(sensor=)"},
      {"--size", "sensor="},
      {"--time-unit", "time_unit="},
      {"--truncated", "truncated=True"},
      {"--unordered", "unordered=True"},
      {"--on-threshold", "on_threshold"},
      {"--off-threshold", "off_threshold"},
      {"--duration", "duration_ms"},
      {"--loops", "loops"},
      {"--amplitude", "amplitude"},
      {"--mismatch", "mismatch"},
      {"--refractory", "refractory_us"},
      {"--background", "background_hz"},
      {"--leak", "leak_hz"},
      {"--dark", "dark"},
  };
  for (const auto& [flag, argument] : kWords) {
    for (size_t at = text.find(flag); at != std::string::npos; at = text.find(flag)) {
      text.replace(at, std::string_view(flag).size(), argument);
    }
  }
  return text;
}

namespace {

/// A Python file object: read(n), or recv(n) of a socket. One that can seek has a size and can be read at any place.
class PythonInput : public Input {
 public:
  PythonInput(nb::object read, nb::object seek, std::optional<uint64_t> size, uint64_t origin)
      : read_(std::move(read)), seek_(std::move(seek)), size_(size), origin_(origin) {}
  PythonInput(const PythonInput&) = delete;
  PythonInput& operator=(const PythonInput&) = delete;
  ~PythonInput() override {
    const nb::gil_scoped_acquire acquire;
    read_.reset();
    seek_.reset();
  }

  size_t read(uint64_t at, std::span<uint8_t> bytes) override {
    const nb::gil_scoped_acquire acquire;
    if (size_) seek_(origin_ + at);
    const nb::object answer = read_(bytes.size());
    if (!nb::isinstance<nb::bytes>(answer)) {
      throw nb::type_error("a file object answered read() with something that is no bytes: open it in binary mode");
    }
    const auto got = nb::cast<nb::bytes>(answer);
    if (got.size() > bytes.size()) throw nb::value_error("a file object answered read(n) with more than n bytes");
    std::memcpy(bytes.data(), got.c_str(), got.size());
    return got.size();
  }
  std::optional<uint64_t> size() const override { return size_; }
  std::span<const uint8_t> view(uint64_t at, size_t n) override {
    if (!size_ || at >= *size_) return {};
    window_.resize(size_t(std::min<uint64_t>(*size_ - at, std::max(n, kWindow))));
    size_t filled = 0;
    while (filled < window_.size()) {
      const size_t got = read(at + filled, std::span(window_).subspan(filled));
      if (got == 0) break;
      filled += got;
    }
    return {window_.data(), filled};
  }

 private:
  static constexpr size_t kWindow = 1 << 20;

  nb::object read_, seek_;
  std::optional<uint64_t> size_;
  uint64_t origin_;
  std::vector<uint8_t> window_;
};

struct Options {
  bool truncated, unordered;
  Sensor sensor;
  std::string time_unit;

  ReadOptions read_options() const {
    ReadOptions options{.truncated = truncated, .unordered = unordered, .sensor = to_sensor(sensor)};
    options.time_unit = parse_time_unit(time_unit, "time_unit");
    return options;
  }
};

std::unique_ptr<EventStream> open_path(const std::filesystem::path& path, const Options& options) {
  return unlocked([&] { return std::make_unique<EventStream>(ByteSource::open(path), options.read_options()); });
}

std::unique_ptr<EventStream> open_bytes(const std::string& name, Bytes bytes, const Options& options) {
  const std::span<const uint8_t> view(bytes.data(), bytes.size());
  const std::shared_ptr<void> owner(new Bytes(std::move(bytes)), [](Bytes* owned) {
    const nb::gil_scoped_acquire acquire;
    delete owned;
  });
  return unlocked(
      [&] { return std::make_unique<EventStream>(ByteSource::memory(name, view), options.read_options(), owner); });
}

std::unique_ptr<EventStream> open_object(const std::string& name, nb::object read, nb::object seek,
                                         std::optional<uint64_t> size, uint64_t origin, const Options& options) {
  const auto input = std::make_shared<PythonInput>(std::move(read), std::move(seek), size, origin);
  return unlocked([&] { return std::make_unique<EventStream>(ByteSource(name, input), options.read_options()); });
}

// In place if there is room for this many; otherwise the array grows.
void reserve_likely(EventBuffer& buffer, size_t events) {
  try {
    buffer.reserve(events);
  } catch (const std::bad_alloc&) {
  }
}

EventArray read_events(EventStream& stream, std::optional<size_t> most, std::optional<int64_t> begin,
                       std::optional<int64_t> end) {
  EventBuffer buffer;
  unlocked([&] {
    const std::lock_guard lock(stream.mutex());
    reserve_likely(buffer, std::min(most.value_or(SIZE_MAX), stream.likely_events()));
    stream.read(buffer, most.value_or(SIZE_MAX), begin.value_or(std::numeric_limits<int64_t>::min()),
                end.value_or(kEver));
  });
  return buffer.take();
}

std::optional<EventArray> read_window(EventStream& stream, int64_t us) {
  EventBuffer buffer;
  const bool more = unlocked([&] {
    if (us <= 0 || us > kMostTime / 2) throw input_error("a window of {} us, expected 1 or more", us);
    const std::lock_guard lock(stream.mutex());
    return stream.read_window(buffer, us);
  });
  if (!more) return {};
  return buffer.take();
}

Row summary(EventStream& stream) {
  const EventSummary s = unlocked([&] {
    const std::lock_guard lock(stream.mutex());
    return summarise(stream.reader());
  });
  nb::dict info;
  info["format"] = stream.format();
  info["width"] = s.sensor.width, info["height"] = s.sensor.height;
  info["events"] = s.events, info["first_t"] = s.first_t, info["last_t"] = s.last_t;
  info["on"] = s.on, info["off"] = s.off, info["sum_x"] = s.sum_x, info["sum_y"] = s.sum_y;
  info["monotonic"] = s.monotonic;
  return info;
}

std::span<const Event> events_of(const Bytes& bytes) {
  if (bytes.size() % sizeof(Event) != 0 || reinterpret_cast<uintptr_t>(bytes.data()) % alignof(Event) != 0) {
    throw nb::value_error("events that do not lie as spikemix.events.EVENT says");
  }
  return {reinterpret_cast<const Event*>(bytes.data()), bytes.size() / sizeof(Event)};
}

// The place of the first event whose time is earlier than its predecessor's; the number of events if there is none.
size_t first_disorder(std::span<const Event> events) {
  return size_t(std::ranges::is_sorted_until(events, {}, &Event::t) - events.begin());
}

void check_order(std::span<const Event> events, const char* what) {
  const size_t i = first_disorder(events);
  if (i == events.size()) return;
  throw input_error("{}: time runs back from {} to {} us at event {}, expected events in order of time", what,
                    events[i - 1].t, events[i].t, i);
}

void write_events(const std::filesystem::path& path, const Bytes& bytes, const Sensor& sensor) {
  const auto events = events_of(bytes);
  unlocked([&] {
    const auto writer = create_recording(path, to_sensor(sensor));
    check_order(events, path.c_str());
    for (const Event& e : events) {
      if (sensor && (e.x >= sensor->first || e.y >= sensor->second)) {
        throw input_error("{}: an event at x = {}, y = {}, expected x below {} and y below {}", path.string(), e.x, e.y,
                          sensor->first, sensor->second);
      }
      if (e.p > 1) throw input_error("{}: an event of polarity {}, expected 0 or 1", path.string(), e.p);
    }
    for (size_t at = 0; at < events.size(); at += 1 << 16) {
      writer->write(events.subspan(at, std::min<size_t>(1 << 16, events.size() - at)));
      if (at % (1 << 20) == 0) check_signals();
    }
    writer->close();
  });
}

// Memory from malloc.
template <class T>
T* some(std::initializer_list<int64_t> shape) {
  size_t bytes = sizeof(T);
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, size_t(size), &bytes)) throw std::bad_alloc();
  }
  auto* memory = static_cast<T*>(std::malloc(std::max<size_t>(1, bytes)));
  if (!memory) throw std::bad_alloc();
  return memory;
}

nb::ndarray<nb::numpy, float> frames(const Bytes& bytes, int64_t T, bool by_time, const Sensor& sensor, int64_t height,
                                     int64_t width, bool binary) {
  const auto events = events_of(bytes);
  PixelPlaces places;
  std::unique_ptr<float, decltype(&std::free)> counts(nullptr, std::free);
  unlocked([&] {
    if (T < 1) throw input_error("T = {} frames, expected 1 or more", T);
    if (by_time) check_order(events, "frames by time");
    places = pixel_places(to_sensor(sensor), height, width);
    counts.reset(some<float>({T, 2, places.height, places.width}));
    const auto split = by_time ? FrameOptions::Split::kTime : FrameOptions::Split::kNumber;
    integrate(events, places, {.T = T, .split = split, .binary = binary}, counts.get());
  });
  return array_of(counts.release(), {size_t(T), 2, size_t(places.height), size_t(places.width)});
}

TimeStepOptions step_options(int64_t us, int64_t events, SensorSize sensor, int64_t height, int64_t width,
                             bool binary) {
  return {.us = us, .events = events, .binary = binary, .sensor = sensor, .height = height, .width = width};
}

nb::ndarray<nb::numpy, float> steps(const Bytes& bytes, int64_t us, int64_t each, const Sensor& sensor, int64_t height,
                                    int64_t width, bool binary) {
  const auto events = events_of(bytes);
  const PixelPlaces places = unlocked([&] { return pixel_places(to_sensor(sensor), height, width); });
  std::vector<float> frames;
  size_t taken = 0;
  unlocked([&] {
    check_order(events, "time steps");
    TimeStepCutter cutter(step_options(us, each, to_sensor(sensor), height, width, binary));
    const auto take = [&](TimeStep&& step) {
      frames.insert(frames.end(), step.frame.begin(), step.frame.end());
      ++taken;
    };
    cutter.add(events, take);
    cutter.finish(take);
  });
  return array_of(std::move(frames), {taken, 2, size_t(places.height), size_t(places.width)});
}

/// Frames of a recording as it plays: the input of `spikemix stream`'s model.
class StepStream {
 public:
  StepStream(std::shared_ptr<EventStream> stream, int64_t us, int64_t events, const Sensor& sensor, int64_t height,
             int64_t width, bool binary)
      : stream_(std::move(stream)),
        places_(pixel_places(sensor_of(sensor), height, width)),
        cutter_(step_options(us, events, sensor_of(sensor), height, width, binary)) {}

  /// [2, height, width]; None at the end.
  std::optional<nb::ndarray<nb::numpy, float>> next() {
    std::optional<std::vector<float>> frame = unlocked([&]() -> std::optional<std::vector<float>> {
      const std::lock_guard lock(stream_->mutex());
      const auto take = [&](TimeStep&& step) { ready_.push_back(std::move(step.frame)); };
      while (ready_.empty() && !ended_) {
        const auto events = stream_->next();
        ended_ = events.empty();
        ended_ ? cutter_.finish(take) : cutter_.add(events, take);
      }
      if (ready_.empty()) return {};
      auto first = std::move(ready_.front());
      ready_.pop_front();
      return first;
    });
    if (!frame) return {};
    return array_of(std::move(*frame), {2, size_t(places_.height), size_t(places_.width)});
  }

 private:
  SensorSize sensor_of(const Sensor& sensor) const { return sensor ? to_sensor(sensor) : stream_->sensor(); }

  std::shared_ptr<EventStream> stream_;
  PixelPlaces places_;
  TimeStepCutter cutter_;
  std::deque<std::vector<float>> ready_;
  bool ended_ = false;
};

Frames whole_frames(std::span<const Event> events, int64_t T, bool by_time, const Sensor& sensor) {
  if (events.empty()) throw InputError("no events, so there is nothing to draw");
  if (by_time) check_order(events, "frames by time");
  const auto split = by_time ? FrameOptions::Split::kTime : FrameOptions::Split::kNumber;
  return integrate(events, to_sensor(sensor), {.T = T, .split = split});
}

nb::ndarray<nb::numpy, uint8_t> draw(const Bytes& bytes, int64_t T, bool by_time, const Sensor& sensor, int scale) {
  const auto events = events_of(bytes);
  const auto pictures = unlocked([&] {
    const Frames frames = whole_frames(events, T, by_time, sensor);
    return draw_frames(frames, scale > 0 ? scale : int(std::max<int64_t>(1, 128 / frames.width)));
  });
  const int64_t height = pictures.front().height, width = pictures.front().width;
  std::vector<uint8_t> all;
  all.reserve(size_t(T * height * width * 3));
  for (const RgbPicture& picture : pictures) all.insert(all.end(), picture.rgb.begin(), picture.rgb.end());
  return array_of(std::move(all), {size_t(T), size_t(height), size_t(width), 3});
}

void render(const std::filesystem::path& path, const Bytes& bytes, int64_t T, bool by_time, const Sensor& sensor,
            int scale) {
  const auto events = events_of(bytes);
  unlocked([&] {
    const Frames frames = whole_frames(events, T, by_time, sensor);
    render_frames(path, frames, events.back().t - events.front().t, scale);
  });
}

EventArray simulate(const EventSimulator& simulator,
                    nb::ndarray<const uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu> picture, uint64_t index) {
  EventBuffer buffer;
  const std::span<const uint8_t> pixels(picture.data(), picture.size());
  const auto height = int64_t(picture.shape(0)), width = int64_t(picture.shape(1)),
             channels = int64_t(picture.shape(2));
  unlocked([&] {
    if (pixels.empty()) throw input_error("a picture of {} x {} pixels, expected some", width, height);
    buffer.append(simulator.simulate(intensity_of(pixels, height, width, channels), index));
  });
  return buffer.take();
}

nb::ndarray<nb::numpy, uint8_t> picture(const std::filesystem::path& path) {
  Image image = unlocked([&] { return read_image(path); });
  return array_of(std::move(image.pixels), {size_t(image.height), size_t(image.width), size_t(image.channels)});
}

Tuples<nb::str, nb::str, std::optional<nb::str>> formats() {
  nb::list list;
  for (const EventFormat& format : event_formats()) {
    const nb::object ending = format.extension ? nb::cast(format.extension) : nb::none();
    list.append(nb::make_tuple(format.name, format.summary, ending));
  }
  return list;
}

}  // namespace

// The parts of spikemix/events.py: here events are only bytes, 16 each; that file has the names and the documentation.
void bind_events(nb::module_& m) {
  nb::class_<Options>(m, "ReadOptions")
      .def(
          "__init__",
          [](Options* self, bool truncated, bool unordered, const Sensor& sensor, const std::string& time_unit) {
            new (self) Options{truncated, unordered, sensor, time_unit};
          },
          nb::arg("truncated"), nb::arg("unordered"), nb::arg("sensor").none(), nb::arg("time_unit"));
  nb::class_<EventStream>(m, "EventStream")
      .def_prop_ro("format", &EventStream::format)
      .def_prop_ro("sensor", [](const EventStream& stream) { return from_sensor(stream.sensor()); })
      .def("read", read_events, nb::arg("most").none(), nb::arg("begin").none(), nb::arg("end").none())
      .def("window", read_window, nb::arg("us"))
      .def("info", summary);
  nb::class_<StepStream>(m, "StepStream")
      .def(
          "__init__",
          [](StepStream* self, std::shared_ptr<EventStream> stream, int64_t us, int64_t events, const Sensor& sensor,
             int64_t height, int64_t width, bool binary) {
            unlocked([&] { new (self) StepStream(std::move(stream), us, events, sensor, height, width, binary); });
          },
          nb::arg("stream"), nb::arg("us"), nb::arg("events"), nb::arg("sensor").none(), nb::arg("height"),
          nb::arg("width"), nb::arg("binary"))
      .def("next", &StepStream::next);
  m.def("open_path", open_path, nb::arg("path"), nb::arg("options"));
  m.def("open_bytes", open_bytes, nb::arg("name"), nb::arg("bytes"), nb::arg("options"));
  m.def("open_object", open_object, nb::arg("name"), nb::arg("read"), nb::arg("seek").none(), nb::arg("size").none(),
        nb::arg("origin"), nb::arg("options"));
  m.def(
      "accept_connection",
      [](const std::string& path, int stop) { return unlocked([&] { return accept_connection(path, stop); }); },
      nb::arg("path"), nb::arg("stop"));
  m.def("write_events", write_events, nb::arg("path"), nb::arg("events"), nb::arg("sensor").none());
  m.def("frames", frames, nb::arg("events"), nb::arg("T"), nb::arg("by_time"), nb::arg("sensor").none(),
        nb::arg("height"), nb::arg("width"), nb::arg("binary"));
  m.def("steps", steps, nb::arg("events"), nb::arg("us"), nb::arg("each"), nb::arg("sensor").none(), nb::arg("height"),
        nb::arg("width"), nb::arg("binary"));
  m.def("draw_frames", draw, nb::arg("events"), nb::arg("T"), nb::arg("by_time"), nb::arg("sensor").none(),
        nb::arg("scale"));
  m.def("render", render, nb::arg("path"), nb::arg("events"), nb::arg("T"), nb::arg("by_time"),
        nb::arg("sensor").none(), nb::arg("scale"));
  m.def("read_picture", picture, nb::arg("path"));
  m.def("event_formats", formats);
  nb::class_<EventSimulator>(m, "EventSimulator")
      .def(
          "__init__",
          [](EventSimulator* self, std::pair<int, int> sensor, double duration_ms, int loops, double amplitude,
             double on_threshold, double off_threshold, double mismatch, double refractory_us, double background_hz,
             double leak_hz, double dark, uint64_t seed) {
            unlocked([&] {
              new (self) EventSimulator({.sensor = {sensor.first, sensor.second},
                                         .duration_ms = duration_ms,
                                         .loops = loops,
                                         .amplitude = amplitude,
                                         .on_threshold = on_threshold,
                                         .off_threshold = off_threshold,
                                         .mismatch = mismatch,
                                         .refractory_us = refractory_us,
                                         .background_hz = background_hz,
                                         .leak_hz = leak_hz,
                                         .dark = dark,
                                         .seed = seed});
            });
          },
          nb::arg("sensor"), nb::arg("duration_ms"), nb::arg("loops"), nb::arg("amplitude"), nb::arg("on_threshold"),
          nb::arg("off_threshold"), nb::arg("mismatch"), nb::arg("refractory_us"), nb::arg("background_hz"),
          nb::arg("leak_hz"), nb::arg("dark"), nb::arg("seed"))
      .def("simulate", simulate, nb::arg("picture"), nb::arg("index"));
}

}  // namespace spikemix::python
