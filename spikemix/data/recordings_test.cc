// SPDX-License-Identifier: MIT
#include "spikemix/data/recordings.h"

#include <algorithm>
#include <cstring>

#include <nlohmann/json.hpp>

#include "spikemix/base/file.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/event_input.h"
#include "spikemix/data/event_words.h"
#include "spikemix/data/files_test.h"
#include "spikemix/data/loader.h"
#include "spikemix/data/subset.h"
#include "spikemix/data/summary.h"
#include "spikemix/data/whole_recording.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/frames.h"

namespace spikemix {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(EventWords, RoundTrip) {
  const auto round_trip = [](const std::vector<Event>& events) {
    const EventWords packed = pack_events(events);
    std::vector<Event> back(events.size());
    EXPECT_TRUE(unpack_events(packed.words, packed.x_bits, packed.y_bits, events.front().t, back));
    EXPECT_EQ(back, events);
    // Neither more nor fewer words, nor more events.
    EXPECT_FALSE(unpack_events(std::span(packed.words).first(packed.words.size() - 1), packed.x_bits, packed.y_bits,
                               events.front().t, back));
    back.resize(events.size() - 1);
    EXPECT_FALSE(unpack_events(packed.words, packed.x_bits, packed.y_bits, events.front().t, back));
    return packed.words.size();
  };
  EXPECT_EQ(round_trip(encode::random_events(5000, {128, 128})), 5000u);  // one word each
  round_trip(encode::random_events(5000, {1280, 720}, 1, 0, 2000));       // 10 bits for the time
  round_trip(encode::random_events(300, {32768, 32768}));                 // one
  for (const int64_t delay : {int64_t(1) << 17, (int64_t(1) << 17) - 1, (int64_t(1) << 17) - 2, int64_t(0xFFFFFFFF),
                              int64_t(0xFFFFFFFE), int64_t(1) << 40}) {
    round_trip({{-5, 127, 127, 1}, {-5 + delay, 0, 127, 0}, {-4 + delay, 127, 0, 1}});
  }
  expect_input_error([] { pack_events(std::vector<Event>{{0, 65535, 1 << 15, 0}}); }, "no compact form");
}

class RecordingsTest : public FilesTest {
 protected:
  DataConfig data(const std::string& name) const {
    DataConfig config;
    config.dir = dir_ / name, config.cache = dir_ / "cache";
    return config;
  }
  /// A recording that is identified by its number of events.
  static Bytes recording(size_t n) { return encode::aedat3(encode::random_events(n, {128, 128}, n)); }
  static Bytes as_npz(size_t n) { return encode::npz(encode::random_events(n, {128, 128}, n), true); }
  std::vector<int64_t> counts(const Dataset& set) const {
    std::vector<int64_t> all;
    for (int64_t i = 0; i < set.size(); ++i) {
      all.push_back(set.recording(i).events);
      EXPECT_THAT(set.events(i), SizeIs(all.back()));
    }
    return all;
  }
  fs::path cache_file() const {
    for (const auto& entry : fs::directory_iterator(dir_ / "cache")) {
      if (entry.path().extension() == ".events") return entry.path();
    }
    return {};
  }
};

TEST_F(RecordingsTest, WithoutASplitTheFirstNinetyPercentOfAClassAreForTraining) {
  for (const int i : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    write(fmt::format("set/cat/cat_{}.aedat", i), recording(size_t(100 + i)));
  write("set/dog/a.npz", encode::npz(encode::random_events(50, {128, 128}), true));
  write("set/dog/notes.txt", std::string("no recording"));
  const auto train = open_dataset(data("set"), Split::kTrain), test = open_dataset(data("set"), Split::kTest);
  EXPECT_THAT(train->classes(), ElementsAre("cat", "dog"));
  // By name: 0, 1, 10, 2, ...; ten of eleven, as SpikingJelly rounds, and the only dog.
  EXPECT_THAT(counts(*train), ElementsAre(100, 101, 110, 102, 103, 104, 105, 106, 107, 108, 50));
  EXPECT_THAT(counts(*test), ElementsAre(109));
  EXPECT_EQ(train->label(10), 1);
  EXPECT_THAT(train->source(2), EndsWith("set/cat/cat_10.aedat"));
  EXPECT_EQ(train->recording(10).sensor, (SensorSize{128, 128}));  // npz does not say: same as the others
  EXPECT_EQ(train->events(0), encode::random_events(100, {128, 128}, 100));
  EXPECT_TRUE(train->holds_events());
  expect_input_error([&] { train->image(0); }, "cat_0.aedat: a recording of an event camera, expected an image");
}

TEST_F(RecordingsTest, FoldersOfSplitsAndArchivesOfThem) {
  const std::vector<Member> members = {
      {"Train/1/00002.bin", encode::nmnist(encode::random_events(20, {34, 34}))},
      {"Train/0/00003.bin", encode::nmnist(encode::random_events(30, {34, 34}))},
      {"Train/0/00001.bin", encode::nmnist(encode::random_events(10, {34, 34}))},
      {"Test/1/00009.bin", encode::nmnist(encode::random_events(90, {34, 34}))},
  };
  for (const Member& member : members) write("set/" + member.name, member.bytes);
  write_tar("set.tar.gz", members);
  fs::create_directory(dir_ / "parts");
  write_tar("parts/Train.tar", {members[0], members[1], members[2]});
  write_tar("parts/Test.tar", {members[3]});
  for (const char* name : {"set", "set.tar.gz", "parts"}) {
    SCOPED_TRACE(name);
    const auto train = open_dataset(data(name), Split::kTrain), test = open_dataset(data(name), Split::kTest);
    EXPECT_THAT(counts(*train), ElementsAre(10, 30, 20));
    EXPECT_THAT(counts(*test), ElementsAre(90));
    EXPECT_EQ(test->label(0), 1);
    EXPECT_EQ(test->recording(0).sensor, (SensorSize{34, 34}));
  }
  EXPECT_THAT(open_dataset(data("set.tar.gz"), Split::kTest)->source(0), EndsWith("set.tar.gz: Test/1/00009.bin"));
}

TEST_F(RecordingsTest, PublishedSplitNamesAreRecognised) {
  for (const auto& [folder, count] : {std::pair{"n-cars_train", 10}, {"n-cars_test", 4}}) {
    for (int i = 0; i < count; ++i) {
      write(fmt::format("set/{}/{}/{}.aedat", folder, i % 2 ? "cars" : "background", i),
            recording(size_t(10 * count + i)));
    }
  }
  EXPECT_EQ(open_dataset(data("set"), Split::kTrain)->size(), 10);
  const auto test = open_dataset(data("set"), Split::kTest);
  EXPECT_EQ(test->size(), 4);
  EXPECT_EQ(test->report().train_folder, "n-cars_train");
  EXPECT_EQ(test->report().test_folder, "n-cars_test");
  EXPECT_FALSE(test->report().drawn);
  // One of them alone is not a set to draw a test part from.
  expect_input_error([&] { open_dataset(data("set/n-cars_train"), Split::kTrain); },
                     "n-cars_train: one split of a data set, beside n-cars_test; give the folder that holds both");
}

TEST_F(RecordingsTest, ValidationIsNotMixedIntoTheTestSet) {
  for (const char* name : {"train/a/1", "train/a/2", "val/a/3", "test/a/4"}) {
    write(fmt::format("set/{}.aedat", name), recording(size_t(100 + name[std::strlen(name) - 1])));
  }
  const auto test = open_dataset(data("set"), Split::kTest);
  EXPECT_EQ(test->size(), 1);
  EXPECT_THAT(test->source(0), EndsWith("set/test/a/4.aedat"));
  EXPECT_THAT(test->report().left_out,
              ElementsAre(Remark{"recordings of a split that is not used", 1, "val/a/3.aedat"}));
  EXPECT_EQ(open_dataset(data("set"), Split::kTest)->report(), test->report());  // from the cache, too
}

TEST_F(RecordingsTest, ArchivesNamedLikeSplitsAreSplits) {
  write_tar("set/train.tar", {{"cat/1.aedat", recording(10)}, {"dog/1.aedat", recording(11)}});
  write_tar("set/test.tar", {{"cat/1.aedat", recording(12)}});
  EXPECT_THAT(counts(*open_dataset(data("set"), Split::kTrain)), ElementsAre(10, 11));
  EXPECT_THAT(counts(*open_dataset(data("set"), Split::kTest)), ElementsAre(12));
}

TEST_F(RecordingsTest, ARecordingIsNeverInTrainingAndTestDataUnderTwoNames) {
  const auto refuses = [&](const std::string& text) {
    expect_input_error([&] { open_dataset(data("set"), Split::kTrain); }, text);
    EXPECT_EQ(cache_file(), fs::path());
    fs::remove_all(dir_ / "set");
  };
  const auto write_class = [&] {
    for (int i = 0; i < 9; ++i) write(fmt::format("set/cat/{}.aedat", i), recording(size_t(10 + i)));
  };
  write_class();
  write("set/cat/9.aedat", recording(10));  // a copy, which goes into the test set
  refuses("set: test recordings that are training recordings too: 1 (" + (dir_ / "set/cat/9.aedat").string() + " = " +
          (dir_ / "set/cat/0.aedat").string() + "); remove one of each pair");
  write_class();
  fs::create_hard_link(dir_ / "set/cat/3.aedat", dir_ / "set/cat/z.aedat");
  refuses("test recordings that are training recordings too: 1 (");
  write_class();
  write("set/cat/z.npz", as_npz(14));  // in another format
  refuses("test recordings that are training recordings too: 1 (");
  write_class();
  std::vector<Event> later = encode::random_events(14, {128, 128}, 14);
  for (Event& e : later) e.t += 1000000;
  write("set/cat/z.aedat", encode::aedat3(later));  // its clock starts elsewhere
  refuses("test recordings that are training recordings too: 1 (");
  // If the files have a split, and within one split, it is reported; recordings without events do not count as equal.
  write("set/train/cat/1.aedat", recording(10));
  write("set/test/cat/2.aedat", recording(10));
  EXPECT_THAT(open_dataset(data("set"), Split::kTrain)->report().repeated,
              ElementsAre(::testing::Field(&Remark::what, "test recordings that are training recordings too")));
  fs::remove_all(dir_ / "set");
  for (const char* name : {"train/cat/1", "train/cat/2"}) write(fmt::format("set/{}.aedat", name), recording(10));
  for (const char* name : {"train/cat/3", "test/cat/4"}) write(fmt::format("set/{}.aedat", name), encode::aedat3({}));
  EXPECT_THAT(open_dataset(data("set"), Split::kTrain)->report().repeated,
              ElementsAre(::testing::Field(&Remark::count, 1)));
}

TEST_F(RecordingsTest, CopiesThatSpikingJellyMakesAreRefusedOrLeftOut) {
  for (int i = 0; i < 10; ++i) {
    write(fmt::format("set/extract/cat/cat_{}.aedat", i), recording(size_t(10 + i)));
    write(fmt::format("set/frames_number_4_split_by_number/cat/cat_{}.npz", i), std::string("frames"));
  }
  const auto train = open_dataset(data("set"), Split::kTrain);
  EXPECT_EQ(train->size(), 9);
  EXPECT_TRUE(train->report().drawn);
  EXPECT_THAT(train->report().left_out, ElementsAre(::testing::Field(&Remark::count, 10)));
  for (int i = 0; i < 10; ++i) write(fmt::format("set/events_np/cat/cat_{}.npz", i), as_npz(size_t(10 + i)));
  expect_input_error([&] { open_dataset(data("set"), Split::kTrain); }, "in another format, and a recording must not");
  fs::remove_all(dir_ / "set/events_np");
  write_tar("set/download/cat.tar", {{"cat/cat_0.aedat", recording(10)}, {"cat/cat_9.aedat", recording(19)}});
  expect_input_error([&] { open_dataset(data("set"), Split::kTrain); }, "test recordings that are training recordings");
}

TEST_F(RecordingsTest, AnArchiveNextToItsUnpackedFolderIsLeftOut) {
  std::vector<Member> members;
  for (int i = 0; i < 10; ++i) {
    members.push_back({fmt::format("cat/{}.aedat", i), recording(size_t(10 + i))});
    write(fmt::format("set/cat/cat/{}.aedat", i), members.back().bytes);
  }
  write_tar("set/cat.tar", members);
  const auto train = open_dataset(data("set"), Split::kTrain);
  EXPECT_EQ(train->size(), 9);
  EXPECT_THAT(train->report().left_out, ElementsAre(Remark{"archives that are not read", 1, "cat.tar"}));
}

TEST_F(RecordingsTest, CaltechAsDownloaded) {
  for (const char* name : {"BACKGROUND_Google", "airplanes"}) {
    write(fmt::format("set/Caltech101/{}/image_0001.bin", name),
          encode::nmnist(encode::random_events(10, {200, 150}, *name)));
    write(fmt::format("set/Caltech101_annotations/{}/annotation_0001.bin", name), Bytes{2, 0, 4, 0, 1, 0});
  }
  const auto train = open_dataset(data("set"), Split::kTrain);
  EXPECT_THAT(train->classes(), ElementsAre("BACKGROUND_Google", "airplanes"));
  EXPECT_EQ(train->size(), 2);
  EXPECT_THAT(train->report().left_out, ElementsAre(::testing::Field(&Remark::what, "annotations (N-Caltech101)")));
}

TEST_F(RecordingsTest, CaltechsSensorIsLarger) {
  write("set/airplanes/image_0001.bin", encode::nmnist(encode::random_events(10, {200, 150})));
  EXPECT_EQ(open_dataset(data("set"), Split::kTrain)->recording(0).sensor, (SensorSize{240, 180}));
  expect_input_error([&] { open_dataset(data("set"), Split::kTest); }, "set: no test recordings");
}

TEST_F(RecordingsTest, GestureIsCutByItsTables) {
  const auto events = encode::random_events(5000, {128, 128});  // 15 ms
  write("set/user01_led.aedat", encode::aedat3(events));
  write("set/user02_led.aedat", encode::aedat3(events));
  write("set/user01_led_labels.csv", std::string("class,startTime_usec,endTime_usec\n11,1000,3000\n1,5000,5001\n"));
  write("set/user02_led_labels.csv", std::string("class,startTime_usec,endTime_usec\r\n2,0,100000\r\n"));
  write("set/trials_to_train.txt", std::string("user01_led.aedat\n\n"));
  write("set/trials_to_test.txt", std::string("user02_led.aedat"));
  const auto train = open_dataset(data("set"), Split::kTrain), test = open_dataset(data("set"), Split::kTest);
  std::vector<Event> part;
  std::ranges::copy_if(events, std::back_inserter(part), [](const Event& e) { return e.t >= 1000 && e.t < 3000; });
  ASSERT_EQ(train->size(), 2);
  EXPECT_EQ(train->events(0), part);
  EXPECT_EQ(train->label(0), 10);
  EXPECT_EQ(train->classes()[10], "other_gestures");
  EXPECT_EQ(test->events(0), events);
  EXPECT_THAT(train->source(0), EndsWith("user01_led.aedat from 1000 us"));

  const std::string mark = "\xEF\xBB\xBF";  // as Windows' editors write it
  for (const char* file : {"user01_led_labels.csv", "trials_to_train.txt", "trials_to_test.txt"}) {
    const std::string before = read_file(dir_ / "set" / file);
    write(fmt::format("set/{}", file), mark + before);
    EXPECT_EQ(open_dataset(data("set"), Split::kTrain)->size(), 2) << file;
    write(fmt::format("set/{}", file), before);
  }

  write("set/gesture_mapping.csv", std::string("action,label\nwave,1\n"));
  EXPECT_EQ(open_dataset(data("set"), Split::kTrain)->classes()[0], "wave");
  const auto refuses = [&](const std::string& file, const std::string& text, const std::string& message) {
    const std::string before = read_file(dir_ / file);
    write(file, text);
    expect_input_error([&] { open_dataset(data("set"), Split::kTrain); }, (dir_ / file).string() + message);
    write(file, before);
  };
  const std::string head = "class,startTime_usec,endTime_usec\n";
  refuses("set/user01_led_labels.csv", head + "1,0,10\n12,0,10\n", ":3: class 12, expected 1 to 11");
  refuses("set/user01_led_labels.csv", head + "1,0\n", ":2: '1,0', expected CLASS,START,END");
  refuses("set/user01_led_labels.csv", head + "1,x,10\n", ":2: '1,x,10', expected CLASS,START,END");
  refuses("set/user01_led_labels.csv", head + "1,10,10\n", ":2: from 10 to 10 us, expected an end after the start");
  refuses("set/trials_to_test.txt", "user02_led.aedat\nuser03.aedat\n", ":2: names 'user03.aedat', which is not there");
  refuses("set/trials_to_test.txt", "user02_led.aedat\nuser01_led.aedat\n",
          ":2: names 'user01_led.aedat' again, which is named for training");
  refuses("set/gesture_mapping.csv", "action,label\nwave,0\n", ":2: 'wave,0', expected ACTION,LABEL");
  fs::remove(dir_ / "set/user02_led_labels.csv");
  expect_input_error([&] { open_dataset(data("set"), Split::kTest); }, "user02_led_labels.csv: no such file");
  fs::remove(dir_ / "set/trials_to_test.txt");
  expect_input_error([&] { open_dataset(data("set"), Split::kTest); }, "trials_to_test.txt: no such file");
}

TEST_F(RecordingsTest, ADamagedRecordingIsNamedAndLeavesNoCache) {
  write("set/train/cat/a.aedat", recording(100));
  write("set/train/cat/b.aedat", std::string("#!AER-DAT9.9\r\n"));
  write("set/a.aedat", recording(100));
  const std::string file = (dir_ / "set/train/cat/b.aedat").string();
  expect_input_error([&] { open_dataset(data("set"), Split::kTrain); }, file + ", byte 0: begins with");
  EXPECT_EQ(cache_file(), fs::path());
  fs::create_directories(dir_ / "set/other");
  fs::rename(dir_ / "set/a.aedat", dir_ / "set/other/a.aedat");
  expect_input_error([&] { open_dataset(data("set"), Split::kTrain); }, "a recording outside of train/ and test/");
}

TEST_F(RecordingsTest, DamagedRecordingsAreLeftOutIfAllowed) {
  for (const char* name : {"train/cat/a", "train/cat/c", "train/dog/a", "test/cat/a"}) {
    write(fmt::format("set/{}.aedat", name), recording(100));
  }
  write("set/train/cat/b.aedat", std::string("#!AER-DAT9.9\r\n"));
  write("set/test/cat/b.aedat", Bytes{1, 2});
  DataConfig config = data("set");
  for (const std::string& cache : {(dir_ / "cache").string(), std::string("off")}) {
    config.cache = cache, config.skip_bad = 0;
    expect_input_error([&] { open_dataset(config, Split::kTrain); }, "out with data.skip_bad=N (--skip-bad N)");
    config.skip_bad = 1;
    const auto train = open_dataset(config, Split::kTrain), test = open_dataset(config, Split::kTest);
    EXPECT_EQ(train->size(), 3);
    EXPECT_EQ(test->size(), 1);
    ASSERT_EQ(train->damaged().size(), 1u);
    EXPECT_THAT(train->damaged()[0], ::testing::HasSubstr("train/cat/b.aedat"));
    ASSERT_EQ(test->damaged().size(), 1u);
    EXPECT_EQ(train->source(1), (dir_ / "set/train/cat/c.aedat").string());
    // A cache that leaves some out does not bypass the setting.
    config.skip_bad = 0;
    expect_input_error([&] { open_dataset(config, Split::kTrain); }, "cat/b.aedat");
  }
}

TEST_F(RecordingsTest, TheCacheIsUsedUntilTheDataChange) {
  write("set/cat/a.aedat", recording(100));
  const fs::path file = dir_ / "set/cat/a.aedat";
  EXPECT_THAT(counts(*open_dataset(data("set"), Split::kTrain)), ElementsAre(100));
  // A change that keeps length and time goes unnoticed.
  const auto time = fs::last_write_time(file);
  Bytes noise = recording(100);
  noise.assign(noise.size(), 0xFF);
  write("set/cat/a.aedat", noise);
  fs::last_write_time(file, time);
  EXPECT_EQ(open_dataset(data("set"), Split::kTrain)->events(0), encode::random_events(100, {128, 128}, 100));
  write("set/cat/a.aedat", recording(70));
  EXPECT_THAT(counts(*open_dataset(data("set"), Split::kTrain)), ElementsAre(70));
  for (int i = 0; i < 10; ++i) write(fmt::format("set/cat/b{}.aedat", i), recording(size_t(80 + i)));
  EXPECT_EQ(open_dataset(data("set"), Split::kTrain)->size(), 10);
}

TEST_F(RecordingsTest, ADamagedCacheIsMadeAgain) {
  write("set/cat/a.aedat", recording(3));
  EXPECT_THAT(counts(*open_dataset(data("set"), Split::kTrain)), ElementsAre(3));
  const fs::path file = cache_file();
  const Bytes whole = read_bytes(file);
  for (size_t n = 0; n < whole.size(); ++n) {  // cut short
    write("cache/" + file.filename().string(), Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(n)));
    ASSERT_THAT(counts(*open_dataset(data("set"), Split::kTrain)), ElementsAre(3)) << n;
    ASSERT_EQ(read_bytes(file), whole) << n;
  }
  for (size_t n = 0; n < whole.size(); ++n) {  // one byte wrong
    Bytes wrong = whole;
    wrong[n] ^= 0x10;
    write("cache/" + file.filename().string(), wrong);
    if (n < 12) {  // the words
      EXPECT_THAT([&] { open_dataset(data("set"), Split::kTrain)->events(0); },
                  ::testing::ThrowsMessage<RunError>(HasSubstr("a.aedat is damaged; remove this file")));
    } else {
      ASSERT_THAT(counts(*open_dataset(data("set"), Split::kTrain)), ElementsAre(3)) << n;
    }
  }
}

TEST_F(RecordingsTest, WithoutACacheTheyAreReadAgainWithANote) {
  write("set/cat/a.aedat", recording(3));
  std::vector<std::string> notes;
  std::vector<CacheReport::State> states;
  OpenListener listener;
  listener.note = [&](const std::string& line) { notes.push_back(line); };
  listener.cache = [&](const CacheReport& report) { states.push_back(report.state); };
  DataConfig config = data("set");
  config.cache = dir_ / "set/cat/a.aedat/cache";
  EXPECT_THAT(counts(*open_dataset(config, Split::kTrain, listener)), ElementsAre(3));
  EXPECT_THAT(notes, ElementsAre(AllOf(HasSubstr("Not a directory; another folder?"), HasSubstr("read again"))));
  config.cache = "off";
  EXPECT_THAT(counts(*open_dataset(config, Split::kTrain, listener)), ElementsAre(3));
  config.cache = dir_ / "set";  // its own files do not make it stale
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(counts(*open_dataset(config, Split::kTrain, listener)), ElementsAre(3));
  }
  using enum CacheReport::State;
  EXPECT_THAT(states, ElementsAre(kUnwritable, kBuilt, kFound));
  EXPECT_THAT(notes, SizeIs(1));
}

