// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/readers.h"

#include <set>
#include <thread>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"

// The behaviour that all readers share; formats_test.cc has each format's own.
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
      for (size_t at = 0; at < file.bytes.size(); at += 999) {  // cuts within headers and events
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

// A camera that has sent a hundred events and pauses: they are read at once.
TEST_F(ReadersTest, EventsAreReadAsSoonAsTheyArrive) {
  for (const Named& file : encode::every_format(100)) {
    if (file.name == "npz") continue;  // its directory is at its end
    const fs::path pipe = dir_ / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    const int writer = ::open(pipe.c_str(), O_RDWR);
    ASSERT_EQ(::write(writer, file.bytes.data(), file.bytes.size()), ssize_t(file.bytes.size()));
    const Recording recording = open_recording(pipe);  // hangs if it waits for bytes that it does not need
    EXPECT_EQ(recording.format->name, file.name);
    std::vector<Event> events;
    while (events.size() < file.events.size()) {
      const auto more = recording.reader->read();
      events.insert(events.end(), more.begin(), more.end());
    }
    EXPECT_EQ(events, file.events) << show(file);
    ::close(writer);
    fs::remove(pipe);
  }
}

// Byte by byte, so that no format is mistaken for another that could begin with the same bytes.
TEST_F(ReadersTest, AreRecognisedWithAsManyBytesAsNecessary) {
  for (const Named& file : encode::every_format(100)) {
    if (file.name == "npz") continue;
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_DIRECT), 0);  // a read returns what one write wrote: one byte
    std::thread writer([&] {
      for (const uint8_t byte : file.bytes) EXPECT_EQ(::write(ends[1], &byte, 1), 1);
      ::close(ends[1]);
    });
    const Recording recording = open_recording(fmt::format("/proc/self/fd/{}", ends[0]));
    EXPECT_EQ(encode::read_all(recording), file.events) << show(file);
    writer.join();
    ::close(ends[0]);
  }
}

class SocketTest : public ReadersTest {
 protected:
  void connect(const fs::path& path) const {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    while (::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::this_thread::yield();
    }
    ::close(client);
  }
};

TEST_F(SocketTest, IsRemovedWhenWaitingIsCancelled) {
  const fs::path path = dir_ / "socket";
  const int stop = ::eventfd(0, 0);
  std::thread stopper([&] {
    while (!fs::exists(path)) std::this_thread::yield();
    const uint64_t one = 1;
    EXPECT_EQ(::write(stop, &one, sizeof one), ssize_t(sizeof one));
  });
  expect_input_error([&] { ByteSource::open("unix:" + path.string(), stop); }, "ended before anybody connected");
  stopper.join();
  EXPECT_FALSE(fs::exists(path));
  // A pipe that nobody writes to is cancelled as well.
  const fs::path pipe = dir_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(ByteSource::open(pipe, stop).peek(1).size(), 0u);
  ::close(stop);
}

TEST_F(SocketTest, ReplacesAnAbandonedOneAndNothingElse) {
  const fs::path path = dir_ / "socket";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const int other = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(other, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(other, 5), 0);
  expect_input_error([&] { ByteSource::open("unix:" + path.string()); }, "cannot make a socket there");
  ::close(other);  // like a program that was killed
  ASSERT_TRUE(fs::exists(path));
  std::thread client([&] { connect(path); });
  EXPECT_EQ(ByteSource::open("unix:" + path.string()).peek(1).size(), 0u);
  client.join();
  EXPECT_FALSE(fs::exists(path));
  write("socket", "a file");
  expect_input_error([&] { ByteSource::open("unix:" + path.string()); }, "cannot make a socket there");
  EXPECT_TRUE(fs::exists(path));
}

// Between records too, where nothing in the file itself is odd.
TEST_F(ReadersTest, AFileThatIsCutWhileItIsReadIsAnError) {
  constexpr uint64_t kCut = 40 * 2000;  // whole records of 2, 4, 5 and 8 bytes
  for (const Named& file : encode::every_format(200'000)) {
    const fs::path path = dir_ / "cut";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.bytes.data()), std::ptrdiff_t(file.bytes.size()));
    const Recording recording = open_recording(path);
    ASSERT_FALSE(recording.reader->read().empty()) << show(file);
    fs::resize_file(path, file.bytes.size() - kCut);
    EXPECT_THROW(encode::read_all(recording), InputError) << show(file);
  }
}

// Cut at every byte: either the file is refused, naming the byte, or no event that began is missing; with truncated, it
// gives the whole events before the cut.
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
        ASSERT_TRUE(!flat || last == 0) << show(file) << " at " << size;  // only within the header
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

TEST_F(ReadersTest, AFormatWithoutASensorTakesTheExpectedOne) {
  const ReadOptions expected{.fallback = {240, 180}};
  for (const Named& file : encode::every_format(100)) {
    const SensorSize sensor = file.name == "N-MNIST bin" ? expected.fallback : file.sensor;
    EXPECT_EQ(open_recording(ByteSource::memory("a", file.bytes), expected).reader->sensor(), sensor) << show(file);
  }
}

TEST_F(ReadersTest, EventsOutsideOfTheSensorAreRefused) {
  for (const Named& file : encode::every_format(100)) {
    const ReadOptions small{.truncated = false, .unordered = false, .sensor = {30, 30}};
    if (file.name == "AEDAT 2.0") continue;  // its addresses depend on the sensor
    expect_input_error([&] { encode::read_all(file.bytes, small); }, "expected x below 30 and y below 30");
  }
}

TEST_F(ReadersTest, EventsOutsideOfTheSensorAreLeftOutIfCounted) {
  const SensorSize small{30, 30};
  for (const Named& file : encode::every_format(3000)) {
    if (file.name == "AEDAT 2.0") continue;  // its addresses depend on the sensor
    int64_t left_out = 0;
    ReadOptions options{.truncated = false, .unordered = false, .sensor = small};
    options.left_out = &left_out;
    std::vector<Event> inside;
    std::ranges::copy_if(file.events, std::back_inserter(inside), [](const Event& e) { return e.x < 30 && e.y < 30; });
    EXPECT_EQ(encode::read_all(file.bytes, options), inside) << show(file);
    EXPECT_EQ(left_out, int64_t(file.events.size() - inside.size())) << show(file);
  }
  // A row that a DAVIS does not have; its time, which runs back, does not matter.
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

// Data sets are read without that flag.
TEST_F(ReadersTest, ErrorsNameOnlyFlagsThatTheCommandHas) {
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

TEST_F(ReadersTest, FilesThatAreNotRecordingsAreNamed) {
  const auto read = [](const Bytes& bytes) { return [bytes] { encode::read_all(bytes); }; };
  expect_input_error(read({}), "a, byte 0: the file is empty");
  expect_input_error(read(encode::text("#!AER-DAT9.9\r\n")), "a, byte 0: begins with '#!AER-DAT9.9'");
  expect_input_error(read(encode::text("#!AER-DAT9.9\r\n")), "AEDAT 3.1");
  expect_input_error([&] { open_recording(dir_ / "none.aedat"); }, "none.aedat: no such file");
  expect_input_error([&] { open_recording(dir_); }, "is a folder");
}

}  // namespace
}  // namespace spikemix
