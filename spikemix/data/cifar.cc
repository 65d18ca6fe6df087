// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <string_view>

#include <fmt/ranges.h>

#include "spikemix/data/archive.h"
#include "spikemix/data/readers.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kPixels = 3 * kPlane;

/// The differences between the two releases.
struct Release {
  std::string name, archive, folder;
  /// The release for Python (pickles, which are programs): its folder, its archive, and files by which it is
  /// recognised.
  std::string python_folder, python_archive;
  std::vector<std::string> python_files;
  int64_t label_bytes;  ///< the last of them is the label
  std::vector<std::string> train, test;
  std::string class_file;
  std::vector<std::string> classes;
};

std::vector<std::string> words(const char* text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

const Release& cifar10() {
  static const Release release = {
      .name = "CIFAR-10",
      .archive = "cifar-10-binary.tar.gz",
      .folder = "cifar-10-batches-bin",
      .python_folder = "cifar-10-batches-py",
      .python_archive = "cifar-10-python.tar.gz",
      .python_files = {"data_batch_1", "batches.meta"},
      .label_bytes = 1,
      .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
      .test = {"test_batch.bin"},
      .class_file = "batches.meta.txt",
      .classes = words("airplane automobile bird cat deer dog frog horse ship truck"),
  };
  return release;
}

const Release& cifar100() {
  static const Release release = {
      .name = "CIFAR-100",
      .archive = "cifar-100-binary.tar.gz",
      .folder = "cifar-100-binary",
      .python_folder = "cifar-100-python",
      .python_archive = "cifar-100-python.tar.gz",
      .python_files = {"train", "meta"},
      .label_bytes = 2,
      .train = {"train.bin"},
      .test = {"test.bin"},
      .class_file = "fine_label_names.txt",
      .classes =
          words("apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly "
                "camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile "
                "cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp "
                "lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree "
                "orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum "
                "rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider "
                "squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train "
                "trout tulip turtle wardrobe whale willow_tree wolf woman worm"),
  };
  return release;
}

/// One data file, its records as stored.
struct Part {
  std::string file;
  Bytes bytes;
  int64_t first;  ///< index of its first image
};

class Cifar : public Dataset {
 public:
  Cifar(const Release& release, std::vector<Part> parts, std::vector<std::string> classes)
      : label_bytes_(release.label_bytes), parts_(std::move(parts)), classes_(std::move(classes)) {
    for (Part& part : parts_) {
      part.first = size_;
      const int64_t bytes = int64_t(part.bytes.size());
      if (bytes == 0 || bytes % record_bytes() != 0) {
        throw input_error("{}: {} bytes, expected a multiple of {}, a {} record; an incomplete download or copy?",
                          part.file, bytes, record_bytes(), release.name);
      }
      size_ += bytes / record_bytes();
    }
    for (int64_t i = 0; i < size_; ++i) {
      if (label(i) >= int64_t(classes_.size())) {
        throw input_error("{}: label {}, expected 0 to {} in {}", source(i), label(i), classes_.size() - 1,
                          release.name);
      }
    }
  }

  int64_t size() const override { return size_; }
  int64_t label(int64_t i) const override { return record(i)[label_bytes_ - 1]; }
  const std::vector<std::string>& classes() const override { return classes_; }

  Image image(int64_t i) const override {
    Image image{kSide, kSide, 3, std::vector<uint8_t>(kPixels)};
    const uint8_t* planes = record(i) + label_bytes_;
    for (int64_t p = 0; p < kPlane; ++p) {
      for (int64_t c = 0; c < 3; ++c) image.pixels[size_t(3 * p + c)] = planes[c * kPlane + p];
    }
    return image;
  }

  std::string source(int64_t i) const override {
    const Part& part = part_of(i);
    return fmt::format("{} record {}", part.file, i - part.first);
  }

 private:
  int64_t record_bytes() const { return label_bytes_ + kPixels; }
  const Part& part_of(int64_t i) const {
    return *std::prev(std::ranges::upper_bound(parts_, i, std::less{}, &Part::first));
  }
  const uint8_t* record(int64_t i) const {
    const Part& part = part_of(i);
    return part.bytes.data() + (i - part.first) * record_bytes();
  }

  int64_t label_bytes_, size_ = 0;
  std::vector<Part> parts_;
  std::vector<std::string> classes_;
};

bool holds_batches(const Release& release, const fs::path& folder) {
  std::error_code error;
  const auto is_there = [&](const std::string& file) { return fs::is_regular_file(folder / file, error); };
  return std::ranges::any_of(release.train, is_there) || std::ranges::any_of(release.test, is_there);
}

// The folder or the archive for Python that `path` is or contains; empty if there is none.
fs::path find_python(const Release& release, const fs::path& path) {
  std::error_code error;
  const std::string stem = archive_stem(release.python_archive);
  const auto is_archive = [&](const fs::path& file) {  // also as .tar, or renamed by a browser
    return is_tar_name(file) && file.filename().string().starts_with(stem) && fs::is_regular_file(file, error);
  };
  const auto has_files = [&](const fs::path& folder) {
    return std::ranges::all_of(release.python_files,
                               [&](const std::string& file) { return fs::is_regular_file(folder / file, error); });
  };
  if (is_archive(path) || has_files(path)) return path;
  if (has_files(path / release.python_folder)) return path / release.python_folder;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (is_archive(entry.path())) return entry.path();
  }
  return {};
}

