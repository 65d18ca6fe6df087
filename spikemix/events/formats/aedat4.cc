// SPDX-License-Identifier: MIT
#include <charconv>

#include <pugixml.hpp>

#include "spikemix/events/formats/aedat4_tables.h"
#include "spikemix/events/formats/decompress.h"
#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

using namespace aedat4;

// DV writes packets of 10 ms: 16 million events in one are far beyond every camera.
constexpr size_t kMaxPacket = size_t(1) << 28, kMaxHeader = size_t(1) << 24;
// A place that means "no table of packets".
constexpr uint64_t kNoTable = UINT64_MAX;

// A size-prefixed flatbuffer's table; null if its identifier is wrong or it points outside of itself.
template <class T>
const T* verified(std::span<const uint8_t> bytes, const char* identifier) {
  if (bytes.size() < 12) return nullptr;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  return verifier.VerifySizePrefixedBuffer<T>(identifier) ? flatbuffers::GetSizePrefixedRoot<T>(bytes.data()) : nullptr;
}

struct Stream {
  int id = -1;
  SensorSize sensor;
};

int to_int(const char* text) {
  int value = -1;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

// The stream of events with the smallest number in the header's XML: <node name="outInfo"> <node name="0"> ...
Stream first_event_stream(std::string_view xml) {
  pugi::xml_document document;
  document.load_buffer(xml.data(), xml.size());
  const auto attribute = [](pugi::xml_node node, const char* key) {
    return node.find_child_by_attribute("attr", "key", key).child_value();
  };
  Stream best;
  for (const pugi::xml_node node :
       document.child("dv").find_child_by_attribute("node", "name", "outInfo").children("node")) {
    const int id = to_int(node.attribute("name").value());
    if (std::string_view(attribute(node, "typeIdentifier")) != "EVTS" || id < 0 || (best.id >= 0 && id > best.id))
      continue;
    const pugi::xml_node info = node.find_child_by_attribute("node", "name", "info");
    const int width = to_int(attribute(info, "sizeX")), height = to_int(attribute(info, "sizeY"));
    best = {id, width > 0 && height > 0 ? SensorSize{width, height} : SensorSize{}};
  }
  return best;
}

// What follows the packets: a flatbuffer 'FTAB', compressed like them, but without a packet's header.
bool is_packet_table(std::span<const uint8_t> bytes) {
  constexpr uint32_t kLz4Magic = 0x184D2204, kZstdMagic = 0xFD2FB528;
  if (bytes.size() < sizeof(PacketHeader)) return false;
  const auto first = load_little_endian<uint32_t>(bytes.data());
  if (first == kLz4Magic || first == kZstdMagic) return true;
  return bytes.size() >= 12 && std::memcmp(bytes.data() + 8, "FTAB", 4) == 0;
}

class Aedat4Reader : public EventReader {
 public:
  Aedat4Reader(ByteSource source, const IOHeader& header, const Stream& stream, const ReadOptions& options)
      : source_(std::move(source)),
        // A place at or before the first packet means that there is none: -1 from a recorder that was killed, 0 from
        // others.
        table_(header.data_table() > int64_t(source_.offset()) ? uint64_t(header.data_table()) : kNoTable),
        stream_(stream.id),
        options_(options),
        checks_(options.sensor.known() ? options.sensor : stream.sensor, options) {
    sensor_ = options.sensor.known() ? options.sensor : stream.sensor;
    const int32_t compression = header.compression();
    if (compression == kLz4 || compression == kLz4High) decompressor_ = make_lz4();
    if (compression == kZstd || compression == kZstdHigh) decompressor_ = make_zstd();
    if (compression < kNone || compression > kZstdHigh) {
      throw source_.error_at(kMagic.size(), "compression {} in the header, expected 0 to 4", compression);
    }
  }

  std::span<const Event> read_into(std::span<Event>) override {
    for (;;) {
      source_.skip(std::exchange(packet_size_, 0));  // if it was not compressed, its bytes were in use until now
      if (!next_packet()) return {};
      const auto events = packet_events(source_.peek(packet_size_).first(packet_size_));
      if (!events.empty()) return events;
    }
  }

 private:
  // Advances to the next packet of our stream, with all of it in the source's buffer. @return false at the end
  bool next_packet() {
    for (;;) {
      const uint64_t byte = source_.offset();
      const auto bytes = source_.peek(12);  // a packet's header, or the start of the table of packets
      const bool whole = bytes.size() >= sizeof(PacketHeader);
      // Without a table of packets (a recorder that was killed), reading stops at the end of the file.
      if ((!whole && options_.truncated) || (bytes.empty() && (table_ == kNoTable || table_ == byte))) return false;
      if (!whole) {
        throw source_.error_at(byte, "the file ends, expected a packet{}{}",
                               table_ == kNoTable ? "" : fmt::format(" or the table of packets at byte {}", table_),
                               incomplete(options_, "packet"));
      }
      // A reader from front to back has no use for the table, whether the header gives its place or not.
      if (byte == table_ || table_ == kNoTable) {
        if (is_packet_table(bytes)) return false;
        if (byte == table_ && is_packet(bytes)) {
          throw source_.error_at(byte,
                                 "a packet, where the header places the table of packets; expected no more of them");
        }
        if (byte == table_) return false;
      }
      const auto header = load_little_endian<PacketHeader>(bytes.data());
      if (header.size < 0 || uint32_t(header.size) > kMaxPacket) {
        throw source_.error_at(byte + 4, "packet claims {} bytes, expected 0 to {}", header.size, kMaxPacket);
      }
      const auto left = source_.left();
      if (left && uint64_t(header.size) + sizeof header > *left) {
        if (options_.truncated) return false;
        throw source_.error_at(byte + 4, "packet claims {} bytes, {} remain{}", header.size, *left - sizeof header,
                               incomplete(options_, "packet"));
      }
      if (table_ != kNoTable && byte < table_ && table_ - byte < sizeof header + uint64_t(header.size)) {
        throw source_.error_at(byte + 4, "packet claims {} bytes, the header places the table of packets at byte {}",
                               header.size, table_);
      }
      source_.skip(sizeof header);
      const bool ours = header.stream == stream_;
      const bool there =
          ours ? source_.peek(size_t(header.size)).size() >= size_t(header.size) : source_.skip(uint64_t(header.size));
      if (!there) {
        if (options_.truncated) return false;
        throw source_.error_at(byte + 4, "packet claims {} bytes, the file ends before{}", header.size,
                               incomplete(options_, "packet"));
      }
      if (ours) {
        packet_size_ = size_t(header.size);
        return true;
      }
    }
  }

  // For our stream, with a plausible size; otherwise it is something unknown after the packets.
  bool is_packet(std::span<const uint8_t> bytes) const {
    const auto header = load_little_endian<PacketHeader>(bytes.data());
    const uint64_t left = source_.left().value_or(kMaxPacket);
    return header.stream == stream_ && header.size > 0 && uint64_t(header.size) + sizeof header <= left;
  }

  std::span<const Event> packet_events(std::span<const uint8_t> bytes) {
    const uint64_t byte = source_.offset();
    if (decompressor_) {
      try {
        bytes = (*decompressor_)(bytes, kMaxPacket, shift_);
        decompressed_ += bytes.size();
      } catch (const std::runtime_error& e) {
        throw source_.error_at(byte, "packet of {} bytes cannot be decompressed: {}", packet_size_, e.what());
      }
    } else if (reinterpret_cast<uintptr_t>(bytes.data()) % 4 != 0) {  // flatbuffers' numbers need this alignment
      aligned_.assign(bytes.begin(), bytes.end());
      bytes = aligned_;
    }
    if (is_bomb(byte, decompressed_)) {
      throw source_.error_at(byte, "{} bytes so far become {}: an archive bomb, not a recording", byte, decompressed_);
    }
    const auto* packet = verified<EventPacket>(bytes, "EVTS");
    if (!packet) {
      throw source_.error_at(byte, "packet of {} bytes is damaged, expected a flatbuffer 'EVTS'", packet_size_);
    }
    if (!packet->elements() || packet->elements()->size() == 0) return {};
    std::span<const Event> events(reinterpret_cast<const Event*>(packet->elements()->Data()),
                                  packet->elements()->size());
    if (reinterpret_cast<uintptr_t>(events.data()) % alignof(Event) != 0) {
      // Some writers (DV) align what follows the 4 bytes of a packet's size, some align the whole: the next one will
      // fit.
      shift_ = 4 - shift_;
      copies_.resize(events.size());
      std::memcpy(copies_.data(), packet->elements()->Data(), events.size_bytes());
      events = copies_;
    }
    bool odd = false;
    int64_t last = checks_.last();
    for (const Event& e : events) {
      odd |= checks_.outside(e.x, e.y) | (e.p > 1) | (e.t < last) | (e.t > kMostTime) | (e.t < -kMostTime);
      last = e.t;
    }
    if (odd) return kept(events, byte);
    checks_.set_last(last);
    return events;
  }

  // Removes the events that are to be left out. No byte in a compressed packet stands for one event, so the packet's
  // byte is named.
  std::span<const Event> kept(std::span<const Event> events, uint64_t byte) {
    copies_.resize(std::max(copies_.size(), events.size()));  // they may be these very events
    size_t n = 0;
    for (const Event e : events) {
      if (checks_.check(e, source_, byte)) copies_[n++] = e;
    }
    return {copies_.data(), n};
  }

  ByteSource source_;
  uint64_t table_;  // the end of the packets
  int stream_;
  ReadOptions options_;
  EventChecks checks_;
  std::unique_ptr<Decompressor> decompressor_;
  size_t shift_ = 4;  // offset of the decompressed bytes, such that their events are aligned
  std::vector<uint8_t> aligned_;
  std::vector<Event> copies_;
  size_t packet_size_ = 0;
  uint64_t decompressed_ = 0;  // in bytes, so far
};

}  // namespace

