// SPDX-License-Identifier: MIT
#include <set>

#include "spikemix/data/decode.h"
#include "spikemix/data/files_test.h"
#include "spikemix/data/report.h"

namespace spikemix {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

class ImageFolderTest : public FilesTest {
 protected:
  // A PNG of one grey level; PNG preserves it, so images can be told apart.
  Bytes png(uint8_t level) const {
    write_png(dir_ / "one.png", {1, 2, 1, {level, level}});
    const Bytes bytes = read_bytes(dir_ / "one.png");
    fs::remove(dir_ / "one.png");
    return bytes;
  }
  int level(const Dataset& data, int64_t i) const { return data.image(i).pixels[0]; }

  std::vector<Member> tree() const {
    return {{"train/dog/b.png", png(2)},     {"train/dog/a.PNG", png(1)}, {"train/cat/z.jpeg", png(3)},
            {"train/cat/sub/y.png", png(4)}, {"train/cat/note.txt", {1}}, {"train/readme.png", png(9)},
            {"val/dog/1.png", png(5)},       {"train/dog/._a.png", {0}}};
  }
  void write_tree(const std::string& folder) const {
    for (const Member& member : tree()) write(folder + "/" + member.name, member.bytes);
  }
};

TEST_F(ImageFolderTest, ClassesAndImagesAreSortedByName) {
  write_tree("set");
  const auto train = open_dataset(dir_ / "set", Split::kTrain);
  EXPECT_THAT(train->classes(), ElementsAre("cat", "dog"));
  ASSERT_EQ(train->size(), 4);  // no note, no hidden file, and no picture outside of a class
  EXPECT_THAT((std::vector{level(*train, 0), level(*train, 1), level(*train, 2), level(*train, 3)}),
              ElementsAre(4, 3, 1, 2));
  EXPECT_THAT((std::vector{train->label(0), train->label(1), train->label(2), train->label(3)}),
              ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(train->source(0), EndsWith("set/train/cat/sub/y.png"));
}

TEST_F(ImageFolderTest, TestLabelsAreTheTrainingClasses) {
  write_tree("set");
  const auto test = open_dataset(dir_ / "set", Split::kTest);
  ASSERT_EQ(test->size(), 1);
  EXPECT_EQ(test->label(0), 1);  // dog, though it is the only class here
  EXPECT_THAT(test->classes(), ElementsAre("cat", "dog"));
  fs::remove_all(dir_ / "set/train");  // without them, its own
  EXPECT_EQ(open_dataset(dir_ / "set", Split::kTest)->label(0), 0);
  EXPECT_THROW(open_dataset(dir_ / "set", Split::kTrain), MissingSplit);
}

TEST_F(ImageFolderTest, TarsEqualTheFolder) {
  write_tree("set");
  const auto folder = open_dataset(dir_ / "set", Split::kTrain);
  std::vector<Member> deep = tree();
  for (Member& member : deep) member.name = "./download/" + member.name;
  for (const char* name : {"a.tar", "a.tar.gz", "a.tar.xz", "a.tar.zst"}) {
    for (const auto& members : {tree(), deep}) {
      const fs::path tar = write_tar(name, members);
      const auto train = open_dataset(tar, Split::kTrain), test = open_dataset(tar, Split::kTest);
      EXPECT_EQ(train->classes(), folder->classes());
      ASSERT_EQ(train->size(), folder->size()) << name;
      for (int64_t i = 0; i < train->size(); ++i) {
        EXPECT_EQ(train->image(i), folder->image(i));
        EXPECT_EQ(train->label(i), folder->label(i));
      }
      ASSERT_EQ(test->size(), 1);
      EXPECT_EQ(test->label(0), 1);
      EXPECT_THAT(test->source(0), EndsWith("val/dog/1.png"));
    }
  }
}

TEST_F(ImageFolderTest, TestComesBeforeValAndAClassMayHaveASplitsName) {
  const std::vector<Member> members = {
      {"train/a/1.png", png(1)}, {"train/val/deep/1.png", png(2)}, {"val/a/1.png", png(3)}, {"test/val/1.png", png(4)}};
  for (const Member& member : members) write("set/" + member.name, member.bytes);
  for (const fs::path& place : {dir_ / "set", write_tar("a.tar", members)}) {
    const auto test = open_dataset(place, Split::kTest);
    ASSERT_EQ(test->size(), 1);
    EXPECT_EQ(level(*test, 0), 4);
    EXPECT_EQ(test->label(0), 1);
  }
}

TEST_F(ImageFolderTest, ReadsAFolderOfOneTarForEachSplit) {
  write_tar("train.tar.xz", {{"cat/1.png", png(1)}, {"dog/1.png", png(2)}});
  write_tar("test.tar", {{"test/dog/1.png", png(3)}});
  const auto train = open_dataset(dir_, Split::kTrain), test = open_dataset(dir_, Split::kTest);
  EXPECT_EQ(train->size(), 2);
  EXPECT_EQ(train->label(1), 1);
  EXPECT_EQ(level(*test, 0), 3);
  EXPECT_EQ(test->label(0), 1);
}

TEST_F(ImageFolderTest, SplitsAreKnownByTheWordsOfTheirNames) {
  for (const auto& [train, test] : {std::pair{"Training", "Validation"}, {"TRAIN", "eval"}, {"my_train", "my_test"}}) {
    write(fmt::format("set/{}/cat/1.png", train), png(1));
    write(fmt::format("set/{}/cat/1.png", test), png(2));
    EXPECT_EQ(level(*open_dataset(dir_ / "set", Split::kTrain), 0), 1) << train;
    EXPECT_EQ(level(*open_dataset(dir_ / "set", Split::kTest), 0), 2) << test;
    fs::remove_all(dir_ / "set");
  }
  for (const char* name : {"train/cat", "train_old/cat", "test/cat"}) write(fmt::format("set/{}/1.png", name), png(1));
  expect_input_error([&] { open_dataset(dir_ / "set", Split::kTrain); },
                     "set: train and train_old: each looks like the training set");
}

TEST_F(ImageFolderTest, AClassMayBeCalledTrainInATarToo) {
  std::vector<Member> members;
  for (const char* name : {"bus", "train", "plane"}) members.push_back({fmt::format("{}/1.png", name), png(1)});
  write_tar("tars/train.tar", members);
  write_tar("tars/test.tar.gz", {{"train/1.png", png(2)}});
  const auto train = open_dataset(dir_ / "tars", Split::kTrain), test = open_dataset(dir_ / "tars", Split::kTest);
  EXPECT_THAT(train->classes(), ElementsAre("bus", "plane", "train"));
  EXPECT_EQ(test->label(0), 2);
  // Archives next to folders are those that they were unpacked from.
  write("tars/train/bus/1.png", png(3));
  write("tars/val/bus/1.png", png(4));
  const auto folders = open_dataset(dir_ / "tars", Split::kTest);
  EXPECT_EQ(level(*folders, 0), 4);
  EXPECT_THAT(folders->report().left_out, ElementsAre(Remark{"archives that are not read", 2, "test.tar.gz"}));
}

TEST_F(ImageFolderTest, LinkedFoldersAreFollowed) {
  write_tree("set");
  write("more/7.png", png(7));
  fs::create_directory_symlink(dir_ / "more", dir_ / "set/train/cat/more");
  fs::create_directory_symlink(dir_ / "set/train", dir_ / "set/train/cat/back");
  fs::create_symlink("gone.png", dir_ / "set/train/cat/0.png");
  const auto train = open_dataset(dir_ / "set", Split::kTrain);
  ASSERT_EQ(train->size(), 5);
  EXPECT_EQ(level(*train, 0), 7);
  std::vector<std::string> left_out;
  for (const Remark& remark : train->report().left_out) left_out.push_back(to_line(remark));
  EXPECT_THAT(left_out, ElementsAre("pictures outside of class folders: 1 (train/readme.png)",
                                    "hidden files: 1 (train/dog/._a.png)", "broken links: 1 (train/cat/0.png)",
                                    "links to a parent folder: 1 (train/cat/back)"));
}

TEST_F(ImageFolderTest, ATableAmongPicturesIsNotARecording) {
  write_tree("set");
  write("set/stats/mean.npz", std::string("x"));
  write("set/train/cat/features.npz", std::string("x"));
  write("set/train/cat/phone.heic", std::string("x"));
  const auto train = open_dataset(dir_ / "set", Split::kTrain);
  EXPECT_EQ(train->size(), 4);
  EXPECT_THAT(train->report().left_out,
              ::testing::Contains(Remark{"HEIC pictures, which are not read", 1, "train/cat/phone.heic"}));
  EXPECT_THAT(train->report().left_out,
              ::testing::Contains(Remark{"files named like recordings of event cameras", 2, "stats/mean.npz"}));
}

TEST_F(ImageFolderTest, TestPicturesThatAreTrainingPicturesAreCounted) {
  for (const char* name : {"train/a/1", "test/a/2", "test/a/3"}) write(fmt::format("set/{}.png", name), png(1));
  write("set/train/a/4.png", png(4));
  write("set/test/a/5.png", png(5));
  const fs::path tar =
      write_tar("a.tar", {{"train/a/1.png", png(1)}, {"test/a/2.png", png(1)}, {"test/a/3.png", png(3)}});
  EXPECT_THAT(open_dataset(dir_ / "set", Split::kTest)->report().repeated,
              ElementsAre(Remark{"test pictures that are training pictures too", 2, "test/a/2.png = train/a/1.png"}));
  EXPECT_THAT(open_dataset(tar, Split::kTest)->report().repeated,
              ElementsAre(Remark{"test pictures that are training pictures too", 1, "test/a/2.png = train/a/1.png"}));
}

TEST_F(ImageFolderTest, RefusesDataWithoutImages) {
  expect_input_error([&] { open_dataset(dir_, Split::kTrain); }, "no data set found here; looked for cifar10 (");
  expect_input_error([&] { open_dataset(dir_, Split::kTrain, "imagefolder"); }, "no train/CLASS/*.jpg");
  fs::create_directories(dir_ / "train");
  expect_input_error([&] { open_dataset(dir_, Split::kTrain); }, "train: no CLASS/*.jpg or other picture (JPEG, PNG");
  write("train/cat/1.png", png(1));
  write("train/dog/1.txt", std::string("x"));
  expect_input_error([&] { open_dataset(dir_, Split::kTrain); }, "train: class 'dog' has no .jpg or other picture");
  const fs::path empty_class = write_tar("a.tar", {{"train/cat/1.png", png(1)}, {"train/dog/", {}}});
  expect_input_error([&] { open_dataset(empty_class, Split::kTrain); }, "a.tar: class 'dog' has no .jpg");
  const fs::path no_images = write_tar("b.tar", {{"note.txt", {1}}});
  expect_input_error([&] { open_dataset(no_images, Split::kTrain); }, "b.tar: no train/CLASS/*.jpg");
}

TEST_F(ImageFolderTest, RefusesATestClassThatIsNotTrained) {
  write_tree("set");
  write("set/val/cow/1.png", png(1));
  expect_input_error([&] { open_dataset(dir_ / "set", Split::kTest); },
                     "class 'cow' of the test images is not a class of the training images");
}

TEST_F(ImageFolderTest, NamesADamagedPicture) {
  Bytes cut = png(1);
  cut.resize(cut.size() - 20);
  write("train/cat/1.png", cut);
  expect_input_error([&] { open_dataset(dir_, Split::kTrain)->image(0); }, "train/cat/1.png: damaged PNG");
  const fs::path tar = write_tar("a.tar", {{"train/cat/1.png", cut}});
  expect_input_error([&] { open_dataset(tar, Split::kTrain)->image(0); }, "a.tar: train/cat/1.png: damaged PNG");
}

TEST_F(ImageFolderTest, RefusesLinksInATar) {
  write("train/cat/1.png", png(1));
  fs::create_symlink("1.png", dir_ / "train/cat/2.png");
  EXPECT_EQ(open_dataset(dir_, Split::kTrain)->size(), 2);  // in a folder it is followed
  const fs::path tar = write_tar("a.tar", {{"train/cat/1.png", png(1)}, {"train/cat/2.png", {}, "1.png"}});
  expect_input_error([&] { open_dataset(tar, Split::kTrain); }, "a.tar: 'train/cat/2.png' is a link");
}

TEST_F(ImageFolderTest, RefusesCutTars) {
  for (const char* name : {"a.tar", "a.tar.gz", "a.tar.xz", "a.tar.zst"}) {
    const fs::path tar = write_tar(name, {{"train/cat/1.png", png(1)}, {"train/cat/2.png", png(2)}});
    const Bytes whole = read_bytes(tar);
    // A plain tar that ends between two members cannot be told from a whole one: cut inside the second one's data.
    const size_t size = name == std::string("a.tar") ? 512 * 3 + 30 : whole.size() * 3 / 4;
    write(name, Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size)));
    expect_input_error([&] { open_dataset(tar, Split::kTrain); }, std::string(name) + ": ");
  }
}