TEST_F(RecordingsTest, BatchesAreTheSameOnAnyNumberOfThreads) {
  for (int i = 0; i < 12; ++i) {
    write(fmt::format("set/train/{}/{}.aedat", i % 3, i), recording(size_t(500 + i)));
  }
  const std::shared_ptr<const Dataset> set = open_dataset(data("set"), Split::kTrain);
  LoaderOptions options;
  options.events = true, options.T = 3, options.channels = 2, options.height = options.width = 32;
  options.classes = 3, options.batch = 4, options.seed = 7, options.train = true;
  options.augment = {.crop_padding = 0,
                     .mixup = 0.5,
                     .roll = 3,
                     .cutout = 4,
                     .rotate = 15,
                     .shear = 10,
                     .scale = 0.2,
                     .event_drop = 0.1,
                     .polarity_flip = 0.5,
                     .time_jitter = 10};
  std::vector<std::vector<float>> first;
  for (const int64_t threads : {1, 2, 5}) {
    options.threads = threads;
    Loader loader(set, options);
    std::vector<std::vector<float>> batches;
    for (const int64_t epoch : {0, 1}) {
      loader.start_epoch(epoch);
      for (Batch batch; loader.next(batch);) batches.push_back(batch.images);
    }
    EXPECT_THAT(batches, SizeIs(6));
    EXPECT_THAT(batches[0], SizeIs(4 * 3 * 2 * 32 * 32));
    if (first.empty()) first = batches;
    EXPECT_EQ(batches, first);
    EXPECT_NE(batches[0], batches[3]);  // each epoch has its own
  }
  // Without augmentation: the frames, pooled 4 x 4.
  options.train = false, options.frames = {.by = "time", .values = "binary"};
  Loader loader(set, options);
  loader.start_epoch(0);
  Batch batch;
  ASSERT_TRUE(loader.next(batch));
  const Frames frames =
      integrate(set->events(1), {128, 128},
                {.T = 3, .split = FrameOptions::Split::kTime, .binary = true, .height = 32, .width = 32});
  EXPECT_TRUE(std::ranges::equal(std::span(batch.images).subspan(3 * 2 * 32 * 32, 3 * 2 * 32 * 32), frames.counts,
                                 [](float a, uint32_t b) { return a == float(b); }));

  options.channels = 3;
  expect_input_error([&] { Loader(set, options); }, "model.channels = 3: frames of events have 2");
  options.events = false;
  expect_input_error([&] { Loader(set, options); }, "the data are recordings of event cameras, the model takes images");
}

