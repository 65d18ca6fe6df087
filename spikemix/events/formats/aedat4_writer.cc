// SPDX-License-Identifier: MIT
#include <cstring>
#include <vector>

#include <lz4frame.h>

#include "spikemix/base/file.h"
#include "spikemix/events/formats/aedat4_tables.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/formats/spool.h"

namespace spikemix {
namespace {

using namespace aedat4;

constexpr size_t kEventsOfAPacket = 8192;

// The header before the packets contains the place of the table after them, so the packets are spooled until then.
class Aedat4Writer : public EventWriter {
 public:
  Aedat4Writer(const std::filesystem::path& path, SensorSize sensor) : file_(path), packets_(path), sensor_(sensor) {}

  void write(std::span<const Event> events) override {
    for (const Event& e : events) {
      // Field by field into zeros, because an Event's last three bytes may hold anything.
      const size_t at = packet_.size();
      packet_.resize(at + sizeof(Event));
      std::memcpy(&packet_[at], &e.t, 8);
      std::memcpy(&packet_[at + 8], &e.x, 2);
      std::memcpy(&packet_[at + 10], &e.y, 2);
      packet_[at + 12] = e.p;
      if (packet_.size() == kEventsOfAPacket * sizeof(Event)) flush();
    }
  }

  void close() override {
    flush();
    const std::vector<uint8_t> table = packet_table();
    std::vector<uint8_t> header = io_header(0);
    header = io_header(int64_t(kMagic.size() + header.size() + packets_.size()));  // all numbers have the same length
    file_.write(kMagic);
    file_.write(std::as_bytes(std::span(header)));
    packets_.replay([&](std::span<const uint8_t> bytes) { file_.write(std::as_bytes(bytes)); });
    file_.write(std::as_bytes(std::span(table)));
    file_.commit();
  }

 private:
  struct Packet {
    uint64_t at;  // its place, counted from the first packet's header
    int32_t size;
    int64_t events, first_t, last_t;
  };

  static std::vector<uint8_t> bytes_of(const flatbuffers::FlatBufferBuilder& builder) {
    return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  }

  static std::vector<uint8_t> compress(std::span<const uint8_t> bytes) {
    std::vector<uint8_t> frame(LZ4F_compressFrameBound(bytes.size(), nullptr));
    const size_t size = LZ4F_compressFrame(frame.data(), frame.size(), bytes.data(), bytes.size(), nullptr);
    if (LZ4F_isError(size)) throw std::runtime_error(LZ4F_getErrorName(size));  // impossible within the bound
    frame.resize(size);
    return frame;
  }

  void flush() {
    if (packet_.empty()) return;
    const size_t number = packet_.size() / sizeof(Event);
    flatbuffers::FlatBufferBuilder builder(packet_.size() + 64);
    builder.StartVector(packet_.size() / alignof(Event), alignof(Event));
    builder.PushBytes(packet_.data(), packet_.size());
    const flatbuffers::Offset<Events> elements(builder.EndVector(number));
    const auto start = builder.StartTable();
    builder.AddOffset(field(0), elements);
    builder.FinishSizePrefixed(flatbuffers::Offset<EventPacket>(builder.EndTable(start)), "EVTS");
    const std::vector<uint8_t> frame = compress(bytes_of(builder));

    Packet packet{packets_.size() + sizeof(PacketHeader), int32_t(frame.size()), int64_t(number), 0, 0};
    std::memcpy(&packet.first_t, &packet_.front(), 8);
    std::memcpy(&packet.last_t, &packet_[packet_.size() - sizeof(Event)], 8);
    table_.push_back(packet);
    const PacketHeader header{0, packet.size};
    packets_.append({reinterpret_cast<const uint8_t*>(&header), sizeof header});
    packets_.append(frame);
    packet_.clear();
  }

  std::vector<uint8_t> packet_table() {
    const size_t first = kMagic.size() + io_header(0).size();
    flatbuffers::FlatBufferBuilder builder(table_.size() * 64 + 64);
    std::vector<flatbuffers::Offset<flatbuffers::Table>> rows;
    for (const Packet& p : table_) {
      const PacketHeader header{0, p.size};
      const auto start = builder.StartTable();
      builder.AddElement<int64_t>(field(0), int64_t(first + p.at), 0);
      builder.AddStruct(field(1), &header);
      builder.AddElement<int64_t>(field(2), p.events, 0);
      builder.AddElement<int64_t>(field(3), p.first_t, 0);
      builder.AddElement<int64_t>(field(4), p.last_t, 0);
      rows.emplace_back(builder.EndTable(start));
    }
    const auto vector = builder.CreateVector(rows);
    const auto start = builder.StartTable();
    builder.AddOffset(field(0), vector);
    builder.FinishSizePrefixed(flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start)), "FTAB");
    return compress(bytes_of(builder));
  }

  std::vector<uint8_t> io_header(int64_t data_table) const {
    const auto attribute = [](const char* key, const char* type, const std::string& value) {
      return fmt::format("<attr key=\"{}\" type=\"{}\">{}</attr>", key, type, value);
    };
    const std::string path = "/mainloop/Recorder/outInfo/";
    const std::string xml =
        fmt::format("<dv version=\"2.0\"><node name=\"outInfo\" path=\"{0}\"><node name=\"0\" path=\"{0}0/\">", path) +
        attribute("compression", "string", "LZ4") + attribute("originalModuleName", "string", "spikemix") +
        attribute("originalOutputName", "string", "events") +
        attribute("typeDescription", "string", "Array of events (polarity ON/OFF).") +
        attribute("typeIdentifier", "string", "EVTS") + fmt::format("<node name=\"info\" path=\"{}0/info/\">", path) +
        attribute("sizeX", "int", std::to_string(sensor_.width)) +
        attribute("sizeY", "int", std::to_string(sensor_.height)) + attribute("source", "string", "spikemix") +
        attribute("tsOffset", "long", "0") + "</node></node></node></dv>\n";
    flatbuffers::FlatBufferBuilder builder;
    builder.ForceDefaults(true);  // the same size for all numbers
    const auto info = builder.CreateString(xml);
    const auto start = builder.StartTable();
    builder.AddElement<int64_t>(field(1), data_table, -1);
    builder.AddElement<int32_t>(field(0), kLz4, 0);
    builder.AddOffset(field(2), info);
    builder.FinishSizePrefixed(flatbuffers::Offset<IOHeader>(builder.EndTable(start)), "IOHE");
    return bytes_of(builder);
  }

  AtomicFile file_;
  Spool packets_;
  SensorSize sensor_;
  std::vector<uint8_t> packet_;  // its events so far
  std::vector<Packet> table_;
};

}  // namespace

std::unique_ptr<EventWriter> create_aedat4(const std::filesystem::path& path, SensorSize sensor) {
  check_writable(path, sensor, "AEDAT 4");
  return std::make_unique<Aedat4Writer>(path, sensor);
}

}  // namespace spikemix