TEST(ImageFolderRealData, Cifar10Jpeg) {
  const fs::path folder = real_data("cifar10-jpeg"), sample = real_data("cifar10-exact-sample");
  if (folder.empty() || sample.empty()) GTEST_SKIP() << "no data: cifar10-jpeg, cifar10-exact-sample";
  const auto train = open_dataset(folder, Split::kTrain), test = open_dataset(folder, Split::kTest);
  EXPECT_EQ(train->size(), 50000);
  ASSERT_EQ(test->size(), 10000);
  const auto exact = open_dataset(sample, Split::kTest);
  EXPECT_EQ(train->classes(), exact->classes());
  EXPECT_EQ(test->classes(), exact->classes());
  // Both keep the release's order within a class, so the k-th exact image of a class is its k-th JPEG, except for
  // JPEG's loss: 6 grey levels on average. Two images of a class differ by 60 or more on average.
  std::vector<int64_t> next(10);
  double total = 0;
  for (int64_t i = 0; i < exact->size(); ++i) {
    const int64_t label = exact->label(i), j = 1000 * label + next[size_t(label)]++;
    ASSERT_EQ(test->label(j), label);
    const Image want = exact->image(i), got = test->image(j);
    ASSERT_EQ(got.pixels.size(), want.pixels.size());
    double sum = 0;
    for (size_t p = 0; p < want.pixels.size(); ++p) sum += std::abs(int(want.pixels[p]) - int(got.pixels[p]));
    EXPECT_LT(sum / 3072, 20) << exact->source(i) << ", " << test->source(j);
    total += sum / 3072;
  }
  EXPECT_LT(total / double(exact->size()), 8);
}

}  // namespace
}  // namespace spikemix
