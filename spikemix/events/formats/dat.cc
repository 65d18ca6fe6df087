// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/prophesee.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

struct Dat {
  static constexpr size_t kBytes = 8;
  static constexpr int64_t kPeriod = int64_t(1) << 32;

  Event event(const uint8_t* record) const {
    const auto word = load_little_endian<uint32_t>(record + 4);
    return {.t = load_little_endian<uint32_t>(record),
            .x = uint16_t(word & 0x3FFF),
            .y = uint16_t(word >> 14 & 0x3FFF),
            .p = uint8_t(word >> 28)};  // four bits, of which only 0 and 1 are valid
  }
  bool is_event(const uint8_t*) const { return true; }
  int64_t advance(const uint8_t*) const { return 0; }
  static constexpr auto decode = decode_dat;
};

// Version 1 and earlier, whose files do not all say so, has addresses of 18 bits; in version 2, y uses the bits above.
void check_version(ByteSource& source, const TextHeader& header) {
  const auto version = header.value("% Version");
  if (version && *version == "2") return;
  if (version) throw source.error_at(0, "DAT version {}, expected 2", *version);
  // From a pipe, only the bytes that have arrived, which may be too few to tell.
  const auto head = source.peek(Dat::kBytes);
  bool high = head.size() < Dat::kBytes || (!source.input()->size() && head.size() < 64 * Dat::kBytes);
  for (size_t at = 0; at + Dat::kBytes <= std::min(head.size(), kRecogniseBytes); at += Dat::kBytes) {
    high |= load_little_endian<uint32_t>(&head[at + 4]) >> 18 != 0;
  }
  if (!high) throw source.error_at(0, "no line '% Version', and addresses of 18 bits, as in version 1; expected 2");
}

}  // namespace

bool recognises_dat(std::span<const uint8_t> head) {
  const TextHeader header = read_text_header(head, '%');
  return !header.text.empty() && prophesee_encoding(header).empty();
}

std::unique_ptr<EventReader> open_dat(ByteSource source, const ReadOptions& options) {
  const TextHeader header = read_text_header(source, '%');
  const auto head = source.peek(2);
  const uint64_t byte = source.offset();
  if (head.size() < 2) throw source.error_at(byte, "the file ends, expected the type and the size of the events");
  if (head[0] != 0x00 && head[0] != 0x0C) {
    throw source.error_at(byte, "events of type {:#04x}, expected 0x00 or 0x0c (pixels)", head[0]);
  }
  if (head[1] != Dat::kBytes) throw source.error_at(byte + 1, "events of {} bytes, expected {}", head[1], Dat::kBytes);
  source.skip(2);
  check_version(source, header);
  const SensorSize sensor = options.sensor.known() ? options.sensor : prophesee_sensor(header, source.name());
  return std::make_unique<FlatReader<Dat>>(std::move(source), Dat{}, sensor, options);
}

}  // namespace spikemix