// Recordings that do not give their sensor's size, each on a part of it (N-CARS).
TEST_F(RecordingsTest, AModelSeesARecordingAsInTrainingWhereverTheFileIs) {
  const SensorSize sizes[] = {{100, 90}, {40, 71}, {63, 20}};
  for (int i = 0; i < 3; ++i) {
    const Bytes bytes = encode::npz(encode::random_events(300, sizes[i], uint64_t(i)), false);
    write(fmt::format("set/train/cat/{}.npz", i), bytes);
    if (i > 0) write(fmt::format("other/test/cat/{}.npz", i), bytes);
  }
  Config config;
  config.model.input = "events", config.model.channels = 2, config.model.classes = 1, config.model.T = 2;
  config.model.height = config.model.width = 128;
  const std::shared_ptr<const Dataset> train = open_dataset(data("set"), Split::kTrain);
  const ModelCard card = ModelCard::from_text(card_of(config, *train).to_text(), "m");
  EXPECT_EQ(model_sensor(card.frames), train->recording(0).sensor);
  const auto inputs = [&](const std::shared_ptr<const Dataset>& set) {
    Loader loader(set, test_loader_options(card, set->size(), 1));
    loader.start_epoch(0);
    Batch batch;
    EXPECT_TRUE(loader.next(batch));
    return batch.images;
  };
  const std::vector<float> all = inputs(train), some = inputs(open_dataset(data("other"), Split::kTest));
  const size_t one = all.size() / 3;
  EXPECT_TRUE(std::ranges::equal(std::span(all).subspan(one), some));
  // Alone, as from the command line.
  for (size_t i = 0; i < 3; ++i) {
    const WholeRecording file = read_recording(ByteSource::open(dir_ / fmt::format("set/train/cat/{}.npz", i)), {});
    EXPECT_FALSE(file.says);
    std::vector<float> frames(one);
    write_frames(integrate(file.events, frame_sensor(card.frames, file.info()), frame_options(card.model, card.frames)),
                 frames.data());
    EXPECT_TRUE(std::ranges::equal(std::span(all).subspan(i * one, one), frames)) << i;
  }
}

