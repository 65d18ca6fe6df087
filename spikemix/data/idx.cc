// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/ranges.h>

#include "spikemix/data/archive.h"
#include "spikemix/data/readers.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kDigits = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
const std::vector<std::string> kFashion = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                           "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

/// An IDX file of bytes: its sizes, and where the values begin.
struct Idx {
  std::vector<int64_t> sizes;
  Bytes bytes;
  size_t header = 0;
};

uint32_t big_endian(const uint8_t* p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | uint32_t(p[3]);
}

Idx read_idx(const fs::path& file, int dimensions) {
  const size_t header = 4 + 4 * size_t(dimensions);
  const Bytes head = read_maybe_gzip(file, header);
  if (head.size() < header) {
    throw input_error("{}: {} bytes, expected a header of {}", file.string(), head.size(), header);
  }
  const uint32_t magic = big_endian(head.data()), expected = 0x0800 + uint32_t(dimensions);
  if (magic != expected) {
    throw input_error("{}: begins with {:#010x}, expected {:#010x} (IDX, bytes, {} dimension{})", file.string(), magic,
                      expected, dimensions, dimensions == 1 ? "" : "s");
  }
  Idx idx;
  idx.header = header;
  uint64_t values = 1;
  for (int d = 0; d < dimensions; ++d) {
    const uint32_t size = big_endian(head.data() + 4 + 4 * d);
    // 2^32 x 2^14 x 2^14 fits in 64 bits.
    if (size == 0 || (d > 0 && size > 1 << 14)) {
      throw input_error("{}: size {} of dimension {} in its header", file.string(), size, d);
    }
    idx.sizes.push_back(size);
    values *= size;
  }
  // Reading one byte more than expected reveals a file that is too long.
  idx.bytes = read_maybe_gzip(file, header + values + 1);
  if (idx.bytes.size() != header + values) {
    throw input_error("{}: {} bytes follow the header, which promises {} ({}); an incomplete download or copy?",
                      file.string(),
                      idx.bytes.size() > header + values ? "more" : std::to_string(idx.bytes.size() - header), values,
                      fmt::join(idx.sizes, " x "));
  }
  return idx;
}

class IdxDataset : public Dataset {
 public:
  IdxDataset(const fs::path& images, const fs::path& labels, const std::vector<std::string>& classes)
      : file_(images.filename().string()),
        images_(read_idx(images, 3)),
        labels_(read_idx(labels, 1)),
        classes_(classes) {
    if (images_.sizes[0] != labels_.sizes[0]) {
      throw input_error("{}: {} labels, expected {}, one for each image in {}", labels.string(), labels_.sizes[0],
                        images_.sizes[0], file_);
    }
    for (int64_t i = 0; i < size(); ++i) {
      if (label(i) >= int64_t(classes_.size())) {
        throw input_error("{} record {}: label {}, expected 0 to {}", labels.string(), i, label(i),
                          classes_.size() - 1);
      }
    }
  }

  int64_t size() const override { return images_.sizes[0]; }
  int64_t label(int64_t i) const override { return labels_.bytes[labels_.header + size_t(i)]; }
  std::string source(int64_t i) const override { return fmt::format("{} record {}", file_, i); }
  const std::vector<std::string>& classes() const override { return classes_; }

  Image image(int64_t i) const override {
    const int64_t height = images_.sizes[1], width = images_.sizes[2];
    const auto first = images_.bytes.begin() + int64_t(images_.header) + i * height * width;
    return {height, width, 1, std::vector<uint8_t>(first, first + height * width)};
  }

 private:
  std::string file_;
  Idx images_, labels_;
  std::vector<std::string> classes_;
};

// "train-images-idx3-ubyte", ".gz", or with the dot that some unpackers write; empty if there is none.
fs::path find(const fs::path& folder, const std::string& stem, const std::string& kind) {
  std::error_code error;
  for (const char* dash : {"-", "."}) {
    for (const char* suffix : {"", ".gz"}) {
      const fs::path file = folder / (stem + dash + kind + suffix);
      if (fs::is_regular_file(file, error)) return file;
    }
  }
  return {};
}

bool says_fashion(const fs::path& folder) {
  std::string text = fs::absolute(folder).string();
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text.find("fashion") != text.npos;
}

}  // namespace

bool recognises_idx(const fs::path& path) {
  return !find(path, "train-images", "idx3-ubyte").empty() || !find(path, "t10k-images", "idx3-ubyte").empty();
}

std::unique_ptr<Dataset> open_idx(const fs::path& path, Split split) {
  const std::string stem = split == Split::kTrain ? "train" : "t10k";
  const fs::path images = find(path, stem + "-images", "idx3-ubyte"),
                 labels = find(path, stem + "-labels", "idx1-ubyte");
  if (images.empty()) {
    const std::string text =
        fmt::format("{}: no {}-images-idx3-ubyte or {}-images-idx3-ubyte.gz", path.string(), stem, stem);
    if (recognises_idx(path)) throw MissingSplit(text);
    throw InputError(text);
  }
  if (labels.empty()) {
    throw input_error("{}: no {}-labels-idx1-ubyte or {}-labels-idx1-ubyte.gz beside the images", path.string(), stem,
                      stem);
  }
  return std::make_unique<IdxDataset>(images, labels, says_fashion(path) ? kFashion : kDigits);
}

}  // namespace spikemix
