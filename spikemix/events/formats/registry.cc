// SPDX-License-Identifier: MIT
#include <algorithm>

#include "spikemix/base/file.h"
#include "spikemix/events/formats/prophesee.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/formats/text_header.h"

namespace spikemix {
namespace {

// The only list. The most specific come first: nothing in N-MNIST's bin identifies it.
constexpr EventFormat kFormats[] = {
    {"AEDAT 2.0", "jAER, CIFAR10-DVS: DVS128, DAVIS240, DAVIS346", recognises_aedat2, open_aedat2, nullptr, nullptr},
    {"AEDAT 3.1", "cAER, DVS128 Gesture", recognises_aedat3, open_aedat3, ".aedat", create_aedat3},
    {"AEDAT 4", "DV; its first stream of events", recognises_aedat4, open_aedat4, ".aedat4", create_aedat4},
    {"Prophesee EVT2", ".raw", recognises_evt2, open_evt2, nullptr, nullptr, prophesee_header_is_whole},
    {"Prophesee EVT3", ".raw", recognises_evt3, open_evt3, nullptr, nullptr, prophesee_header_is_whole},
    {"Prophesee DAT", ".dat, N-CARS", recognises_dat, open_dat, nullptr, nullptr, prophesee_header_is_whole},
    {"npz", "numpy: t, x, y, p; SpikingJelly, tonic", recognises_npz, open_npz, ".npz", create_npz},
    {"N-MNIST bin", "N-MNIST, N-Caltech101", recognises_nmnist, open_nmnist, nullptr, nullptr, enough_for_nmnist},
};

// "'#!AER-DAT9.9'" or "00 ff 17": the first bytes as text or as numbers.
std::string begins_with(std::span<const uint8_t> head) {
  const auto text = head.first(std::min<size_t>(head.size(), 16));
  const auto printable = std::ranges::find_if(text, [](uint8_t c) { return c < ' ' || c > '~'; }) - text.begin();
  if (printable >= 4) return fmt::format("'{}'", std::string(text.begin(), text.begin() + printable));
  std::string numbers;
  for (const uint8_t byte : text.first(std::min<size_t>(text.size(), 8))) {
    numbers += fmt::format("{}{:02x}", numbers.empty() ? "" : " ", byte);
  }
  return numbers;
}

}  // namespace

std::span<const EventFormat> event_formats() { return kFormats; }

void check_writable(const std::filesystem::path& path, SensorSize sensor, const char* format) {
  if (sensor.width > 1 << 15 || sensor.height > 1 << 15) {
    throw input_error("{}: a sensor of {} x {} pixels, {} holds 32768 x 32768 at most", path.string(), sensor.width,
                      sensor.height, format);
  }
}

std::optional<TimeUnit> parse_time_unit(std::string_view text, std::string_view setting) {
  if (text.empty()) return {};
  if (text == "s") return TimeUnit::kSeconds;
  if (text == "ms") return TimeUnit::kMilliseconds;
  if (text == "us") return TimeUnit::kMicroseconds;
  if (text == "ns") return TimeUnit::kNanoseconds;
  throw input_error("{} '{}': expected s, ms, us or ns", setting, text);
}

SensorSize parse_sensor(std::string_view text, std::string_view setting) {
  if (text.empty()) return {};
  const auto size = parse_size(text);
  if (!size) throw input_error("{} '{}': expected WIDTHxHEIGHT, for example 240x180", setting, text);
  return {size->first, size->second};
}

std::string incomplete(const ReadOptions& options, std::string_view last) {
  std::string text = "; an incomplete copy?";
  if (!options.of_data_set) text += fmt::format(" (--truncated reads up to the last whole {})", last);
  return text;
}

Recording open_recording(ByteSource source, const ReadOptions& options) {
  std::span<const uint8_t> head;
  for (size_t bytes = source.left() ? kRecogniseBytes : 1;; bytes = head.size() + 1) {
    head = source.peek(bytes);
    const bool last = head.size() < bytes || head.size() >= kRecogniseBytes;
    for (const EventFormat& format : kFormats) {
      if (!format.recognises(head) || !(last || !format.enough || format.enough(head))) continue;
      return {&format, format.open(std::move(source), options)};
    }
    if (last) break;
  }
  if (head.empty()) throw source.error_at(0, "the file is empty, expected a recording of events");
  refuse_lfs_pointer(std::as_bytes(head), source.name());
  std::string names;
  for (const EventFormat& format : kFormats) names += fmt::format("{}{}", names.empty() ? "" : ", ", format.name);
  throw source.error_at(0, "begins with {}, expected a recording: {}", begins_with(head), names);
}

Recording open_recording(const std::filesystem::path& path, const ReadOptions& options) {
  return open_recording(ByteSource::open(path), options);
}

namespace {

const EventFormat& format_to_write(const std::filesystem::path& path) {
  std::string endings;
  for (const EventFormat& format : kFormats) {
    if (!format.create) continue;
    if (path.extension() == format.extension) return format;
    endings += fmt::format("{}{} ({})", endings.empty() ? "" : ", ", format.extension, format.name);
  }
  throw input_error("{}: cannot write this kind of file, expected a name that ends with {}", path.string(), endings);
}

}  // namespace

void check_recording_name(const std::filesystem::path& path) { format_to_write(path); }

std::unique_ptr<EventWriter> create_recording(const std::filesystem::path& path, SensorSize sensor) {
  return format_to_write(path).create(path, sensor);
}

}  // namespace spikemix
