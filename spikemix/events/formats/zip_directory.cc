// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/zip_directory.h"

#include <algorithm>

#include "spikemix/events/formats/flat.h"

namespace spikemix {
namespace {

constexpr uint32_t kEnd = 0x06054B50, kEnd64Locator = 0x07064B50, kEnd64 = 0x06064B50, kEntry = 0x02014B50;
constexpr size_t kEndSize = 22, kLocatorSize = 20, kEnd64Size = 56, kEntrySize = 46, kLongestComment = 0xFFFF;
constexpr uint64_t kLargestDirectory = 1 << 26;

template <class T>
T get(std::span<const uint8_t> bytes, size_t at) {
  return load_little_endian<T>(bytes.data() + at);
}

// `n` bytes at place `at`; fewer at the archive's end.
std::vector<uint8_t> bytes_at(const ByteSource& source, uint64_t at, size_t n) {
  std::vector<uint8_t> bytes(n);
  size_t done = 0;
  while (done < n) {
    const size_t got = source.input()->read(at + done, std::span(bytes).subspan(done));
    if (got == 0) break;
    done += got;
  }
  bytes.resize(done);
  return bytes;
}

/// The place of the directory, in bytes.
struct ByteRange {
  uint64_t begin, size;
};

ByteRange find_directory(const ByteSource& source, uint64_t size) {
  const uint64_t from = size - std::min<uint64_t>(size, kEndSize + kLongestComment);
  const auto tail = bytes_at(source, from, size_t(size - from));
  const std::span<const uint8_t> bytes(tail);
  // The last record whose comment ends at the archive's end.
  for (size_t at = tail.size() < kEndSize ? 0 : tail.size() - kEndSize + 1; at-- > 0;) {
    if (get<uint32_t>(bytes, at) != kEnd || at + kEndSize + get<uint16_t>(bytes, at + 20) != tail.size()) continue;
    ByteRange found{get<uint32_t>(bytes, at + 16), get<uint32_t>(bytes, at + 12)};
    uint64_t limit = from + at;
    if (found.begin == 0xFFFFFFFF || found.size == 0xFFFFFFFF) {
      if (at < kLocatorSize || get<uint32_t>(bytes, at - kLocatorSize) != kEnd64Locator)
        throw damaged_zip(source, limit, "", "no 64-bit directory");
      const auto record = bytes_at(source, get<uint64_t>(bytes, at - kLocatorSize + 8), kEnd64Size);
      if (record.size() < kEnd64Size || get<uint32_t>(record, 0) != kEnd64)
        throw damaged_zip(source, limit, "", "no 64-bit directory");
      found = {get<uint64_t>(record, 48), get<uint64_t>(record, 40)};
    }
    if (found.begin > limit || found.size > limit - found.begin || found.size > kLargestDirectory)
      throw damaged_zip(source, limit, "", "its directory lies outside of it");
    return found;
  }
  throw damaged_zip(source, 0, "", "no directory at its end");
}

// Sizes and places of 64 bits are in a separate field (number 1), in the order of those that are missing.
bool read_long_sizes(std::span<const uint8_t> extra, ZipEntry& entry) {
  const bool wanted = entry.size == 0xFFFFFFFF || entry.packed == 0xFFFFFFFF || entry.header == 0xFFFFFFFF;
  while (extra.size() >= 4) {
    const size_t length = get<uint16_t>(extra, 2);
    if (length > extra.size() - 4) break;
    std::span<const uint8_t> field = extra.subspan(4, length);
    if (get<uint16_t>(extra, 0) == 1) {
      for (uint64_t* value : {&entry.size, &entry.packed, &entry.header}) {
        if (*value != 0xFFFFFFFF) continue;
        if (field.size() < 8) return false;
        *value = get<uint64_t>(field, 0);
        field = field.subspan(8);
      }
      return true;
    }
    extra = extra.subspan(4 + length);
  }
  return !wanted;
}

}  // namespace

InputError damaged_zip(const ByteSource& source, uint64_t byte, const std::string& member, std::string_view why) {
  return source.error_at(byte, "{}{}damaged zip archive ({}); an incomplete copy?", member, member.empty() ? "" : ": ",
                         why);
}

std::vector<ZipEntry> read_zip_directory(const ByteSource& source) {
  const ByteRange found = find_directory(source, source.input()->size().value_or(0));
  const auto directory = bytes_at(source, found.begin, size_t(found.size));
  std::vector<ZipEntry> entries;
  std::span<const uint8_t> rest(directory);
  while (rest.size() >= kEntrySize && get<uint32_t>(rest, 0) == kEntry) {
    const uint64_t byte = found.begin + (directory.size() - rest.size());
    ZipEntry entry{.name = {},
                   .flags = get<uint16_t>(rest, 8),
                   .method = get<uint16_t>(rest, 10),
                   .checksum = get<uint32_t>(rest, 16),
                   .packed = get<uint32_t>(rest, 20),
                   .size = get<uint32_t>(rest, 24),
                   .header = get<uint32_t>(rest, 42)};
    const size_t name = get<uint16_t>(rest, 28), extra = get<uint16_t>(rest, 30), comment = get<uint16_t>(rest, 32);
    if (kEntrySize + name + extra + comment > rest.size())
      throw damaged_zip(source, byte, "", "its directory ends within an entry");
    entry.name.assign(rest.begin() + kEntrySize, rest.begin() + std::ptrdiff_t(kEntrySize + name));
    if (!read_long_sizes(rest.subspan(kEntrySize + name, extra), entry))
      throw damaged_zip(source, byte, entry.name, "no 64-bit sizes in its directory");
    if (entry.header >= found.begin)
      throw damaged_zip(source, byte, entry.name, "its directory names a place past the files");
    if (!entry.name.ends_with('/')) entries.push_back(std::move(entry));
    rest = rest.subspan(kEntrySize + name + extra + comment);
  }
  if (!rest.empty()) {
    throw damaged_zip(source, found.begin + (directory.size() - rest.size()), "",
                      "no entry where its directory continues");
  }
  return entries;
}

}  // namespace spikemix
