// SPDX-License-Identifier: MIT
#include "spikemix/data/fitted.h"

#include <cmath>
#include <csignal>
#include <future>
#include <map>

#include <sys/resource.h>
#include <sys/wait.h>

#include "spikemix/base/rng.h"
#include "spikemix/data/cache_file.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/files_test.h"
#include "spikemix/data/loader.h"
#include "spikemix/data/resize.h"

namespace spikemix {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = CacheReport::State;

class FittedTest : public FilesTest {
 protected:
  FittedTest() {
    config_.dir = dir_ / "set", config_.cache = dir_ / "cache";
    listener_.note = [this](const std::string& line) { notes_.push_back(line); };
    listener_.cache = [this](const CacheReport& report) { reports_.push_back(report); };
  }

  // Each seed has its own noise; the sizes need no, some and much resizing; grey and colour.
  Bytes picture(uint64_t seed) const {
    const int64_t height = 8 + int64_t(seed % 5), width = 8 + int64_t(seed % 3), channels = seed % 4 == 0 ? 1 : 3;
    Image image{height, width, channels, std::vector<uint8_t>(size_t(height * width * channels))};
    Rng rng(seed, Rng::Purpose::kOrder, 0, 0);
    for (uint8_t& pixel : image.pixels) pixel = uint8_t(rng.below(256));
    write_png(dir_ / "one.png", image);
    return read_bytes(dir_ / "one.png");
  }
  void write_set(int count) const {
    for (int i = 0; i < count; ++i) {
      write(fmt::format("set/train/{}/{:02}.png", i % 2 == 0 ? "cat" : "dog", i), picture(uint64_t(i)));
    }
  }

  std::shared_ptr<const Dataset> open(FitOptions options = {}) {
    if (options.shape.height == 32) options.shape = {8, 8, 3};
    reports_.clear(), notes_.clear();
    return open_fitted(config_, Split::kTrain, options, listener_);
  }
  std::vector<State> states() const {
    std::vector<State> states;
    for (const CacheReport& report : reports_) states.push_back(report.state);
    return states;
  }
  std::vector<std::string> cache_files() const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir_ / "cache", error)) {
      if (entry.path().extension() != ".lock") names.push_back(entry.path().filename().string());
    }
    return names;
  }
  fs::path cache_file() const { return dir_ / "cache" / cache_files().at(0); }

  void expect_fitted(const Dataset& data, FitOptions options = {.shape = {8, 8, 3}}) const {
    const auto decoded = open_dataset(config_, Split::kTrain);
    ASSERT_EQ(data.size(), decoded->size());
    EXPECT_EQ(data.classes(), decoded->classes());
    const ImageShape& s = options.shape;
    for (int64_t i = 0; i < data.size(); ++i) {
      EXPECT_EQ(data.image(i), fit(decoded->image(i), s.height, s.width, s.channels)) << i;
      EXPECT_EQ(data.label(i), decoded->label(i));
      EXPECT_EQ(data.source(i), decoded->source(i));
    }
  }

  DataConfig config_;
  OpenListener listener_;
  std::vector<std::string> notes_;
  std::vector<CacheReport> reports_;
};

TEST_F(FittedTest, IsBuiltOnceThenFound) {
  write_set(12);
  expect_fitted(*open({.threads = 3}));
  EXPECT_THAT(states(), ElementsAre(State::kBuilt));
  EXPECT_EQ(reports_[0].bytes, fs::file_size(cache_file()));
  EXPECT_GT(reports_[0].build_seconds, 0);
  expect_fitted(*open());
  EXPECT_THAT(states(), ElementsAre(State::kFound));
  EXPECT_THAT(notes_, IsEmpty());
  // Another model's images go into another file.
  const FitOptions grey{.shape = {5, 9, 1}};
  expect_fitted(*open(grey), grey);
  EXPECT_THAT(states(), ElementsAre(State::kBuilt));
  EXPECT_EQ(cache_files().size(), 2u);
  // So does a subset: only the images in use are decoded.
  const auto some = open({.images = 4});
  EXPECT_EQ(some->size(), 4);
  EXPECT_EQ(some->source(3), (dir_ / "set/train/dog/03.png").string());
  EXPECT_EQ(open({.images = 4})->image(3), some->image(3));
  EXPECT_THAT(states(), ElementsAre(State::kFound));
  expect_input_error([&] { open({.images = 13, .images_key = "data.train_images"}); },
                     "data.train_images = 13: the data has 12 images");
}

