// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "calls.h"
#include "core.h"
#include "spikemix/base/json.h"
#include "spikemix/data/fitted.h"
#include "spikemix/data/report.h"
#include "spikemix/data/resize.h"
#include "spikemix/data/subset.h"
#include "spikemix/events/frames.h"

namespace spikemix::python {
namespace {

using Shape = std::vector<int64_t>;  // height, width, channels; empty: as decoded
using Log = nb::typed<nb::callable, void(nb::str)>;

// Notes go to Python's `log`, from whatever thread.
OpenListener listener_to(Log log) {
  const std::shared_ptr<nb::object> kept(new nb::object(std::move(log)), [](nb::object* object) {
    const nb::gil_scoped_acquire acquire;
    delete object;
  });
  OpenListener listener;
  listener.note = [kept](const std::string& line) {
    const nb::gil_scoped_acquire acquire;
    (*kept)(line);
  };
  listener.progress = [](int64_t, int64_t) { check_signals(); };
  return listener;
}

/// One split of a data set, opened as in `spikemix train`.
class OpenedData {
 public:
  OpenedData(const std::string& dir, const std::string& split, const Row& settings, Shape shape, bool recordings,
             int64_t threads, Log log)
      : shape_(std::move(shape)) {
    DataConfig data;
    data.dir = dir;
    data.format = nb::cast<std::string>(settings["format"]);
    data.cache = nb::cast<std::string>(settings["cache"]);
    data.sensor = nb::cast<std::string>(settings["sensor"]);
    data.time_unit = nb::cast<std::string>(settings["time_unit"]);
    data.skip_bad = nb::cast<int64_t>(settings["skip_bad"]);
    data.validation = nb::cast<double>(settings["validation"]);
    const auto seed = nb::cast<uint64_t>(settings["seed"]);
    const auto limit = nb::cast<int64_t>(settings["limit"]);
    const OpenListener listener = listener_to(std::move(log));
    unlocked([&] { open(data, split, recordings, limit, seed, threads, listener); });
  }

  const Dataset& data() const { return *data_; }

  nb::ndarray<nb::numpy, int64_t> labels() const {
    std::vector<int64_t> labels(size_t(data_->size()));
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = data_->label(int64_t(i));
    const size_t n = labels.size();
    return array_of(std::move(labels), {n});
  }

  nb::ndarray<nb::numpy, uint8_t> events(int64_t i) const {
    std::vector<Event> events = unlocked([&] { return data_->events(i); });
    const size_t bytes = events.size() * sizeof(Event);
    return array_of<Event, uint8_t>(std::move(events), {bytes});
  }

  nb::ndarray<nb::numpy, float> frames(int64_t i, int64_t T, bool by_time, bool binary, int64_t height,
                                       int64_t width) const {
    Frames frames = unlocked([&] {
      const auto split = by_time ? FrameOptions::Split::kTime : FrameOptions::Split::kNumber;
      return integrate(data_->events(i), data_->recording(i).sensor,
                       {.T = T, .split = split, .binary = binary, .height = height, .width = width});
    });
    std::vector<float> values(frames.counts.begin(), frames.counts.end());
    return array_of(std::move(values), {size_t(T), 2, size_t(frames.height), size_t(frames.width)});
  }

  nb::ndarray<nb::numpy, uint8_t> image(int64_t i) const {
    Image image = unlocked([&] {
      Image decoded = data_->image(i);
      return shape_.empty() ? decoded : fit(std::move(decoded), shape_[0], shape_[1], shape_[2]);
    });
    return array_of(std::move(image.pixels), {size_t(image.height), size_t(image.width), size_t(image.channels)});
  }

  Row recording(int64_t i) const {
    const RecordingInfo info = data_->recording(i);
    nb::dict dict;
    dict["sensor"] = nb::make_tuple(info.sensor.width, info.sensor.height);
    dict["own"] = nb::make_tuple(info.own.width, info.own.height);
    dict["events"] = info.events, dict["first_t"] = info.first_t, dict["last_t"] = info.last_t;
    return dict;
  }

  std::string report() const { return json_text(nlohmann::json(data_->report())); }

 private:
  void open(DataConfig data, const std::string& split, bool recordings, int64_t limit, uint64_t seed, int64_t threads,
            const OpenListener& listener) {
    const DataFormat& format = find_format(data.dir, data.format);
    if (recordings != (format.list != nullptr)) {
      throw input_error("{}: holds {} ({}), expected {}; spikemix.data.{} reads them", data.dir,
                        recordings ? "pictures" : "recordings", format.name, recordings ? "recordings" : "pictures",
                        recordings ? "Pictures" : "Recordings");
    }
    FitOptions fitted{.images = limit, .images_key = "limit", .threads = threads};
    if (shape_.empty() && !recordings) data.cache = "off";  // pictures as decoded are not cached
    if (!shape_.empty()) {
      fitted.shape = {shape_[0], shape_[1], shape_[2]};
      check_picture_channels(shape_[2]);
      if (shape_[0] < 1 || shape_[1] < 1) {
        throw input_error("size = ({}, {}), expected height and width of 1 or more", shape_[0], shape_[1]);
      }
    }
    data_ = open_fitted(data, split == "test" ? Split::kTest : Split::kTrain, fitted, listener);
    if (split == "test" || data.validation == 0) return;
    const Divided divided = divide(data_, data.validation, seed);
    data_ = split == "train" ? divided.learned : divided.validation;
  }

  Shape shape_;
  std::shared_ptr<const Dataset> data_;
};

Tuples<nb::str, nb::str, bool> formats() {
  nb::list list;
  for (const DataFormat& format : data_formats()) {
    list.append(nb::make_tuple(format.name, format.summary, format.list != nullptr));
  }
  return list;
}

}  // namespace

// The parts of spikemix/data.py, which checks the indices and has the documentation.
void bind_data(nb::module_& m) {
  nb::class_<OpenedData>(m, "OpenedData")
      .def(nb::init<const std::string&, const std::string&, const Row&, Shape, bool, int64_t, Log>(), nb::arg("dir"),
           nb::arg("split"), nb::arg("settings"), nb::arg("shape"), nb::arg("recordings"), nb::arg("threads"),
           nb::arg("log"))
      .def("size", [](const OpenedData& self) { return self.data().size(); })
      .def("classes", [](const OpenedData& self) { return self.data().classes(); })
      .def("damaged", [](const OpenedData& self) { return self.data().damaged(); })
      .def(
          "source", [](const OpenedData& self, int64_t i) { return self.data().source(i); }, nb::arg("i"))
      .def("labels", &OpenedData::labels)
      .def("report", &OpenedData::report)
      .def("recording", &OpenedData::recording, nb::arg("i"))
      .def("events", &OpenedData::events, nb::arg("i"))
      .def("frames", &OpenedData::frames, nb::arg("i"), nb::arg("T"), nb::arg("by_time"), nb::arg("binary"),
           nb::arg("height"), nb::arg("width"))
      .def("image", &OpenedData::image, nb::arg("i"));
  m.def("data_formats", formats);
}

}  // namespace spikemix::python
