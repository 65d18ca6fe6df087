// SPDX-License-Identifier: MIT
#include <cstdlib>

#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/formats/readers.h"

// Damaged recordings of every format, from a fixed seed: each gives an InputError or events within the sensor, and
// nothing for the sanitizers to report. SPIKEMIX_FUZZ=1000000 runs that many for each format (400 without it).
namespace spikemix {
namespace {

Bytes mutate(Bytes bytes, Rng& rng) {
  for (uint64_t n = 1 + rng.below(4); n > 0; --n) {
    // A third of the changes are in the header, and a third at the end, where zip has its directory.
    const size_t size = bytes.size(), edge = std::min<size_t>(200, size);
    const uint64_t region = rng.below(3);
    const size_t where = region == 0 ? rng.below(edge) : (region == 1 ? size - 1 - rng.below(edge) : rng.below(size));
    constexpr uint8_t kNasty[] = {0, 1, 0x7F, 0x80, 0xFF};
    const uint64_t kind = rng.below(4);
    if (kind == 0) bytes[where] = kNasty[rng.below(5)];
    if (kind == 1) bytes[where] = uint8_t(rng.bits());
    if (kind == 2) bytes[where] ^= uint8_t(1 << rng.below(8));
    if (kind == 3) {  // a whole number: counts and sizes
      const uint32_t number = rng.coin() ? rng.bits() : uint32_t(rng.below(1 << 16));
      std::memcpy(&bytes[std::min(where, size - 4)], &number, 4);
    }
  }
  if (rng.coin(0.2)) bytes.resize(1 + rng.below(bytes.size()));
  if (rng.coin(0.2)) {
    bytes.insert(bytes.begin() + std::ptrdiff_t(rng.below(bytes.size() + 1)), rng.below(30), uint8_t(rng.bits()));
  }
  return bytes;
}

TEST(Fuzz, EveryFormat) {
  const char* wanted = std::getenv("SPIKEMIX_FUZZ");
  const int count = wanted ? std::atoi(wanted) : 400;
  for (const encode::Named& file : encode::every_format(60)) {
    int refused = 0, read = 0;
    for (int i = 0; i < count; ++i) {
      Rng rng(7, Rng::Purpose::kTest, uint64_t(i));
      const Bytes bytes = mutate(file.bytes, rng);
      const ReadOptions options{.truncated = rng.coin(), .unordered = rng.coin(), .sensor = {}};
      try {
        const Recording recording = open_recording(ByteSource::memory("a", bytes), options);
        const SensorSize sensor = recording.reader->sensor();
        size_t total = 0;
        for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
          for (const Event& e : events) {
            ASSERT_TRUE(!sensor.known() || (e.x < sensor.width && e.y < sensor.height)) << "mutation " << i;
            ASSERT_LE(e.p, 1) << "mutation " << i;
          }
          total += events.size();
        }
        // EVT3 makes the most of a byte: twelve events from a word.
        ASSERT_LE(total, file.name == "AEDAT 4" ? size_t(1) << 24 : bytes.size() * 6) << "mutation " << i;
        ++read;
      } catch (const InputError& e) {
        ++refused;
        ASSERT_STRNE(e.what(), "");
      } catch (const std::exception& e) {
        FAIL() << file.name << ", mutation " << i << ": " << e.what();
      }
    }
    // Some must be accepted and some refused, otherwise the mutations test nothing.
    EXPECT_GT(refused, count / 20) << file.name;
    EXPECT_GT(read, count / 50) << file.name;
    RecordProperty(file.name + " refused", refused);
  }
}

}  // namespace
}  // namespace spikemix
