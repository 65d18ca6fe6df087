// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <string_view>

#include "spikemix/base/file.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

constexpr size_t kHeaderOfPacket = 28, kEventsOfPacket = 4096;
constexpr std::string_view kBegin = "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: ";
// No time of day, so that the same events make the same file.
constexpr std::string_view kEnd = "\r\n#Start-Time: 1970-01-01 00:00:00 (TZ+0000)\r\n#!END-HEADER\r\n";

// The name of the camera with this sensor, from which readers know its size; our own names contain the size.
std::string source_name(SensorSize sensor) {
  if (sensor == SensorSize{128, 128}) return "DVS128";
  if (sensor == SensorSize{240, 180}) return "DAVIS240C";
  if (sensor == SensorSize{346, 260}) return "DAVIS346";
  return fmt::format("spikemix {}x{}", sensor.width, sensor.height);
}

class Aedat3Writer : public EventWriter {
 public:
  Aedat3Writer(const std::filesystem::path& path, SensorSize sensor) : name_(path.string()), file_(path) {
    file_.write(fmt::format("{}{}{}", kBegin, source_name(sensor), kEnd));
  }

  void write(std::span<const Event> events) override {
    for (const Event& e : events) {
      const int64_t overflows = e.t >> 31;
      if (overflows < 0 || overflows > INT32_MAX) {
        throw input_error("{}: an event at {} us, AEDAT 3.1 holds times from 0 to 2^62", name_, e.t);
      }
      if (number_ == kEventsOfPacket || (number_ > 0 && overflows != overflows_)) flush();
      overflows_ = int32_t(overflows);
      put<uint32_t>(kHeaderOfPacket + 8 * number_, uint32_t(e.x) << 17 | uint32_t(e.y) << 2 | uint32_t(e.p) << 1 | 1);
      put<uint32_t>(kHeaderOfPacket + 8 * number_ + 4, uint32_t(e.t & 0x7FFFFFFF));
      ++number_;
    }
  }

  void close() override {
    flush();
    file_.commit();
  }

 private:
  template <class T>
  void put(size_t at, T value) {
    std::memcpy(&packet_[at], &value, sizeof value);
  }

  void flush() {
    if (number_ == 0) return;
    put<int16_t>(0, 1);  // polarity events
    put<int16_t>(2, 0);  // source
    put<int32_t>(4, 8);  // bytes of an event
    put<int32_t>(8, 4);  // the place of the time within it
    put<int32_t>(12, overflows_);
    for (const size_t at : {16, 20, 24}) put<int32_t>(at, int32_t(number_));  // capacity, number, valid
    file_.write(std::as_bytes(std::span(packet_).first(kHeaderOfPacket + 8 * number_)));
    number_ = 0;
  }

  std::string name_;
  AtomicFile file_;
  std::array<uint8_t, kHeaderOfPacket + 8 * kEventsOfPacket> packet_{};
  size_t number_ = 0;
  int32_t overflows_ = 0;
};

}  // namespace

std::unique_ptr<EventWriter> create_aedat3(const std::filesystem::path& path, SensorSize sensor) {
  check_writable(path, sensor, "AEDAT 3.1");
  return std::make_unique<Aedat3Writer>(path, sensor);
}

bool is_aedat3_of_ours(std::string_view beginning) {
  return beginning.starts_with(kBegin) && beginning.find(kEnd) != beginning.npos;
}

}  // namespace spikemix