TEST(FrameSensor, IsTheModelsAndHoldsTheRecording) {
  FrameSettings settings;
  const RecordingInfo recording{.sensor = {50, 60}, .own = {30, 70}};
  EXPECT_EQ(frame_sensor(settings, recording), (SensorSize{50, 60}));  // for a model that does not know its own
  settings.sensor_width = settings.sensor_height = 64;
  EXPECT_EQ(frame_sensor(settings, recording), (SensorSize{64, 70}));
  EXPECT_EQ(frame_sensor(settings, {.sensor = {50, 60}, .own = {50, 60}}), (SensorSize{64, 64}));
}

TEST_F(RecordingsTest, SummaryHasEventsAndDurations) {
  write("set/train/cat/a.aedat", encode::aedat3(std::vector<Event>{{1000, 1, 1, 1}, {5000, 1, 1, 0}}));
  write("set/train/cat/b.aedat", encode::aedat3(std::vector<Event>{{1000, 1, 1, 1}, {2000, 1, 1, 0}, {3000, 1, 1, 0}}));
  write("set/train/dog/a.aedat", encode::aedat3({}));
  const DataSummary summary = summarise(data("set"));
  EXPECT_EQ(summary.format, "recordings");
  ASSERT_THAT(summary.splits, SizeIs(1));
  const SplitSummary& s = summary.splits[0];
  EXPECT_EQ(s.images, 3);
  ASSERT_THAT(s.class_events, SizeIs(2));
  EXPECT_EQ(s.class_events[0].events, 5);
  EXPECT_EQ(s.class_events[0].min_us, 2000);
  EXPECT_EQ(s.class_events[0].max_us, 4000);
  EXPECT_DOUBLE_EQ(s.class_events[0].seconds, 0.006);
  EXPECT_EQ(s.class_events[1].events, 0);
  EXPECT_THAT(subset(open_dataset(data("set"), Split::kTrain), 2, "k")->events(0), SizeIs(2));
}

