// SPDX-License-Identifier: MIT
#include "spikemix/data/same_files.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <unordered_set>

#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"

namespace spikemix {
namespace {

constexpr uint64_t kPage = 4096;

std::string_view as_text(const void* bytes, uint64_t size) { return {static_cast<const char*>(bytes), size}; }

uint64_t page_begin(uint64_t size) { return size > kPage ? (size - kPage) / 2 : 0; }

using Numbers = std::vector<size_t>;

// Leaves those entries of a and b whose `key` also occurs in the other.
void keep_shared(const std::vector<FileContents>& a, Numbers& of_a, const std::vector<FileContents>& b, Numbers& of_b,
                 uint64_t FileContents::*key) {
  const auto keep = [&](const std::vector<FileContents>& kept, Numbers& numbers, const std::vector<FileContents>& other,
                        const Numbers& of_other) {
    std::unordered_set<uint64_t> keys;
    for (const size_t i : of_other) keys.insert(other[i].*key);
    std::erase_if(numbers, [&](size_t i) { return !keys.contains(kept[i].*key); });
  };
  keep(a, of_a, b, of_b);
  keep(b, of_b, a, of_a);
}

void read_middle(FileContents& contents) {
  if (contents.file.empty()) return;
  std::string page(std::min(contents.size, kPage), '\0');
  std::ifstream file(contents.file, std::ios::binary);
  file.seekg(std::streamoff(page_begin(contents.size)));
  file.read(page.data(), std::streamsize(page.size()));
  contents.middle = Hash().add(page).value();
}

void read_whole(FileContents& contents) {
  if (contents.file.empty()) return;
  const MappedFile file(contents.file);
  contents.whole = Hash().add(as_text(file.bytes().data(), file.bytes().size())).value();
}

Numbers all_of(const std::vector<FileContents>& files) {
  Numbers numbers(files.size());
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  return numbers;
}

}  // namespace

FileContents::FileContents(const std::filesystem::path& path) : file(path) {
  std::error_code error;
  size = std::filesystem::file_size(path, error);
}

FileContents::FileContents(std::span<const uint8_t> bytes) : size(bytes.size()) {
  middle = Hash().add(as_text(bytes.data() + page_begin(size), std::min(size, kPage))).value();
  whole = Hash().add(as_text(bytes.data(), size)).value();
}

std::vector<std::pair<size_t, size_t>> same_files(std::vector<FileContents> a, std::vector<FileContents> b) {
  Numbers of_a = all_of(a), of_b = all_of(b);
  const auto read_both = [&](void (*read)(FileContents&)) {
    for (const size_t i : of_a) read(a[i]);
    for (const size_t j : of_b) read(b[j]);
  };
  keep_shared(a, of_a, b, of_b, &FileContents::size);
  read_both(read_middle);
  keep_shared(a, of_a, b, of_b, &FileContents::middle);
  read_both(read_whole);
  std::map<std::pair<uint64_t, uint64_t>, size_t> first;
  for (const size_t i : of_a) first.emplace(std::pair{a[i].size, a[i].whole}, i);
  std::vector<std::pair<size_t, size_t>> same;
  for (const size_t j : of_b) {
    const auto found = first.find({b[j].size, b[j].whole});
    if (found != first.end()) same.emplace_back(found->second, j);
  }
  return same;
}

}  // namespace spikemix
