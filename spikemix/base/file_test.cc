// SPDX-License-Identifier: MIT
#include "spikemix/base/file.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  size_t files_in_folder() const {
    return size_t(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

// A full disk, for this process: the kernel lets no file grow past `bytes` (EFBIG where a disk reports ENOSPC).
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(File, IsReplacedWhole) {
  const fs::path path = folder_ / "state";
  write_file_atomically(path, "first");
  EXPECT_EQ(read_file(path), "first");
  AtomicFile file(path);
  file.write("sec");
  EXPECT_EQ(read_file(path), "first");  // unchanged before commit()
  file.write("ond");
  file.commit();
  EXPECT_EQ(read_file(path), "second");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(File, OnAFullDiskTheEarlierOneIsIntact) {
  const fs::path path = folder_ / "state";
  write_file_atomically(path, "earlier");
  {
    const SmallDisk disk(1000);
    EXPECT_THAT([&] { write_file_atomically(path, std::string(5000, 'x')); },
                ThrowsMessage<RunError>(
                    AllOf(HasSubstr("state: cannot write: File too large"), HasSubstr("the earlier file is intact"))));
    EXPECT_THAT([&] { write_file_atomically(folder_ / "new", std::string(5000, 'x')); },
                ThrowsMessage<RunError>(HasSubstr("no file was left")));
  }
  EXPECT_EQ(read_file(path), "earlier");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(File, ThatIsNotCommittedLeavesNothing) {
  { AtomicFile(folder_ / "state").write("half"); }
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(File, LeftBehindByAKilledWriterIsOverwritten) {
  write_file_atomically(partial_name(folder_ / "state"), "a longer text than the next one");
  write_file_atomically(folder_ / "state", "next");
  EXPECT_EQ(read_file(folder_ / "state"), "next");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(File, IsNotWrittenThroughWhatIsInTheWay) {
  const fs::path path = folder_ / "state", partial = partial_name(path), precious = folder_ / "precious";
  write_file_atomically(precious, "precious");
  const auto refused = [&](const std::string& found) {
    EXPECT_THAT([&] { AtomicFile file(path); },
                ThrowsMessage<InputError>(AllOf(HasSubstr(partial.string() + ": is in the way"), HasSubstr(found))));
    EXPECT_FALSE(fs::exists(path));
    EXPECT_TRUE(fs::exists(fs::symlink_status(partial)));
    EXPECT_EQ(read_file(precious), "precious");
    fs::remove(partial);
  };
  fs::create_symlink(precious, partial);
  refused("found a link");
  fs::create_symlink(folder_ / "nowhere", partial);
  refused("found a link");
  EXPECT_FALSE(fs::exists(folder_ / "nowhere"));
  fs::create_hard_link(precious, partial);
  refused("found a file that has another name");
  fs::create_directory(partial);
  refused("found a folder");
  ASSERT_EQ(::mkfifo(partial.c_str(), 0600), 0);
  refused("found a pipe");
  ASSERT_EQ(::mkfifo(partial.c_str(), 0600), 0);
  const int reader = ::open(partial.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  refused("found a pipe");
  ::close(reader);
  write_file_atomically(path, "written");
  EXPECT_EQ(read_file(path), "written");
}

TEST_F(File, OfTheUsersWithASimilarNameIsKept) {
  write_file_atomically(folder_ / "state.partial", "the user's");
  write_file_atomically(folder_ / "state", "written");
  { AtomicFile probe(folder_ / "state"); }
  EXPECT_EQ(read_file(folder_ / "state.partial"), "the user's");
}

TEST_F(File, OrPipeIsReadWithoutWaitingForAWriter) {
  const fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(read_file(fifo), "");
  EXPECT_THAT([&] { MappedFile file(fifo); }, ThrowsMessage<InputError>(HasSubstr("is a pipe, expected a file")));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the reader waits for it
    EXPECT_EQ(write_fully(ends[1], std::as_bytes(std::span("text", 4))), 4u);
    ::close(ends[1]);
  });
  EXPECT_EQ(read_file("/dev/fd/" + std::to_string(ends[0])), "text");
  writer.join();
  ::close(ends[0]);
}

TEST_F(File, OfGitLfsIsRefused) {
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
  EXPECT_THAT([&] { refuse_lfs_pointer(bytes(pointer), "m"); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("m: is a Git LFS pointer"), HasSubstr("git lfs pull"))));
  for (const std::string& other : {std::string(), std::string("version 2"), pointer.substr(1)})
    EXPECT_NO_THROW(refuse_lfs_pointer(bytes(other), "m"));
}

TEST_F(File, HasOneWriterAtATime) {
  std::optional<AtomicFile> first(folder_ / "state");
  first->write("first");
  EXPECT_THAT([&] { AtomicFile second(folder_ / "state"); },
              ThrowsMessage<RunError>(HasSubstr("another process is writing it")));
  first->commit();
  EXPECT_EQ(read_file(folder_ / "state"), "first");
}

TEST_F(File, ErrorsNameIt) {
  EXPECT_THAT([&] { read_file(folder_ / "nowhere"); }, ThrowsMessage<InputError>(HasSubstr("nowhere: no such file")));
  EXPECT_THAT([&] { read_file(folder_); }, ThrowsMessage<InputError>(HasSubstr("Is a directory")));
  EXPECT_THAT([&] { MappedFile file(folder_ / "nowhere"); }, ThrowsMessage<InputError>(HasSubstr("no such file")));
  EXPECT_THAT([&] { MappedFile file(folder_); }, ThrowsMessage<InputError>(HasSubstr("is a folder")));
  EXPECT_THAT([&] { write_file_atomically(folder_ / "no" / "state", ""); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("no folder '"), HasSubstr("/no'"))));
  EXPECT_THAT([&] { write_file_atomically(folder_, ""); }, ThrowsMessage<InputError>(HasSubstr("is a folder")));
  EXPECT_THAT([&] { write_file_atomically("/dev/null", ""); }, ThrowsMessage<InputError>(HasSubstr("is a device")));
}

TEST_F(File, IsMapped) {
  std::string text(200'000, 'a');
  text[199'999] = 'z';
  write_file_atomically(folder_ / "text", text);
  const MappedFile file(folder_ / "text");
  ASSERT_EQ(file.bytes().size(), text.size());
  EXPECT_EQ(char(file.bytes().back()), 'z');
  write_file_atomically(folder_ / "text", "b");
  EXPECT_EQ(char(file.bytes().front()), 'a');  // the mapping keeps the file that it opened
  write_file_atomically(folder_ / "empty", "");
  EXPECT_TRUE(MappedFile(folder_ / "empty").bytes().empty());
}

}  // namespace
}  // namespace spikemix
