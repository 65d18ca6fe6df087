#include "spikemix/events/flat.h"
#include "spikemix/events/readers.h"
#include "spikemix/events/text_header.h"

namespace spikemix {
namespace {

uint32_t big_endian(const uint8_t* bytes) { return __builtin_bswap32(load_little_endian<uint32_t>(bytes)); }

struct Dvs128 {
  static constexpr size_t kBytes = 8;
  static constexpr int64_t kPeriod = int64_t(1) << 32;

  Event event(const uint8_t* record) const {
    const uint32_t address = big_endian(record);
    return {.t = big_endian(record + 4),
            .x = uint16_t(127 - (address >> 8 & 127)),
            .y = uint16_t(127 - (address >> 1 & 127)),
            .p = uint8_t(~address & 1)};
  }
  bool is_event(const uint8_t* record) const { return (record[2] & 0x80) == 0; }
  int64_t advance(const uint8_t*) const { return 0; }
};

struct Davis {
  static constexpr size_t kBytes = 8;
  static constexpr int64_t kPeriod = int64_t(1) << 32;
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
  int64_t advance(const uint8_t*) const { return 0; }
};

}  // namespace

bool recognises_aedat2(std::span<const uint8_t> head) {
  return std::string_view(reinterpret_cast<const char*>(head.data()), head.size()).starts_with("#!AER-DAT2.");
}

std::unique_ptr<EventReader> open_aedat2(ByteSource source, const ReadOptions& options) {
  const TextHeader header = read_text_header(source, '#');
  if (header.text.empty()) throw source.error_at(0, "no line of text, expected '#!AER-DAT2.0'");
  // "eu.seebetter.ini.chips.davis.Davis346red": the last part is the name.
  const std::string chip = header.value("# AEChip:").value_or("DVS128");
  const std::string name = chip.substr(chip.rfind('.') + 1);
  const auto davis = [&](SensorSize sensor) {
    return std::make_unique<FlatReader<Davis>>(std::move(source), Davis{sensor}, sensor, options);
  };
  if (name == "DVS128") {
    return std::make_unique<FlatReader<Dvs128>>(std::move(source), Dvs128{}, SensorSize{128, 128}, options);
  }
  if (name.starts_with("Davis240") || name.starts_with("DAVIS240")) return davis({240, 180});
  if (name.starts_with("Davis346") || name.starts_with("DAVIS346")) return davis({346, 260});
  throw source.error_at(header.text.find(chip), "chip '{}', expected DVS128, a DAVIS240 or a DAVIS346", chip);
}

}  // namespace spikemix
