#include "spikemix/events/readers.h"

#include <set>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

#include "spikemix/data/files_test.h"
#include "spikemix/events/encode_test.h"

// What all readers have in common; formats_test.cc has what each has for itself.
namespace spikemix {
namespace {

using encode::Named;

class ReadersTest : public FilesTest {};

std::string show(const Named& n) { return fmt::format("{} {}x{}", n.name, n.sensor.width, n.sensor.height); }

TEST_F(ReadersTest, ReadBackWhatWasWritten) {
  for (const size_t n : {size_t(1), size_t(5), size_t(20000)}) {  // more than a batch, and than a buffer
    for (const Named& file : encode::every_format(n)) {
      const Recording recording = open_recording(ByteSource::memory("a", file.bytes));
      EXPECT_EQ(recording.format->name, file.name);
      EXPECT_EQ(recording.reader->sensor(), file.sensor) << show(file);
      EXPECT_EQ(encode::read_all(file.bytes), file.events) << show(file);
    }
  }
}

TEST_F(ReadersTest, EveryRegisteredFormatIsTested) {
  std::set<std::string> tested;
  for (const Named& file : encode::every_format(1)) tested.insert(file.name);
  for (const EventFormat& format : event_formats()) EXPECT_TRUE(tested.contains(format.name)) << format.name;
}

TEST_F(ReadersTest, ReadFromAPipe) {
  for (const Named& file : encode::every_format(5000)) {
    if (file.name == "npz") continue;
    const fs::path pipe = dir_ / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer([&] {
      std::ofstream out(pipe, std::ios::binary);
      for (size_t at = 0; at < file.bytes.size(); at += 999) {  // cuts through headers and events
        out.write(reinterpret_cast<const char*>(&file.bytes[at]),
                  std::ptrdiff_t(std::min<size_t>(999, file.bytes.size() - at)));
        out.flush();
      }
    });
    const std::vector<Event> all = encode::read_all(open_recording(pipe));
    writer.join();
    EXPECT_EQ(all, file.events) << show(file);
    fs::remove(pipe);
  }
}

// Cut at every byte: either refused, naming the byte, or nothing is missing that began; with truncated, the whole
// events before the cut.
TEST_F(ReadersTest, CutAtEveryByte) {
  const ReadOptions truncated{.truncated = true, .unordered = false, .sensor = {}};
  for (const Named& file : encode::every_format(40)) {
    const bool flat = file.name != "npz" && file.name != "AEDAT 4";
    size_t refused = 0, last = 0;
    for (size_t size = 1; size < file.bytes.size(); ++size) {
      const Bytes cut(file.bytes.begin(), file.bytes.begin() + std::ptrdiff_t(size));
      try {
        const auto events = encode::read_all(cut);
        ASSERT_TRUE(events.size() <= file.events.size() &&
                    std::equal(events.begin(), events.end(), file.events.begin()))
            << show(file) << " at " << size;
      } catch (const InputError& e) {
        ++refused;
        EXPECT_THAT(e.what(), ::testing::HasSubstr("a, byte ")) << show(file);
      }
      try {
        const auto events = encode::read_all(cut, truncated);
        ASSERT_TRUE(events.size() <= file.events.size() &&
                    std::equal(events.begin(), events.end(), file.events.begin()))
            << show(file) << " at " << size;
        if (flat) {
          ASSERT_GE(events.size(), last) << show(file) << " at " << size;
        }
        last = events.size();
      } catch (const InputError&) {
        ASSERT_TRUE(!flat || last == 0) << show(file) << " at " << size;  // only in the header
      }
    }
    EXPECT_GT(refused, file.bytes.size() / 4) << show(file);
    if (flat) {
      EXPECT_EQ(last, file.events.size() - 1) << show(file);
    }
  }
}

TEST_F(ReadersTest, TimesThatRunBackAreRefusedUnlessWanted) {
  for (Named& file : encode::every_format(3000)) {
    auto events = file.events;
    std::swap(events[2000].t, events[2900].t);
    // The same recording with two times exchanged, encoded as every_format did.
    Bytes bytes;
    if (file.name == "AEDAT 2.0") bytes = encode::aedat2(events, file.sensor);
    if (file.name == "AEDAT 3.1") bytes = encode::aedat3(events);
    if (file.name == "AEDAT 4") bytes = encode::aedat4_file(events, file.sensor);
    if (file.name == "N-MNIST bin") bytes = encode::nmnist(events);
    if (file.name == "Prophesee DAT") bytes = encode::dat(events, file.sensor);
    if (file.name == "Prophesee EVT2") bytes = encode::evt2(events, file.sensor);
    if (file.name == "Prophesee EVT3") bytes = encode::evt3(events, file.sensor);
    if (file.name == "npz") bytes = encode::npz(events, false);
    expect_input_error([&] { encode::read_all(bytes); }, "time runs back");
    EXPECT_EQ(encode::read_all(bytes, {.truncated = false, .unordered = true, .sensor = {}}), events) << show(file);
  }
}

TEST_F(ReadersTest, EventsOutsideOfTheSensorAreRefused) {
  for (const Named& file : encode::every_format(100)) {
    const ReadOptions small{.truncated = false, .unordered = false, .sensor = {30, 30}};
    if (file.name == "AEDAT 2.0") continue;  // its addresses hang on the sensor
    expect_input_error([&] { encode::read_all(file.bytes, small); }, "expected x below 30 and y below 30");
  }
}

TEST_F(ReadersTest, EventsOutsideOfTheSensorAreLeftOutWhereTheyAreCounted) {
  const SensorSize small{30, 30};
  for (const Named& file : encode::every_format(3000)) {
    if (file.name == "AEDAT 2.0") continue;  // its addresses hang on the sensor
    int64_t left_out = 0;
    ReadOptions options{.truncated = false, .unordered = false, .sensor = small};
    options.left_out = &left_out;
    std::vector<Event> inside;
    std::ranges::copy_if(file.events, std::back_inserter(inside), [](const Event& e) { return e.x < 30 && e.y < 30; });
    EXPECT_EQ(encode::read_all(file.bytes, options), inside) << show(file);
    EXPECT_EQ(left_out, int64_t(file.events.size() - inside.size())) << show(file);
  }
  // A row that a DAVIS has not; its time, which runs back, does not matter.
  const SensorSize davis{346, 260};
  auto events = encode::random_events(300, davis);
  Bytes bytes = encode::aedat2(events, davis);
  encode::put_big_endian(bytes, 306u << 22 | 100u << 12), encode::put_big_endian(bytes, 0);
  expect_input_error([&] { encode::read_all(bytes); }, "expected x below 346 and y below 260");
  int64_t left_out = 0;
  ReadOptions options;
  options.left_out = &left_out;
  EXPECT_EQ(encode::read_all(bytes, options), events);
  EXPECT_EQ(left_out, 1);
}

// A data set has no flag for it.
TEST_F(ReadersTest, ErrorsNameNoFlagThatTheCommandHasNot) {
  ReadOptions options;
  options.of_data_set = true;
  for (const Named& file : encode::every_format(100)) {
    const Bytes cut(file.bytes.begin(), file.bytes.end() - 1);
    try {
      encode::read_all(cut, options);
      ADD_FAILURE() << show(file);
    } catch (const InputError& e) {
      EXPECT_THAT(e.what(), ::testing::Not(::testing::HasSubstr("--"))) << show(file);
    }
  }
}

TEST_F(ReadersTest, WhatIsNoRecordingIsNamed) {
  const auto read = [](const Bytes& bytes) { return [bytes] { encode::read_all(bytes); }; };
  expect_input_error(read({}), "a, byte 0: the file is empty");
  expect_input_error(read(encode::text("#!AER-DAT9.9\r\n")), "a, byte 0: begins with '#!AER-DAT9.9'");
  expect_input_error(read(encode::text("#!AER-DAT9.9\r\n")), "AEDAT 3.1");
  expect_input_error([&] { open_recording(dir_ / "none.aedat"); }, "none.aedat: no such file");
  expect_input_error([&] { open_recording(dir_); }, "is a folder");
}

}  // namespace
}  // namespace spikemix
