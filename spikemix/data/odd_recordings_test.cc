// SPDX-License-Identifier: MIT
#include <algorithm>

#include "spikemix/data/files_test.h"
#include "spikemix/data/recordings.h"
#include "spikemix/events/formats/encode_test.h"

// Recordings of a data set that are not quite as they should be.
namespace spikemix {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OddRecordings : public FilesTest {
 protected:
  DataConfig data() const {
    DataConfig config;
    config.dir = dir_ / "set", config.cache = dir_ / "cache";
    return config;
  }
  std::vector<Event> read(const DataConfig& config) {
    notes_.clear();
    OpenListener listener;
    listener.note = [this](const std::string& line) { notes_.push_back(line); };
    return open_dataset(config, Split::kTrain, listener)->events(0);
  }
  std::vector<std::string> notes_;
};

// A row that a DAVIS does not have, `n` times after the events.
Bytes with_glitches(const std::vector<Event>& events, int n) {
  Bytes bytes = encode::aedat2(events, {346, 260});
  for (int i = 0; i < n; ++i) {
    encode::put_big_endian(bytes, 306u << 22 | 100u << 12), encode::put_big_endian(bytes, uint32_t(events.back().t));
  }
  return bytes;
}

TEST_F(OddRecordings, EventsBeyondTheSensorAreLeftOutAndReported) {
  const auto events = encode::random_events(200, {346, 260});
  for (const char* name : {"1", "2", "3", "4", "5"}) {
    write(fmt::format("set/train/a/{}.aedat", name), with_glitches(events, 2));
  }
  write("set/train/a/6.aedat", encode::aedat2(events, {346, 260}));
  write("set/test/a/9.aedat", encode::aedat2(events, {346, 260}));
  for (int i = 0; i < 2; ++i) {  // the second time from the cache
    EXPECT_EQ(read(data()), events);
    EXPECT_THAT(notes_, ElementsAre(HasSubstr("a/1.aedat: 2 of its events beyond the sensor left out"),
                                    HasSubstr("a/2.aedat: 2 of"), HasSubstr("a/3.aedat: 2 of"),
                                    "and 4 events beyond the sensor of 2 more recordings"));
  }
  OpenListener listener;
  listener.note = [](const std::string& line) { ADD_FAILURE() << line; };
  open_dataset(data(), Split::kTest, listener);
}

TEST_F(OddRecordings, ManyEventsBeyondTheSensorMeanAnotherSensor) {
  const auto events = encode::random_events(200, {346, 260});
  write("set/train/a/1.aedat", with_glitches(events, 11));
  expect_input_error([&] { read(data()); }, "a/1.aedat: 11 of its 211 events lie beyond a sensor of 346 x 260 pixels");
  write("set/train/a/1.aedat", with_glitches({events[0], events[1]}, 1));  // one is always allowed
  read(data());
}

TEST_F(OddRecordings, AClockThatRestartsIsNotDisorder) {
  auto events = encode::random_events(1000, {100, 100}, 1, 0, 1000);
  write("set/train/a/1.dat", encode::dat(events, {100, 100}));
  EXPECT_EQ(read(data()), events);
  std::swap(events[500], events[501]);  // a small disorder is sorted
  write("set/train/a/1.dat", encode::dat(events, {100, 100}));
  std::ranges::stable_sort(events, {}, &Event::t);
  EXPECT_EQ(read(data()), events);
  EXPECT_THAT(notes_, IsEmpty());

  auto twice = events;
  twice.insert(twice.end(), events.begin(), events.end());
  write("set/train/a/1.dat", encode::dat(twice, {100, 100}));
  expect_input_error([&] { read(data()); },
                     fmt::format("a/1.dat: time runs back from {} to {} us at event 1000, expected 10 ms at most",
                                 events.back().t, events.front().t));
  // Not even all events at the same time.
  for (size_t i = 0; i < twice.size(); ++i) twice[i].t = int64_t(1000000 - 100 * i);
  write("set/train/a/1.dat", encode::dat(twice, {100, 100}));
  expect_input_error([&] { read(data()); }, "a/1.dat: time runs back");
}

TEST_F(OddRecordings, SettingsAddWhatAFileDoesNotSay) {
  const auto events = encode::random_events(200, {240, 180});
  Bytes bytes = encode::text("#!AER-DAT2.0\r\n");
  for (const Event& e : events) {
    encode::put_big_endian(bytes, uint32_t(179 - e.y) << 22 | uint32_t(239 - e.x) << 12 | uint32_t(e.p) << 11);
    encode::put_big_endian(bytes, uint32_t(e.t));
  }
  write("set/train/a/1.aedat", bytes);
  DataConfig config = data();
  expect_input_error([&] { read(config); }, "a/1.aedat, byte 14: no line '# AEChip:'");
  config.sensor = "240x180";
  EXPECT_EQ(read(config), events);
  config.sensor = "346x260";  // not from the other one's cache
  EXPECT_EQ(read(config)[0].x, events[0].x + 106);
  config.sensor = "240";
  expect_input_error([&] { read(config); }, "data.sensor '240': expected WIDTHxHEIGHT");
}

TEST_F(OddRecordings, TheUnitOfTimesIsASetting) {
  const auto column = [](const char* name, const char* descr, auto value) {
    Bytes bytes;
    encode::put(bytes, value);
    return encode::ZipEntry{std::string(name) + ".npy", encode::npy(descr, 1, bytes)};
  };
  const int64_t one = 1;
  write("set/train/a/1.npz", encode::zip({column("t", "'<f8'", 0.25), column("x", "'<i8'", one),
                                          column("y", "'<i8'", one), column("p", "'<i8'", one)},
                                         false));
  DataConfig config = data();
  expect_input_error([&] { read(config); }, "a/1.npz");
  expect_input_error([&] { read(config); }, "--time-unit s, ms or us");
  config.time_unit = "ms";
  EXPECT_EQ(read(config)[0].t, 250);
  config.time_unit = "s";
  EXPECT_EQ(read(config)[0].t, 250000);
}

}  // namespace
}  // namespace spikemix
