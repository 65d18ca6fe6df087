// SPDX-License-Identifier: MIT
#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "spikemix/base/file.h"
#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/frames.h"
#include "spikemix/events/summary.h"

// Real recordings, with the figures of independent readers (the JSON next to each).
namespace spikemix {
namespace {

std::vector<fs::path> recordings(const fs::path& root) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const fs::path file = entry.path();
    if (fs::exists(file.string() + ".json") && file.extension() != ".xz") files.push_back(file);
  }
  std::ranges::sort(files);
  return files;
}

std::vector<Event> read_all(const fs::path& file) { return encode::read_all(open_recording(file)); }

TEST(GroundTruth, CountsSumsAndTimes) {
  const fs::path root = real_data("events");
  if (root.empty()) GTEST_SKIP() << "no data: events";
  const auto files = recordings(root);
  EXPECT_GE(files.size(), 8u);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename());
    const auto truth = nlohmann::json::parse(read_file(file.string() + ".json"));
    const Recording recording = open_recording(file);
    EXPECT_TRUE(truth["format"].get<std::string>().starts_with(recording.format->name));
    const EventSummary s = summarise(*recording.reader);
    EXPECT_EQ(s.sensor.width, truth["width"]);
    EXPECT_EQ(s.sensor.height, truth["height"]);
    EXPECT_EQ(s.events, truth["events"]);
    EXPECT_EQ(s.first_t, truth["first_t"]);
    EXPECT_EQ(s.last_t, truth["last_t"]);
    EXPECT_EQ(s.on, truth["on"]);
    EXPECT_EQ(s.off, truth["off"]);
    EXPECT_EQ(s.sum_x, truth["sum_x"]);
    EXPECT_EQ(s.sum_y, truth["sum_y"]);
    EXPECT_EQ(s.monotonic, truth["monotonic"]);
    const auto events = read_all(file);
    const auto same = [](const nlohmann::json& list, auto first) {
      for (size_t i = 0; i < list.size(); ++i, ++first) {
        EXPECT_EQ((nlohmann::json{first->t, first->x, first->y, first->p}), list[i]);
      }
    };
    same(truth["first"], events.begin());
    same(truth["last"], events.end() - 5);
  }
}

// 16 frames by number and by time: the sum of each frame and polarity, and the sum of value x flat index, which changes
// if one event is misplaced.
TEST(GroundTruth, FramesAsSpikingJellyIntegratesThem) {
  const fs::path root = real_data("events");
  if (root.empty()) GTEST_SKIP() << "no data: events";
  int compared = 0;
  for (const fs::path& file : recordings(root)) {
    const auto truth = nlohmann::json::parse(read_file(file.string() + ".json"));
    for (const auto& [key, split] : {std::pair("frames16_by_number", FrameOptions::Split::kNumber),
                                     std::pair("frames16_by_time", FrameOptions::Split::kTime)}) {
      if (!truth.contains(key)) continue;
      SCOPED_TRACE(file.filename().string() + " " + key);
      const SensorSize sensor{truth["width"], truth["height"]};
      const Frames frames = integrate(read_all(file), sensor, {.T = 16, .split = split});
      const int64_t plane = frames.height * frames.width;
      uint64_t weighted = 0;
      for (int64_t i = 0; i < 16; ++i) {
        std::array<uint64_t, 2> sums{};
        for (int64_t k = 0; k < 2 * plane; ++k) {
          sums[size_t(k / plane)] += frames.frame(i)[size_t(k)];
          weighted += uint64_t(frames.frame(i)[size_t(k)]) * uint64_t(k);
        }
        EXPECT_EQ(nlohmann::json(sums), truth[key]["sum_per_frame_and_polarity"][size_t(i)]) << "frame " << i;
      }
      EXPECT_EQ(weighted, truth[key]["index_weighted_sum"]);
      ++compared;
    }
  }
  EXPECT_GE(compared, 10);
}

TEST(GroundTruth, MalformedFilesAreRefusedWithTheByte) {
  const fs::path root = real_data("events/malformed");
  if (root.empty()) GTEST_SKIP() << "no data: events/malformed";
  const std::map<std::string, std::string> expected = {
      {"aedat2-odd-words.aedat", "byte 59991: 7 bytes left, expected an event of 8"},
      {"aedat31-cut-in-event.aedat", "byte 125: packet claims 4096 events of 8 bytes, 803 bytes remain"},
      {"aedat31-negative-event-size.aedat", "byte 109: packet has events of -8 bytes, expected 8"},
      {"aedat31-no-end-header.aedat", "byte 91: the header's lines end, expected '#!END-HEADER'"},
      {"aedat31-packet-claims-2e9-events.aedat", "byte 125: packet claims 2147483647 events"},
      {"aedat31-time-runs-back.aedat", "byte 533: time runs back from 335 to 1 us"},
      {"aedat31-x-9000.aedat", "byte 213: event at x = 9000"},
      {"aedat4-broken-block.aedat4", "byte 397869: packet of 23140 bytes cannot be decompressed"},
      {"aedat4-cut.aedat4", "byte 282935: packet claims 21594 bytes, 17061 remain"},
      {"aedat4-magic-only.aedat4", "byte 14: the file ends, expected its header"},
      {"empty.aedat", "byte 0: the file is empty"},
      {"nmnist-cut-in-event.bin", "byte 1000: 2 bytes left, expected an event of 5"},
      {"nmnist-x-200.bin", "byte 50: event at x = 200"},
      {"npz-keys-missing.npz", "byte 0: zip archive of t.npy, x.npy; expected also y.npy, p.npy"},
      {"npz-lengths-differ.npz", "byte 263: x.npy has 9 elements, expected 10 as t.npy"},
      {"text.aedat", "byte 0: begins with 'these are not ev'"},
      {"wrong-magic.aedat", "byte 0: begins with '#!AER-DAT9.9'"},
  };
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename();
    SCOPED_TRACE(name);
    // A header without events is a recording in which nothing happened.
    if (name == "aedat31-header-only.aedat") {
      EXPECT_TRUE(read_all(entry.path()).empty());
      continue;
    }
    ASSERT_TRUE(expected.contains(name));
    expect_input_error([&] { read_all(entry.path()); }, name + ", " + expected.at(name));
  }
}

}  // namespace
}  // namespace spikemix
