// SPDX-License-Identifier: MIT
#include "spikemix/base/file.h"
#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

class WritersTest : public FilesTest {
 protected:
  fs::path save(const std::string& name, std::span<const Event> events, SensorSize sensor, size_t step = 777) const {
    const fs::path file = dir_ / name;
    const auto writer = create_recording(file, sensor);
    for (; !events.empty(); events = events.subspan(std::min(events.size(), step))) {
      writer->write(events.first(std::min(events.size(), step)));
    }
    writer->close();
    return file;
  }

  static Bytes bytes_of(const fs::path& file) {
    const std::string text = read_file(file);
    return Bytes(text.begin(), text.end());
  }

  static std::vector<Event> load(const fs::path& file) { return encode::read_all(open_recording(file)); }
};

TEST_F(WritersTest, ReadBackInEveryFormat) {
  const int64_t now = 1605537493718345;  // DV's clock: microseconds since 1970
  for (const std::string ending : {".aedat", ".aedat4", ".npz"}) {
    for (const SensorSize sensor : {SensorSize{128, 128}, SensorSize{34, 34}, SensorSize{1280, 720}}) {
      for (const size_t n : {0, 1, 30000}) {
        for (const int64_t first : {int64_t(0), (int64_t(1) << 31) - 100, now}) {
          const auto events = encode::random_events(n, sensor, 5, first);
          const fs::path file = save("a" + ending, events, sensor);
          ASSERT_EQ(load(file), events) << ending << " " << n;
          const SensorSize said = open_recording(file).reader->sensor();
          EXPECT_EQ(said, ending == ".npz" ? SensorSize() : sensor) << ending;
        }
      }
    }
  }
}

TEST_F(WritersTest, TheSameEventsMakeTheSameFile) {
  const SensorSize sensor{128, 128};
  const auto events = encode::random_events(20000, sensor);
  for (const std::string ending : {".aedat", ".aedat4", ".npz"}) {
    const Bytes once = bytes_of(save("a" + ending, events, sensor, 20000));
    EXPECT_EQ(bytes_of(save("b" + ending, events, sensor, 333)), once) << ending;
  }
}

TEST_F(WritersTest, AWriterThatWasNotClosedLeavesNothing) {
  const auto events = encode::random_events(20000, {128, 128});
  for (const std::string ending : {".aedat", ".aedat4", ".npz"}) {
    { create_recording(dir_ / ("a" + ending), {128, 128})->write(events); }
    EXPECT_TRUE(fs::is_empty(dir_)) << ending;
  }
}

TEST_F(WritersTest, RefuseEventsThatTheFormatCannotHold) {
  const std::vector<Event> early = {{.t = -5, .x = 0, .y = 0, .p = 0}};
  expect_input_error([&] { save("a.aedat", early, {128, 128}); }, "an event at -5 us");
  EXPECT_EQ(load(save("a.aedat4", early, {128, 128})), early);
  expect_input_error(
      [&] {
        create_recording(dir_ / "a.raw", {128, 128});
      },
      "expected a name that ends with .aedat (AEDAT 3.1), .aedat4");
  expect_input_error([&] { create_recording(dir_ / "no" / "a.aedat4", {128, 128}); }, "no folder");
  for (const std::string ending : {".aedat", ".aedat4", ".npz"}) {
    expect_input_error([&] { create_recording(dir_ / ("a" + ending), {40000, 10}); }, "32768 x 32768");
  }
}

}  // namespace
}  // namespace spikemix
