// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/zip_member.h"

#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/formats/flat.h"

namespace spikemix {
namespace {

using ::testing::ElementsAre;

template <class T>
T get(const Bytes& bytes, size_t at) {
  return load_little_endian<T>(&bytes[at]);
}
template <class T>
void set(Bytes& bytes, size_t at, T value) {
  std::memcpy(&bytes[at], &value, sizeof value);
}

Bytes text(size_t n) {
  Bytes bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = uint8_t('a' + i * i % 23);
  return bytes;
}

Bytes read(const Bytes& zip, const std::string& name, size_t piece) {
  ZipMember member(ByteSource::memory("a.zip", zip), name);
  Bytes all, bytes(piece);
  for (;;) {
    const size_t n = member.read(bytes);
    all.insert(all.end(), bytes.begin(), bytes.begin() + std::ptrdiff_t(n));
    if (n < piece) return all;
  }
}

/// The places of the directory and its first entry.
size_t directory_of(const Bytes& zip) { return get<uint32_t>(zip, zip.size() - 6); }

TEST(ZipMember, StoredAndDeflatedInPiecesOfAnySize) {
  for (const bool deflated : {false, true}) {
    const Bytes zip = encode::zip({{"a/long", text(200'000)}, {"empty", {}}, {"short", text(3)}}, deflated);
    EXPECT_THAT(zip_members(ByteSource::memory("a.zip", zip)), ElementsAre("a/long", "empty", "short"));
    for (const size_t piece : {1, 1000, 65536, 200'000, 200'001}) EXPECT_EQ(read(zip, "a/long", piece), text(200'000));
    EXPECT_EQ(read(zip, "short", 10), text(3));
    EXPECT_EQ(read(zip, "empty", 10), Bytes());
  }
}

TEST(ZipMember, SizesOf64Bits) {
  const Bytes zip = encode::zip({{"name", text(1000)}}, true);
  const size_t begin = directory_of(zip), name = get<uint16_t>(zip, begin + 28), extra = get<uint16_t>(zip, begin + 30);
  Bytes large(zip.begin(), zip.begin() + std::ptrdiff_t(begin + 46 + name + extra));
  encode::put(large, uint16_t(1)), encode::put(large, uint16_t(24));
  encode::put(large, uint64_t(1000)), encode::put(large, uint64_t(get<uint32_t>(zip, begin + 20)));
  encode::put(large, uint64_t(get<uint32_t>(zip, begin + 42)));
  for (const size_t at : {20, 24, 42}) set(large, begin + at, uint32_t(0xFFFFFFFF));
  set(large, begin + 30, uint16_t(extra + 28));
  const uint64_t end = large.size();
  encode::put(large, uint32_t(0x06064B50)), encode::put(large, uint64_t(44)), encode::put(large, uint32_t(0));
  encode::put(large, uint64_t(0)), encode::put(large, uint64_t(1)), encode::put(large, uint64_t(1));
  encode::put(large, end - begin), encode::put(large, uint64_t(begin));
  encode::put(large, uint32_t(0x07064B50)), encode::put(large, uint32_t(0)), encode::put(large, end);
  encode::put(large, uint32_t(1));
  encode::put(large, uint32_t(0x06054B50)), encode::put(large, uint32_t(0)), encode::put(large, uint32_t(0xFFFFFFFF));
  encode::put(large, uint64_t(0xFFFFFFFFFFFFFFFF)), encode::put(large, uint16_t(0));
  EXPECT_EQ(read(large, "name", 4096), text(1000));
  set(large, begin + 30, uint16_t(extra + 20));  // the field ends too early
  expect_input_error([&] { read(large, "name", 4096); }, "damaged zip archive");
}

TEST(ZipMember, RefusesDamagedArchives) {
  for (const bool deflated : {false, true}) {
    const Bytes zip = encode::zip({{"name", text(1000)}}, deflated);
    const size_t begin = directory_of(zip);
    const auto refuse = [&](size_t at, auto value, const std::string& why) {
      Bytes changed = zip;
      set(changed, at, value);
      expect_input_error([&] { read(changed, "name", 4096); }, why);
    };
    refuse(begin + 8, uint16_t(1), "a.zip, byte 0: name: damaged zip archive (it is encrypted)");
    refuse(begin + 10, uint16_t(12), "name: packed by method 12, expected 0 (stored) or 8 (deflated)");
    refuse(begin + 16, uint32_t(7), "should be 00000007");
    refuse(begin + 42, uint32_t(1), "no file where its directory says");
    refuse(begin + 42, uint32_t(begin), "a place past the files");
    refuse(begin + 28, uint16_t(60000), "its directory ends within an entry");
    refuse(begin, uint32_t(7), "no entry where its directory continues");
    refuse(zip.size() - 6, uint32_t(zip.size()), "its directory lies outside of it");
    if (deflated) {
      refuse(begin + 24, uint32_t(999), "longer than its directory says");
      refuse(begin + 24, uint32_t(1001), "shorter than its directory says");
      refuse(begin + 20, uint32_t(10), "ends within its data");
    } else {
      refuse(begin + 24, uint32_t(999), "stored in another number of bytes");
    }
    for (size_t n = 0; n < zip.size(); ++n) {
      expect_input_error([&] { read(Bytes(zip.begin(), zip.begin() + std::ptrdiff_t(n)), "name", 4096); },
                         "damaged zip archive (no directory at its end)");
    }
  }
}

}  // namespace
}  // namespace spikemix
