// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>

#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/formats/text_header.h"

namespace spikemix {
namespace {

constexpr std::string_view kStart = "#!AER-DAT3.", kEndOfHeader = "#!END-HEADER";
constexpr size_t kPacketHeader = 28;
constexpr int16_t kPolarity = 1;

struct Polarity {
  static constexpr size_t kBytes = 8;
  static constexpr int64_t kPeriod = 0;  // a packet's header counts the overflows

  Event event(const uint8_t* record) const {
    const auto word = load_little_endian<uint32_t>(record);
    return {.t = load_little_endian<int32_t>(record + 4),
            .x = uint16_t(word >> 17),
            .y = uint16_t(word >> 2 & 0x7FFF),
            .p = uint8_t(word >> 1 & 1)};
  }
  bool is_event(const uint8_t* record) const { return record[0] & 1; }
  int64_t advance(const uint8_t*) const { return 0; }
};

// "#Source 0: DVS128": the sensor that this name stands for.
SensorSize sensor_of(const TextHeader& header) {
  std::string name = header.value("#Source ").value_or("");
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  const auto says = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (says("DVS128")) return {128, 128};
  if (says("DAVIS128")) return {128, 128};
  if (says("DAVIS240")) return {240, 180};
  if (says("DAVIS346")) return {346, 260};
  if (says("DAVIS640")) return {640, 480};
  // Our own writer names the size: "0: spikemix 34x34".
  if (const auto size = parse_size(name.substr(name.rfind(' ') + 1))) return {size->first, size->second};
  return {};
}

class Aedat3Reader : public EventReader {
 public:
  Aedat3Reader(ByteSource source, SensorSize sensor, const ReadOptions& options)
      : source_(std::move(source)), options_(options), decoder_({}, sensor, options) {
    sensor_ = sensor;
  }

  std::span<const Event> read_into(std::span<Event> room) override {
    for (;;) {
      if (packet_left_ == 0 && !next_packet()) return {};
      auto bytes = source_.peek(Polarity::kBytes);
      if (bytes.size() < Polarity::kBytes) {  // only if the file's size is unknown, or with truncated
        if (options_.truncated) return {};
        throw source_.error_at(source_.offset(), "the file ends, expected {} more bytes of the packet at byte {}{}",
                               packet_left_, packet_, incomplete(options_));
      }
      bytes = bytes.first(size_t(std::min<uint64_t>(bytes.size(), packet_left_)));
      const size_t used = decoder_.batch(bytes);
      const auto events = decoder_.decode(bytes, source_, source_.offset(), base_, room);
      source_.skip(used);
      packet_left_ -= used;
      if (!events.empty()) return events;
    }
  }

 private:
  // Advances to the events of the next packet of polarity events. @return false at the end
  bool next_packet() {
    for (;;) {
      packet_ = source_.offset();
      const auto header = source_.peek(kPacketHeader);
      if (header.empty() || (header.size() < kPacketHeader && options_.truncated)) return false;
      if (header.size() < kPacketHeader) {
        throw source_.error_at(packet_, "{} bytes left, expected a packet's header of {}{}", header.size(),
                               kPacketHeader, incomplete(options_));
      }
      const auto type = load_little_endian<int16_t>(header.data());
      const auto size = load_little_endian<int32_t>(header.data() + 4);
      const auto overflows = load_little_endian<int32_t>(header.data() + 12);
      const auto number = load_little_endian<int32_t>(header.data() + 20);
      if (size <= 0 || (type == kPolarity && size != int32_t(Polarity::kBytes))) {
        throw source_.error_at(packet_ + 4, "packet has events of {} bytes, expected {}", size,
                               type == kPolarity ? "8" : "1 or more");
      }
      if (overflows < 0) throw source_.error_at(packet_ + 12, "packet says {} overflows of the time", overflows);
      if (number < 0) throw source_.error_at(packet_ + 20, "packet claims {} events", number);
      source_.skip(kPacketHeader);
      packet_left_ = uint64_t(size) * uint64_t(number);
      if (const auto left = source_.left(); left && packet_left_ > *left && !options_.truncated) {
        throw source_.error_at(packet_ + 20, "packet claims {} events of {} bytes, {} bytes remain{}", number, size,
                               *left, incomplete(options_));
      }
      base_ = int64_t(overflows) << 31;
      if (type == kPolarity && number > 0) return true;
      if (!source_.skip(std::exchange(packet_left_, 0)) && !options_.truncated) {
        throw source_.error_at(source_.offset(), "the file ends within the packet at byte {}{}", packet_,
                               incomplete(options_));
      }
    }
  }

  ByteSource source_;
  ReadOptions options_;
  FlatDecoder<Polarity> decoder_;
  uint64_t packet_ = 0;       // the place of its header
  uint64_t packet_left_ = 0;  // the rest of its bytes
  int64_t base_ = 0;          // its overflows of the time, in microseconds
};

}  // namespace

bool recognises_aedat3(std::span<const uint8_t> head) {
  return std::string_view(reinterpret_cast<const char*>(head.data()), head.size()).starts_with(kStart);
}

std::unique_ptr<EventReader> open_aedat3(ByteSource source, const ReadOptions& options) {
  const TextHeader header = read_text_header(source, '#', kEndOfHeader);
  const std::string first = header.value("#!").value_or("");
  if (first != "AER-DAT3.1") throw source.error_at(0, "begins with '#!{}', expected '#!AER-DAT3.1'", first);
  if (!header.text.ends_with(std::string(kEndOfHeader) + "\r\n") &&
      !header.text.ends_with(std::string(kEndOfHeader) + "\n")) {
    throw source.error_at(header.text.size(), "the header's lines end, expected '{}'", kEndOfHeader);
  }
  const SensorSize sensor = options.sensor.known() ? options.sensor : sensor_of(header);
  return std::make_unique<Aedat3Reader>(std::move(source), sensor, options);
}

}  // namespace spikemix