TEST_F(FittedTest, BatchesHaveTheSameBitsWithAndWithout) {
  write_set(40);
  LoaderOptions options;
  options.height = options.width = 8, options.classes = 2, options.batch = 8, options.seed = 3, options.train = true;
  options.augment = {.crop_padding = 2, .randaugment_magnitude = 9, .erase_probability = 0.5, .mixup = 0.5};
  const auto batches = [&](int64_t threads) {
    options.threads = threads;
    Loader loader(open(), options);
    std::vector<std::vector<float>> all;
    for (const int64_t epoch : {0, 1}) {
      loader.start_epoch(epoch);
      for (Batch batch; loader.next(batch);) all.push_back(batch.images), all.push_back(batch.targets);
    }
    return all;
  };
  config_.cache = "off";
  const auto decoded = batches(2);
  EXPECT_EQ(decoded.size(), 20u);
  EXPECT_THAT(reports_, IsEmpty());
  config_.cache = dir_ / "cache";
  EXPECT_EQ(batches(2), decoded);
  EXPECT_THAT(states(), ElementsAre(State::kBuilt));
  EXPECT_EQ(batches(3), decoded);
  EXPECT_THAT(states(), ElementsAre(State::kFound));
}

TEST_F(FittedTest, IsMadeAgainWhenTheDataChange) {
  write_set(6);
  open();
  const fs::path file = dir_ / "set/train/cat/02.png";
  // A change that keeps length and time goes unnoticed.
  const auto time = fs::last_write_time(file);
  const Bytes before = read_bytes(file);
  write("set/train/cat/02.png", Bytes(before.size(), 0xFF));
  fs::last_write_time(file, time);
  open()->image(1);
  EXPECT_THAT(states(), ElementsAre(State::kFound));
  const auto is_made_anew = [&] {
    expect_fitted(*open());
    EXPECT_THAT(states(), ElementsAre(State::kBuilt));
    EXPECT_EQ(cache_files().size(), 1u);  // it replaced the earlier one
  };
  write("set/train/cat/02.png", picture(77));
  is_made_anew();
  write("set/train/cat/sub/99.png", picture(99));
  is_made_anew();
  fs::remove(file);
  is_made_anew();
  fs::rename(dir_ / "set/train/cat/04.png", dir_ / "set/train/dog/04.png");
  is_made_anew();
  // Files that are not part of the data, or are the cache itself, change nothing.
  write("set/train/cat/.hidden/1.png", picture(5));
  config_.cache = dir_ / "set";
  is_made_anew();
  expect_fitted(*open());
  EXPECT_THAT(states(), ElementsAre(State::kFound));
}

TEST_F(FittedTest, ATarIsNotReadOnceItIsInTheCache) {
  const fs::path tar = write_tar("set.tar.gz", {{"train/cat/1.png", picture(1)}, {"train/dog/1.png", picture(2)}});
  config_.dir = tar, config_.format = "imagefolder";
  expect_fitted(*open());
  const auto time = fs::last_write_time(tar);
  write("set.tar.gz", Bytes(fs::file_size(tar), 0));
  fs::last_write_time(tar, time);
  EXPECT_EQ(open()->label(1), 1);
  EXPECT_THAT(states(), ElementsAre(State::kFound));
}

