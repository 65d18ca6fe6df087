// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/formats/text_header.h"

namespace spikemix {
namespace {

uint32_t big_endian(const uint8_t* bytes) { return __builtin_bswap32(load_little_endian<uint32_t>(bytes)); }

// What the layouts share: an address, then a time that begins anew after 32 bits.
struct Record {
  static constexpr size_t kBytes = 8;
  static constexpr int64_t kPeriod = int64_t(1) << 32;

  int64_t advance(const uint8_t*) const { return 0; }
};

struct Dvs128 : Record {
  Event event(const uint8_t* record) const {
    const uint32_t address = big_endian(record);
    return {.t = big_endian(record + 4),
            .x = uint16_t(127 - (address >> 8 & 127)),
            .y = uint16_t(127 - (address >> 1 & 127)),
            .p = uint8_t(~address & 1)};
  }
  bool is_event(const uint8_t* record) const { return (record[2] & 0x80) == 0; }
};

struct Davis : Record {
  SensorSize sensor;

  Event event(const uint8_t* record) const {
    const uint32_t address = big_endian(record);
    // An address beyond the sensor becomes a huge number, which the checks refuse.
    return {.t = big_endian(record + 4),
            .x = uint16_t(uint32_t(sensor.width - 1) - (address >> 12 & 0x3FF)),
            .y = uint16_t(uint32_t(sensor.height - 1) - (address >> 22 & 0x1FF)),
            .p = uint8_t(address >> 11 & 1)};
  }
  bool is_event(const uint8_t* record) const { return (big_endian(record) & 0x80000400) == 0; }
};

// The layout of jAER and v2e: 10 bits each for x and y, both counted from the far end, and the polarity below them.
struct Dvs640 : Record {
  Event event(const uint8_t* record) const {
    const uint32_t address = big_endian(record);
    return {.t = big_endian(record + 4),
            .x = uint16_t(639 - (address >> 1 & 0x3FF)),
            .y = uint16_t(479 - (address >> 11 & 0x3FF)),
            .p = uint8_t(address & 1)};
  }
  bool is_event(const uint8_t* record) const { return (record[0] & 0x80) == 0; }
};

constexpr SensorSize kDvs128{128, 128}, kDavis240{240, 180}, kDavis346{346, 260}, kDvs640{640, 480};

// "eu.seebetter.ini.chips.davis.Davis346red": the last part is the name. Unknown for any other.
SensorSize sensor_of_chip(std::string_view chip) {
  const std::string_view name = chip.substr(chip.rfind('.') + 1);
  const auto begins = [&](std::string_view upper, std::string_view mixed) {
    return name.starts_with(upper) || name.starts_with(mixed);
  };
  if (name == "DVS128") return kDvs128;
  if (begins("DAVIS240", "Davis240")) return kDavis240;
  if (begins("DAVIS346", "Davis346")) return kDavis346;
  if (name == "DVS640") return kDvs640;
  return {};
}

// Many writers name no chip (CIFAR10-DVS, v2e), but the addresses may identify it. A DVS128's have 16 bits, of which
// the lowest vary; a DAVIS' vary above them, with the lowest ten clear; and only a 346 x 260 sensor goes past 240 x
// 180. One address in twenty may be odd; a pixel past 240 x 180 must appear once in a hundred. Unknown if this is not
// certain.
SensorSize sensor_of_addresses(std::span<const uint8_t> records) {
  size_t all = 0, high = 0, low = 0, beyond_240 = 0, beyond_346 = 0;
  if (records.size() < 8) return kDvs128;  // no events: nothing can be put in a wrong place
  for (; records.size() >= 8; records = records.subspan(8)) {
    const uint32_t address = big_endian(records.data());
    if (address & 0x80000000) continue;  // a sample of a DAVIS' frame
    const uint32_t x = address >> 12 & 0x3FF, y = address >> 22;
    ++all, high += address >> 16 != 0, low += (address & 0x3FF) != 0;
    beyond_240 += x >= 240 || y >= 180, beyond_346 += x >= 346 || y >= 260;
  }
  if (all == 0) return {};
  if (high * 20 <= all && low > 0) return kDvs128;
  if (low * 20 <= all && beyond_346 * 20 <= all && (beyond_240 - beyond_346) * 100 >= all) return kDavis346;
  return {};
}

}  // namespace

bool recognises_aedat2(std::span<const uint8_t> head) {
  return std::string_view(reinterpret_cast<const char*>(head.data()), head.size()).starts_with("#!AER-DAT2.");
}

std::unique_ptr<EventReader> open_aedat2(ByteSource source, const ReadOptions& options) {
  const TextHeader header = read_text_header(source, '#');
  if (header.text.empty()) throw source.error_at(0, "no line of text, expected '#!AER-DAT2.0'");
  const std::string chip = header.value("# AEChip:").value_or("");
  SensorSize sensor = sensor_of_chip(chip);
  if (!sensor.known() && !chip.empty()) {
    throw source.error_at(header.text.find(chip), "chip '{}', expected DVS128, a DAVIS240, a DAVIS346 or DVS640", chip);
  }
  // From a pipe, only the bytes that have arrived: the next ones may take long.
  const auto head = source.peek(8);
  const bool too_few = !source.input()->size() && head.size() < 20 * 8;  // a pipe's addresses, too few to show anything
  if (!sensor.known() && !(too_few && !options.sensor.known()))
    sensor = options.sensor.known() ? options.sensor
                                    : sensor_of_addresses(head.first(std::min(head.size(), kRecogniseBytes)));
  if (sensor == kDvs128) {
    return std::make_unique<FlatReader<Dvs128>>(std::move(source), Dvs128{}, sensor, options);
  }
  if (sensor == kDavis240 || sensor == kDavis346) {
    return std::make_unique<FlatReader<Davis>>(std::move(source), Davis{{}, sensor}, sensor, options);
  }
  if (sensor == kDvs640) return std::make_unique<FlatReader<Dvs640>>(std::move(source), Dvs640{}, sensor, options);
  if (sensor.known()) {
    throw source.error_at(0,
                          "a sensor of {} x {} pixels, expected 128x128 (DVS128), 240x180 or 346x260 (DAVIS) or "
                          "640x480 (DVS640)",
                          sensor.width, sensor.height);
  }
  throw source.error_at(source.offset(),
                        "no line '# AEChip:' says which camera this is, and the addresses do not show "
                        "it; give --size 128x128 (DVS128), 240x180 or 346x260 (DAVIS) or 640x480 (DVS640)");
}

}  // namespace spikemix