bool recognises_aedat4(std::span<const uint8_t> head) {
  return std::string_view(reinterpret_cast<const char*>(head.data()), head.size()).starts_with(kMagic);
}

std::unique_ptr<EventReader> open_aedat4(ByteSource source, const ReadOptions& options) {
  source.skip(kMagic.size());
  const uint64_t byte = source.offset();
  const auto prefix = source.peek(4);
  if (prefix.size() < 4) throw source.error_at(byte, "the file ends, expected its header");
  const size_t size = size_t(load_little_endian<uint32_t>(prefix.data())) + 4;
  if (size > kMaxHeader) throw source.error_at(byte, "header of {} bytes, expected {} at most", size, kMaxHeader);
  const auto bytes = source.peek(size);
  if (bytes.size() < size)
    throw source.error_at(byte, "header of {} bytes, {} remain; an incomplete copy?", size, bytes.size());
  // Its strings and numbers must have the alignment that they were written with.
  const std::vector<uint8_t> copy(bytes.begin(), bytes.begin() + std::ptrdiff_t(size));
  const auto* header = verified<IOHeader>(copy, "IOHE");
  if (!header) throw source.error_at(byte, "damaged header, expected a flatbuffer 'IOHE'");
  const Stream stream = first_event_stream(header->info() ? header->info()->string_view() : std::string_view());
  if (stream.id < 0)
    throw source.error_at(byte, "no stream of events in its header, expected one with typeIdentifier EVTS");
  source.skip(size);
  return std::make_unique<Aedat4Reader>(std::move(source), *header, stream, options);
}

}  // namespace spikemix