TEST_F(FittedTest, ADamagedCacheIsMadeAgainWithANote) {
  write_set(3);
  open();
  const fs::path file = cache_file();
  const std::string name = "cache/" + file.filename().string();
  const Bytes whole = read_bytes(file);
  for (size_t n = 0; n < whole.size(); n += 5) {
    for (const bool cut : {false, true}) {
      Bytes wrong = whole;
      wrong[n] ^= 0x10;
      if (cut) wrong.resize(n);
      write(name, wrong);
      const auto data = open();
      if (cut || n >= 3 * 8 * 8 * 3) {  // the index
        ASSERT_THAT(states(), ElementsAre(State::kBuilt)) << n;
      } else {  // a picture: the others are read, this one is decoded
        ASSERT_THAT(states(), ElementsAre(State::kFound)) << n;
        ASSERT_THAT(notes_, IsEmpty());
        expect_fitted(*data);
        ASSERT_THAT(notes_,
                    ElementsAre(HasSubstr(data->source(int64_t(n) / 192) + " is damaged: it is decoded again")));
        ASSERT_THAT(cache_files(), IsEmpty());
        open();
        ASSERT_THAT(states(), ElementsAre(State::kBuilt));
      }
      ASSERT_EQ(read_bytes(file), whole) << n;
    }
  }
  Bytes wrong = whole;
  wrong[3 * 192] ^= 1;
  write(name, wrong);
  open();
  EXPECT_THAT(notes_, ElementsAre(file.string() + ": damaged; making it again"));
}

// An index that was forged together with its checksum: its contents are not trusted.
TEST_F(FittedTest, AnInvalidIndexIsMadeAgain) {
  using Json = nlohmann::json;
  write_set(3);
  open();
  const fs::path file = cache_file();
  const Bytes whole = read_bytes(file);
  uint64_t place[2];
  std::memcpy(place, whole.data() + whole.size() - 56, 16);
  const auto* first = whole.data() + place[0];
  const Json index = Json::from_cbor(first, first + place[1]);
  const auto forged = [&](const Bytes& bytes) {
    Bytes tail(whole.end() - 56, whole.end());
    const uint64_t size = bytes.size();
    const uint32_t checksum = checksum_of(std::as_bytes(std::span(bytes)));
    std::memcpy(tail.data() + 8, &size, 8);
    std::memcpy(tail.data() + 24, &checksum, 4);
    write("cache/" + file.filename().string(), Bytes(whole.begin(), whole.begin() + int64_t(place[0])) + bytes + tail);
    open();
    EXPECT_THAT(states(), ElementsAre(State::kBuilt));
    EXPECT_EQ(read_bytes(file), whole);
  };
  forged(Bytes(3'000'000, 0x81) + Bytes{0});  // lists in lists
  forged(Bytes(100, 0xA1) + Bytes{0});
  forged({0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF});  // a list of 2^63
  const auto with = [&](const char* key, const Json& value) {
    Json other = index;
    other[key] = value;
    forged(Json::to_cbor(other));
  };
  with("labels", {0, 1, -1});
  with("labels", {0, 1, 2});
  with("labels", {0, 1, 1e300});
  with("labels", {0, 1});
  with("checksums", {"a", 1, 2});
  with("classes", 7);
  with("classes", Json::array());
  with("sources", Json::array());
  with("damaged", 1);
  with("shape", {8, 8, -3});
}

TEST_F(FittedTest, ADamagedPictureIsNamedAndLeavesNoCache) {
  write_set(40);
  for (const int i : {10, 12, 31}) write(fmt::format("set/train/{}/{}.png", i % 2 ? "dog" : "cat", i), Bytes{1, 2, 3});
  for (const int64_t threads : {1, 4}) {
    expect_input_error([&] { open({.threads = threads}); }, "set/train/cat/10.png: not a JPEG");
    EXPECT_THAT(cache_files(), IsEmpty());
  }
}

