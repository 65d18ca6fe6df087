// SPDX-License-Identifier: MIT
#include "spikemix/data/archive.h"

#include "spikemix/data/files_test.h"

namespace spikemix {
namespace {

class ArchiveTest : public FilesTest {
 protected:
  // A tar's header for a file of `size` bytes, and zeros for part of its contents, all compressed twice with gzip.
  fs::path write_bomb(const std::string& name, uint64_t zeros) const {
    const Bytes tar = read_bytes(write_tar("one.tar", {{"train/cat/1.png", Bytes(1)}}));
    Bytes bytes(tar.begin(), tar.begin() + 512);
    const std::string size = fmt::format("{:011o}", zeros);
    std::ranges::copy(size, bytes.begin() + 124);
    std::fill_n(bytes.begin() + 148, 8, uint8_t(' '));
    unsigned sum = 0;
    for (const uint8_t byte : bytes) sum += byte;
    std::ranges::copy(fmt::format("{:06o}", sum), bytes.begin() + 148);
    bytes.resize(512 + zeros + 1024);
    return write_gzip(name, read_bytes(write_gzip("once.gz", bytes)));
  }
};

TEST_F(ArchiveTest, UnpacksNoMoreThanADataSetHolds) {
  const fs::path file = write_bomb("bomb.tar.gz", uint64_t{300} << 20);
  ASSERT_LT(fs::file_size(file), 10'000u);
  const auto read = [&](Choice choice) {
    read_archive(
        file, [&](const std::string&, bool) { return choice; }, [](const std::string&, const Bytes&) {});
  };
  for (const Choice choice : {Choice::kTake, Choice::kSkip}) {
    expect_input_error([&] { read(choice); }, "bomb.tar.gz: unpacks to more than 25");
  }
  expect_input_error([&] { read_maybe_gzip(file, SIZE_MAX); }, "bomb.tar.gz: unpacks to more than 25");
}

TEST_F(ArchiveTest, ReadsHighlyCompressibleData) {
  const Bytes zeros(8 << 20);
  const fs::path file = write_tar("zeros.tar.gz", {{"train/cat/1.png", zeros}});
  ASSERT_LT(fs::file_size(file), 20'000u);
  size_t taken = 0;
  read_archive(
      file, [](const std::string&, bool) { return Choice::kTake; },
      [&](const std::string&, const Bytes& bytes) { taken += bytes.size(); });
  EXPECT_EQ(taken, zeros.size());
}

}  // namespace
}  // namespace spikemix
