// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/zip_member.h"

#include <algorithm>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/zip_directory.h"

namespace spikemix {
namespace {

constexpr size_t kBlock = 1 << 16, kHeaderSize = 30;
constexpr uint32_t kHeader = 0x04034B50;
constexpr uint16_t kEncrypted = 1, kStored = 0, kDeflated = 8;

}  // namespace

struct ZipMember::State {
  State(const ByteSource& source_, ZipEntry entry_) : source(source_), entry(std::move(entry_)) {
    if (entry.flags & kEncrypted) throw damaged("it is encrypted");
    if (entry.method != kStored && entry.method != kDeflated) {
      throw source.error_at(entry.header, "{}: packed by method {}, expected 0 (stored) or 8 (deflated)", entry.name,
                            entry.method);
    }
    if (entry.method == kStored && entry.packed != entry.size) throw damaged("stored in another number of bytes");
    std::array<uint8_t, kHeaderSize> header;
    const uint64_t size = source.input()->size().value_or(0);
    if (source.input()->read(entry.header, header) < header.size() ||
        load_little_endian<uint32_t>(header.data()) != kHeader)
      throw damaged("no file where its directory says");
    at = entry.header + kHeaderSize + load_little_endian<uint16_t>(&header[26]) +
         load_little_endian<uint16_t>(&header[28]);
    if (at > size || entry.packed > size - at) throw damaged("ends within its data");
    if (entry.method == kStored) return;
    inflater = std::make_unique<inflate_state>();
    isal_inflate_init(inflater.get());
    block.resize(kBlock);
  }

  InputError damaged(std::string_view why) const { return damaged_zip(source, entry.header, entry.name, why); }

  // The next bytes in the archive.
  size_t read_packed(std::span<uint8_t> bytes) {
    const size_t wanted = size_t(std::min<uint64_t>(bytes.size(), entry.packed - taken));
    const size_t n = wanted == 0 ? 0 : source.input()->read(at + taken, bytes.first(wanted));
    taken += n;
    return n;
  }

  size_t inflate(std::span<uint8_t> bytes) {
    inflater->next_out = bytes.data();
    inflater->avail_out = uint32_t(std::min<size_t>(bytes.size(), 1 << 30));
    const uint32_t wanted = inflater->avail_out;
    while (inflater->avail_out > 0 && inflater->block_state != ISAL_BLOCK_FINISH) {
      if (inflater->avail_in == 0) {
        const size_t n = read_packed(block);
        inflater->next_in = block.data(), inflater->avail_in = uint32_t(n);
      }
      const uint32_t in = inflater->avail_in, out = inflater->avail_out;
      if (isal_inflate(inflater.get()) < 0) throw damaged("its deflated data are invalid");
      if (inflater->avail_in == in && inflater->avail_out == out && inflater->block_state != ISAL_BLOCK_FINISH)
        throw damaged("ends within its data");
    }
    return wanted - inflater->avail_out;
  }

  size_t read(std::span<uint8_t> bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
      const auto rest = bytes.subspan(done);
      const size_t n = inflater ? inflate(rest) : read_packed(rest);
      if (n == 0) break;
      done += n;
    }
    if (done > entry.size - made) throw damaged("longer than its directory says");
    checksum = crc32_gzip_refl(checksum, bytes.data(), done);
    made += done;
    if (done < bytes.size() && made < entry.size) throw damaged("shorter than its directory says");
    if (made == entry.size && checksum != entry.checksum) {
      throw damaged(fmt::format("bad CRC: {:08x} should be {:08x}", checksum, entry.checksum));
    }
    return done;
  }

  ByteSource source;
  ZipEntry entry;
  uint64_t at = 0, taken = 0, made = 0;  // the place of the data; packed bytes read, bytes returned
  uint32_t checksum = 0;
  std::unique_ptr<inflate_state> inflater;  // null: stored
  std::vector<uint8_t> block;
};

std::vector<std::string> zip_members(const ByteSource& source) {
  std::vector<std::string> names;
  for (ZipEntry& entry : read_zip_directory(source)) names.push_back(std::move(entry.name));
  return names;
}

ZipMember::ZipMember(const ByteSource& source, const std::string& name) {
  for (ZipEntry& entry : read_zip_directory(source)) {
    if (entry.name != name) continue;
    state_ = std::make_unique<State>(source, std::move(entry));
    return;
  }
  throw damaged_zip(source, 0, name, "not there");
}

ZipMember::ZipMember(const ByteSource& source, const ZipEntry& entry)
    : state_(std::make_unique<State>(source, entry)) {}

ZipMember::ZipMember(ZipMember&&) noexcept = default;
ZipMember::~ZipMember() = default;

size_t ZipMember::read(std::span<uint8_t> bytes) { return state_->read(bytes); }

uint64_t ZipMember::byte() const { return state_->entry.header; }

}  // namespace spikemix