TEST_F(FittedTest, DamagedPicturesAreLeftOutIfAllowed) {
  write_set(40);
  const auto data_without = open({.make_cache = false});
  for (const int i : {10, 12, 31}) write(fmt::format("set/train/{}/{}.png", i % 2 ? "dog" : "cat", i), Bytes{1, 2, 3});
  const std::string hint =
      "cat/10.png: not a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM picture: it begins with 01 02 03; "
      "repair or remove it, or leave up to N such files out with data.skip_bad=N (--skip-bad N)";
  expect_input_error([&] { open(); }, hint);
  config_.skip_bad = 2;
  expect_input_error([&] { open(); }, "more damaged files than data.skip_bad = 2: ");
  expect_input_error([&] { open(); }, "dog/31.png");
  EXPECT_THAT(cache_files(), IsEmpty());

  config_.skip_bad = 3;
  const auto expect_sound = [&](const Dataset& data) {
    ASSERT_EQ(data.size(), 37);
    ASSERT_EQ(data.damaged().size(), 3u);
    EXPECT_THAT(data.damaged()[1], HasSubstr("cat/12.png: not a JPEG"));
    EXPECT_THAT(notes_.back(), HasSubstr("3 damaged of the training data, left out (data.skip_bad): "));
    std::map<std::string, int64_t> before;
    for (int64_t i = 0; i < data_without->size(); ++i) before[data_without->source(i)] = i;
    for (int64_t i = 0; i < data.size(); ++i) {
      const int64_t j = before.at(data.source(i));
      EXPECT_EQ(fit(data.image(i), 8, 8, 3), fit(data_without->image(j), 8, 8, 3));
      EXPECT_EQ(data.label(i), data_without->label(j));
    }
  };
  expect_sound(*open());
  EXPECT_THAT(states(), ElementsAre(State::kBuilt));
  expect_sound(*open());
  EXPECT_THAT(states(), ElementsAre(State::kFound));
  expect_sound(*open({.make_cache = false}));
  EXPECT_EQ(open({.images = 30})->size(), 30);
  // A cache that leaves some out does not bypass the setting.
  config_.skip_bad = 2;
  expect_input_error([&] { open(); }, "more damaged files than data.skip_bad = 2: ");
  config_.skip_bad = 0;
  expect_input_error([&] { open(); }, hint);
  expect_input_error([&] { open({.make_cache = false}); }, hint);
  config_.cache = "off", config_.skip_bad = 5;
  expect_sound(*open());
}

// 1024 x 1024 x 3 bytes, so that five pictures are a block and a dozen are three.
constexpr FitOptions kLarge{.shape = {1024, 1024, 3}};

TEST_F(FittedTest, KilledWhileItIsMade) {
  write_set(12);
  const pid_t child = ::fork();
  if (child == 0) {
    listener_.progress = [](int64_t done, int64_t) {
      if (done == 10) ::raise(SIGKILL);
    };
    open(kLarge);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_THAT(cache_files(), ElementsAre(::testing::EndsWith(".images.partial")));
  const auto data = open(kLarge);
  EXPECT_THAT(states(), ElementsAre(State::kBuilt));
  EXPECT_THAT(cache_files(), ElementsAre(::testing::EndsWith(".images")));
  EXPECT_EQ(data->image(11), fit(open_dataset(config_, Split::kTrain)->image(11), 1024, 1024, 3));
}

TEST_F(FittedTest, AnExceptionFromProgressLeavesNoCache) {
  write_set(12);
  std::vector<int64_t> seen;
  listener_.progress = [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 12);
    seen.push_back(done);
  };
  open(kLarge);
  EXPECT_THAT(seen, ElementsAre(5, 10, 12));
  fs::remove_all(dir_ / "cache");
  listener_.progress = [](int64_t, int64_t) { throw std::runtime_error("enough"); };
  EXPECT_THAT([&] { open(kLarge); }, ::testing::ThrowsMessage<std::runtime_error>("enough"));
  EXPECT_THAT(cache_files(), IsEmpty());
}

