// SPDX-License-Identifier: MIT
#include "spikemix/data/summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>

#include "spikemix/data/decode.h"

namespace spikemix {
namespace {

/// Exact sums of bytes and their squares: 2^64 / 255^2 pixels fit.
struct Moments {
  uint64_t count = 0;
  std::array<uint64_t, 3> sum{}, squares{};

  void add(const Image& image) {
    for (size_t p = 0; p < image.pixels.size(); ++p) {
      const uint64_t x = image.pixels[p];
      const size_t c = p % size_t(image.channels);
      sum[c] += x;
      squares[c] += x * x;
    }
    count += uint64_t(image.height * image.width);
  }
};

void add_recordings(const Dataset& dataset, SplitSummary& s) {
  s.class_events.resize(s.class_counts.size());
  std::vector<int64_t> seen(s.class_counts.size());
  for (int64_t i = 0; i < s.images; ++i) {
    const RecordingInfo recording = dataset.recording(i);
    EventTotals& totals = s.class_events[size_t(dataset.label(i))];
    const int64_t us = recording.last_t - recording.first_t;
    totals.min_us = seen[size_t(dataset.label(i))]++ == 0 ? us : std::min(totals.min_us, us);
    totals.max_us = std::max(totals.max_us, us);
    totals.events += recording.events;
    totals.seconds += 1e-6 * double(us);
    s.sensor = recording.sensor;
  }
}

}  // namespace

SplitSummary summarise(const Dataset& dataset, const std::string& name, int64_t sample) {
  SplitSummary s{
      .name = name, .images = dataset.size(), .class_counts = std::vector<int64_t>(dataset.classes().size())};
  s.damaged = dataset.damaged();
  for (int64_t i = 0; i < s.images; ++i) ++s.class_counts[size_t(dataset.label(i))];
  if (dataset.holds_events()) {
    add_recordings(dataset, s);
    return s;
  }
  for (int64_t i = 0; i < s.images; ++i) {
    if (const std::string ending = picture_ending(dataset.source(i)); !ending.empty()) ++s.endings[ending];
  }
  s.sampled = std::min(sample, s.images);
  Moments grey, colour;  // grey images are counted as colour ones if there are both
  for (int64_t k = 0; k < s.sampled; ++k) {
    Image image = dataset.image(k * s.images / s.sampled);
    s.min_height = k == 0 ? image.height : std::min(s.min_height, image.height);
    s.min_width = k == 0 ? image.width : std::min(s.min_width, image.width);
    s.max_height = std::max(s.max_height, image.height);
    s.max_width = std::max(s.max_width, image.width);
    s.channels = std::max(s.channels, image.channels);
    (image.channels == 1 ? grey : colour).add(image);
  }
  for (size_t c = 0; c < size_t(s.channels); ++c) {
    const auto total = [&](const std::array<uint64_t, 3> Moments::*moment) {
      return double((colour.*moment)[c] + (grey.*moment)[0]);
    };
    const double n = double(colour.count + grey.count), mean = total(&Moments::sum) / n;
    s.mean.push_back(mean / 255);
    s.std.push_back(std::sqrt(std::max(0.0, total(&Moments::squares) / n - mean * mean)) / 255);
  }
  return s;
}

DataSummary summarise(const DataConfig& data, int64_t sample, const OpenListener& listener) {
  DataSummary summary{.format = find_format(data.dir, data.format).name};
  std::exception_ptr missing;
  for (const auto& [split, name] : {std::pair{Split::kTrain, "train"}, {Split::kTest, "test"}}) {
    try {
      const auto dataset = open_dataset(data, split, listener);
      summary.classes = dataset->classes();
      // Formats of pictures look for repeated ones only when the test split is opened, which comes last.
      summary.report = dataset->report();
      summary.splits.push_back(summarise(*dataset, name, sample));
    } catch (const MissingSplit&) {
      if (missing) throw;
      missing = std::current_exception();
    }
  }
  return summary;
}

}  // namespace spikemix