// The folder of batches or the archive that `path` is or contains; empty if there is none.
fs::path find_binary(const Release& release, const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    return is_tar_name(path) && find_python(release, path).empty() ? path : fs::path();
  }
  if (holds_batches(release, path)) return path;
  if (holds_batches(release, path / release.folder)) return path / release.folder;
  if (fs::is_regular_file(path / release.archive, error)) return path / release.archive;
  return {};
}

bool recognises(const Release& release, const fs::path& path) {
  std::error_code error;
  if (!find_python(release, path).empty()) return true;
  if (fs::is_directory(path, error)) return !find_binary(release, path).empty();
  const std::string stem =
      release.archive.substr(0, release.archive.find('.'));  // also as .tar, or renamed by a browser
  return is_tar_name(path) && path.filename().string().starts_with(stem);
}

// The requested files, from a folder or an archive; missing ones are not in the map.
std::map<std::string, Bytes> read_members(const fs::path& place, const std::vector<std::string>& names) {
  std::map<std::string, Bytes> found;
  if (fs::is_directory(place)) {
    for (const std::string& name : names) {
      if (fs::is_regular_file(place / name)) found[name] = read_bytes(place / name);
    }
  } else {
    const auto base = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
    read_tar(
        place,
        [&](const std::string& name, bool folder) { return !folder && std::ranges::count(names, base(name)) > 0; },
        [&](std::string name, Bytes bytes) { found[base(name)] = std::move(bytes); });
  }
  return found;
}

std::vector<std::string> parse_classes(const Release& release, const fs::path& place, const Bytes& text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";  // the byte order mark that Windows' editors write
  const std::string_view all(reinterpret_cast<const char*>(text.data()), text.size());
  std::istringstream in(std::string(all.substr(all.starts_with(kMark) ? kMark.size() : 0)));
  const std::vector<std::string> names{std::istream_iterator<std::string>(in), {}};
  if (names.size() != release.classes.size()) {
    throw input_error("{}: {} class names, expected {}", (place / release.class_file).string(), names.size(),
                      release.classes.size());
  }
  return names;
}

std::unique_ptr<Dataset> open(const Release& release, const fs::path& path, Split split) {
  const fs::path place = find_binary(release, path);
  if (place.empty()) {
    if (const fs::path python = find_python(release, path); !python.empty()) {
      throw input_error("{}: this is {} for Python; get the binary version, {}", python.string(), release.name,
                        release.archive);
    }
    throw input_error("{}: no {} here; expected {} or the files of its folder {}", path.string(), release.name,
                      release.archive, release.folder);
  }
  std::vector<std::string> names = split == Split::kTrain ? release.train : release.test;
  names.push_back(release.class_file);
  std::map<std::string, Bytes> members = read_members(place, names);
  names.pop_back();

  std::vector<std::string> classes = release.classes;
  if (members.contains(release.class_file)) classes = parse_classes(release, place, members[release.class_file]);
  std::vector<std::string> missing;
  std::vector<Part> parts;
  for (const std::string& name : names) {
    if (!members.contains(name)) {
      missing.push_back(name);
    } else {
      parts.push_back({(place / name).string(), std::move(members[name]), 0});
    }
  }
  if (!missing.empty()) {
    const std::string text =
        fmt::format("{}: missing {}, the {} images of {}", place.string(), fmt::join(missing, ", "),
                    split == Split::kTrain ? "training" : "test", release.name);
    if (parts.empty()) throw MissingSplit(text);
    throw InputError(text);
  }
  return std::make_unique<Cifar>(release, std::move(parts), std::move(classes));
}

}  // namespace

bool recognises_cifar10(const fs::path& path) { return recognises(cifar10(), path); }
bool recognises_cifar100(const fs::path& path) { return recognises(cifar100(), path); }
std::unique_ptr<Dataset> open_cifar10(const fs::path& path, Split split) { return open(cifar10(), path, split); }
std::unique_ptr<Dataset> open_cifar100(const fs::path& path, Split split) { return open(cifar100(), path, split); }

}  // namespace spikemix