TEST_F(FittedTest, TwoAtOnceMakeItOnce) {
  write_set(12);
  std::promise<void> waiting;
  std::shared_future<void> is_waiting = waiting.get_future();
  State second{};
  std::vector<std::jthread> other;
  listener_.progress = [&](int64_t done, int64_t) {
    if (done != 5) return;
    other.emplace_back([&] {
      OpenListener listener;
      listener.note = [&](const std::string& line) {
        EXPECT_THAT(line, HasSubstr("another process is making it"));
        waiting.set_value();
      };
      listener.cache = [&](const CacheReport& report) { second = report.state; };
      EXPECT_EQ(open_fitted(config_, Split::kTrain, kLarge, listener)->size(), 12);
    });
    is_waiting.wait();
  };
  open(kLarge);
  other.clear();
  EXPECT_THAT(states(), ElementsAre(State::kBuilt));
  EXPECT_EQ(second, State::kFound);
}

TEST_F(FittedTest, WithoutACachePicturesAreDecodedWithANote) {
  write_set(12);
  const auto falls_back = [&](const FitOptions& options, const std::string& why) {
    const auto data = open(options);
    EXPECT_THAT(states(), ElementsAre(State::kUnwritable));
    EXPECT_THAT(notes_, ElementsAre(::testing::AllOf(HasSubstr(why), HasSubstr("decoded in every epoch"))));
    EXPECT_THAT(cache_files(), IsEmpty());
    EXPECT_EQ(data->size(), 12);
    EXPECT_EQ(data->image(5), open_dataset(config_, Split::kTrain)->image(5));
  };
  config_.cache = dir_ / "one.png" / "cache";
  falls_back({}, "Not a directory; another folder? (data.cache, SPIKEMIX_CACHE)");

  config_.cache = dir_ / "cache";
  const auto side = int64_t(std::sqrt(double(fs::space(dir_).available) / 12 / 3)) + 10000;
  falls_back({.shape = {side, side, 3}}, "GB are free");

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = 20 << 20, .rlim_max = before.rlim_max};  // in the second of three blocks
  ::setrlimit(RLIMIT_FSIZE, &full);
  falls_back(kLarge, "cannot write: File too large");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

TEST_F(FittedTest, CanBeOffOrReadOnly) {
  write_set(4);
  EXPECT_EQ(open({.make_cache = false})->size(), 4);
  config_.cache = "off";
  EXPECT_EQ(open()->size(), 4);
  EXPECT_FALSE(fs::exists("off"));
  EXPECT_THAT(reports_, IsEmpty());
  config_.cache = dir_ / "cache";
  EXPECT_THAT(cache_files(), IsEmpty());
  open();
  EXPECT_EQ(open({.make_cache = false})->image(0).width, 8);  // from the cache, fitted
}

TEST_F(FittedTest, DataWithoutDecodingHaveNoCache) {
  write("set/train-images-idx3-ubyte", Bytes{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 9, 8, 7, 6});
  write("set/train-labels-idx1-ubyte", Bytes{0, 0, 8, 1, 0, 0, 0, 1, 3});
  EXPECT_EQ(open()->image(0).pixels, (Bytes{9, 8, 7, 6}));
  EXPECT_THAT(reports_, IsEmpty());
  EXPECT_FALSE(fs::exists(dir_ / "cache"));
}

TEST_F(FittedTest, RealJpegs) {
  const fs::path folder = real_data("cifar10-jpeg");
  if (folder.empty()) GTEST_SKIP() << "no data: cifar10-jpeg";
  config_.dir = folder;
  const FitOptions options{.shape = {24, 24, 3}, .threads = 2};
  open_fitted(config_, Split::kTest, options);
  const auto cached = open_fitted(config_, Split::kTest, options);
  const auto decoded = open_dataset(config_, Split::kTest);
  ASSERT_EQ(cached->size(), 10000);
  for (int64_t i = 0; i < cached->size(); ++i) {
    ASSERT_EQ(cached->image(i), fit(decoded->image(i), 24, 24, 3)) << i;
    ASSERT_EQ(cached->label(i), decoded->label(i));
  }
}

}  // namespace
}  // namespace spikemix
