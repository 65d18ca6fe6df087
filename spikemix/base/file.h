// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace spikemix {

/// A file's whole text, or a pipe's. @throws InputError naming the file if it is missing or cannot be read
std::string read_file(const std::filesystem::path& path);

/// A file's bytes without a copy, paged in as they are read. Our own writers replace files and never cut them, so a
/// mapped model stays intact while a trainer writes the next one.
class MappedFile {
 public:
  /// @throws InputError naming the file if it is missing or not a regular file
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Releases the memory of a part that will probably not be read again; if it is, it is paged in again.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// A large file's place in a Git repository, until it is fetched, is taken by a few lines of text.
/// @throws InputError naming `where` if these are the bytes of such a pointer
void refuse_lfs_pointer(std::span<const std::byte> bytes, const std::string& where);

/// FOLDER/.spikemix-NAME.partial, to which the AtomicFile FOLDER/NAME is written first.
std::filesystem::path partial_name(const std::filesystem::path& path);

/// A file that appears completely or not at all: written as partial_name(PATH), synced to disk, then renamed over
/// the earlier one. If the program or the machine stops at any moment, the earlier file is intact. The next writer
/// overwrites what a killed one left behind; two at once are refused.
class AtomicFile {
 public:
  /// @throws InputError if the folder is missing or not writable, or PATH is a folder or device, or if there is
  /// something at partial_name(PATH) that is no file of one name: a link, a pipe
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  /// Without commit(), removes what was written.
  ~AtomicFile();

  /// @throws RunError "x.safetensors: No space left on device; the earlier file is intact"
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Moves the file to its final name. @throws RunError as write() does
  void commit();

 private:
  [[noreturn]] void fail(const char* doing);

  std::filesystem::path path_, partial_;
  int descriptor_ = -1;
};

/// A new folder within the system's temporary folder. The destructor removes it with everything in it.
class TemporaryFolder {
 public:
  /// @throws RunError if it cannot be made
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// @throws RunError or InputError as AtomicFile does
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Calls write(2) until everything is written or an error (errno) occurs. Returns the bytes written.
size_t write_fully(int descriptor, std::span<const std::byte> bytes);

}  // namespace spikemix
