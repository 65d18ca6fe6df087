// SPDX-License-Identifier: MIT
#include "spikemix/data/file_tree.h"

#include "spikemix/data/files_test.h"
#include "spikemix/data/kind.h"

namespace spikemix {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FileTreeTest : public FilesTest {
 protected:
  // A zip of stored members with exactly these names: libarchive's writer would convert them.
  fs::path write_zip(const std::string& name, const std::vector<std::string>& members) const {
    std::string local, central;
    const auto number = [](uint32_t value, int bytes) {
      std::string text;
      for (int i = 0; i < bytes; ++i, value >>= 8) text += char(value & 255);
      return text;
    };
    for (const std::string& member : members) {
      const std::string sizes = number(0, 4) + number(0, 4) + number(0, 4) + number(uint32_t(member.size()), 2);
      central += "PK\1\2" + number(20, 2) + number(20, 2) + number(0, 8) + sizes + number(0, 12) +
                 number(uint32_t(local.size()), 4) + member;
      local += "PK\3\4" + number(20, 2) + number(0, 8) + sizes + number(0, 2) + member;
    }
    const auto count = uint32_t(members.size());
    return write(name, local + central + "PK\5\6" + number(0, 4) + number(count, 2) + number(count, 2) +
                           number(uint32_t(central.size()), 4) + number(uint32_t(local.size()), 4) + number(0, 2));
  }
};

TEST_F(FileTreeTest, LinksAreFollowedButNotInCircles) {
  write("set/cat/1.jpg", std::string("x"));
  write("more/2.jpg", std::string("x"));
  fs::create_directory_symlink(dir_ / "more", dir_ / "set/cat/more");
  fs::create_directory_symlink(dir_ / "more", dir_ / "set/dog");
  fs::create_directory_symlink(dir_ / "set", dir_ / "set/cat/loop");
  fs::create_symlink("gone.jpg", dir_ / "set/cat/3.jpg");
  const FileTree tree(dir_ / "set");
  EXPECT_THAT(tree.names(), ElementsAre("cat/1.jpg", "cat/more/2.jpg", "dog/2.jpg"));
  EXPECT_THAT(tree.loops(), ElementsAre("cat/loop"));
  EXPECT_THAT(tree.dangling(), ElementsAre("cat/3.jpg"));
  EXPECT_NE(FileTree::fingerprint(dir_ / "set", ""), 0u);  // ends
}

TEST_F(FileTreeTest, SystemFilesAreHiddenInFoldersAndArchives) {
  const std::vector<std::string> all = {
      "cat/1.jpg",       "cat/._1.jpg", "__MACOSX/cat/._1.jpg",     "cat/__MACOSX/2.jpg",
      ".DS_Store",       "Thumbs.db",   ".ipynb_checkpoints/1.jpg", "cat/desktop.ini",
      "cat/@eaDir/1.jpg"};
  std::vector<Member> members;
  for (const std::string& name : all) members.push_back({name, {1}}), write("set/" + name, Bytes{1});
  const FileTree folder(dir_ / "set"), tar(write_tar("set.tar", members));
  EXPECT_THAT(folder.names(), ElementsAre("cat/1.jpg"));
  EXPECT_THAT(tar.names(), ElementsAre("cat/1.jpg"));
  EXPECT_EQ(tar.hidden().size(), 8u);
  EXPECT_THAT(folder.hidden(), ::testing::Contains("cat/._1.jpg"));
  EXPECT_THAT(FileTree::some_names(dir_ / "set"), ElementsAre("cat/1.jpg"));
}

TEST_F(FileTreeTest, AnArchiveCountsAsAFolderUnlessItsUnpackedFolderIsThere) {
  write_tar("set/b.tar", {{"x/2.npz", {2}}, {"inner.zip", {1}}});
  write_tar("set/a.tar.gz", {{"x/2.npz", {1}}});
  write_tar("set/c.tar", {{"c/3.npz", {3}}});
  write("set/c/3.npz", std::string("3"));
  const FileTree tree(dir_ / "set");
  EXPECT_THAT(tree.names(), ElementsAre("c/3.npz", "a.tar.gz/x/2.npz", "b.tar/x/2.npz"));  // by their names within
  EXPECT_THAT(tree.closed_archives(), ElementsAre("b.tar/inner.zip", "c.tar"));
  EXPECT_EQ(tree.where("b.tar/x/2.npz"), (dir_ / "set/b.tar").string() + ": x/2.npz");
  EXPECT_EQ(tree.text("b.tar/x/2.npz"), "\2");
  EXPECT_EQ(tree.find("c/3.npz"), "c/3.npz");
  EXPECT_EQ(tree.find("none"), "");
  expect_input_error([&] { tree.find("x/2.npz"); }, "'x/2.npz' is in " + (dir_ / "set/a.tar.gz").string() + " as well");
  const FileTree some(dir_ / "set", [](const fs::path& archive) { return archive.filename() == "b.tar"; });
  EXPECT_THAT(some.closed_archives(), ElementsAre("a.tar.gz", "b.tar/inner.zip", "c.tar"));
}

TEST_F(FileTreeTest, NonUtf8NamesInZipsAreReadAsInPython) {
  const fs::path zip = write_zip("a.zip", {"\xB9\xB7/1.npz", "K\xE4se/1.npz", "k\xC3\xA4se/1.npz", "plain/1.npz"});
  EXPECT_THAT(FileTree(zip).names(),  // GBK, Latin-1, UTF-8 without its flag
              ElementsAre("KΣse/1.npz", "käse/1.npz", "plain/1.npz", "╣╖/1.npz"));
}

TEST_F(FileTreeTest, TextsHaveNoByteOrderMark) {
  write("set/a.csv", std::string("\xEF\xBB\xBF"
                                 "a,b\r\n"));
  write("set/b.csv", std::string("\xFF\xFE"
                                 "a\0",
                                 4));
  const FileTree tree(dir_ / "set");
  EXPECT_EQ(tree.text("a.csv"), "a,b\r\n");
  expect_input_error([&] { tree.text("b.csv"); }, "b.csv: text in UTF-16, expected UTF-8");
}

TEST(Kind, AFewFilesOfTheOtherKindDoNotCount) {
  const std::vector<std::string> pictures = {"train/cat/0.jpg", "train/cat/1.jpg", "test/cat/0.png"};
  const auto with = [](std::vector<std::string> names, const std::vector<std::string>& more) {
    names.insert(names.end(), more.begin(), more.end());
    return kind_of(names, "root");
  };
  EXPECT_EQ(kind_of({"a.jpg", "b.npz", "x/c.txt"}, "root"), DataKind::kNone);
  EXPECT_EQ(with(pictures, {}), DataKind::kPictures);
  EXPECT_EQ(with(pictures, {"stats/mean.npz"}), DataKind::kPictures);
  EXPECT_EQ(with(pictures, {"train/cat/features.npz"}), DataKind::kPictures);
  EXPECT_EQ(with(pictures, {"meta/index.dat", "train/cat/f.bin"}), DataKind::kPictures);
  EXPECT_EQ(kind_of({"cat/0.npz", "cat/0.png"}, "root"), DataKind::kRecordings);  // previews
  expect_input_error(
      [&] {
        with(pictures, {"train/cat/0.npz", "train/cat/1.npz"});
      },
      "root: pictures and recordings of event cameras in the same folders");
}

}  // namespace
}  // namespace spikemix