class RealRecordings : public RecordingsTest {};

TEST_F(RealRecordings, NMnist) {
  const fs::path archive = real_data("events/nmnist-1k.tar.xz");
  if (archive.empty()) GTEST_SKIP() << "no data: events/nmnist-1k.tar.xz";
  DataConfig config = data("");
  config.dir = archive;
  const auto truth = nlohmann::json::parse(read_file(archive.string() + ".json"))["recordings_and_events_by_digit"];
  const DataSummary summary = summarise(config);
  for (const SplitSummary& split : summary.splits) {
    for (size_t digit = 0; digit < 10; ++digit) {
      const auto& want = truth[split.name == "train" ? "Train" : "Test"][std::to_string(digit)];
      EXPECT_EQ(split.class_counts[digit], want[0]);
      EXPECT_EQ(split.class_events[digit].events, want[1]);
    }
  }
}

TEST_F(RealRecordings, DvsGesture) {
  const fs::path folder = real_data("events/DvsGesture");
  if (folder.empty()) GTEST_SKIP() << "no data: events/DvsGesture";
  DataConfig config = data("");
  config.dir = folder;
  const auto train = open_dataset(config, Split::kTrain), test = open_dataset(config, Split::kTest);
  ASSERT_EQ(train->size() + test->size(), 6);
  const auto events = encode::read_all(open_recording(folder / "user01_fluorescent.aedat"));
  for (const auto* set : {train.get(), test.get()}) {
    for (int64_t i = 0; i < set->size(); ++i) {
      const auto sample = set->events(i);
      EXPECT_GT(sample.size(), 10000u);
      EXPECT_LT(set->recording(i).last_t - set->recording(i).first_t, 1450000);
      if (set->source(i).find("user01") == std::string::npos) continue;
      const auto begin = std::ranges::lower_bound(events, sample.front().t, {}, &Event::t);
      EXPECT_TRUE(std::ranges::equal(sample, std::span(begin, begin + std::ptrdiff_t(sample.size()))));
    }
  }
}

}  // namespace
}  // namespace spikemix
