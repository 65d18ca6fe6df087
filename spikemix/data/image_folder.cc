// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <set>

#include "spikemix/data/archive.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/file_tree.h"
#include "spikemix/data/kind.h"
#include "spikemix/data/readers.h"
#include "spikemix/data/report.h"
#include "spikemix/data/same_files.h"
#include "spikemix/data/splits.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

/// One picture: a file to be read when requested, or an archive's member with its bytes in memory.
struct Picture {
  std::string source;
  fs::path file;
  Bytes bytes;
};

/// One split: names in the FileTree by class, and by name within each class. Ordered maps make the order the same on
/// every machine.
using Tree = std::map<std::string, std::map<std::string, std::string>>;

/// The pictures of a data set, before any is read.
struct Listing {
  FileTree files;
  SplitLayout layout;
  Tree train = {}, test = {};
  DataReport report = {};

  const Tree& of(Split split) const { return split == Split::kTrain ? train : test; }
  /// For errors: the split's folder, or its archive.
  std::string where(Split split) const {
    const std::string folder = split == Split::kTrain ? layout.train_folder() : layout.test_folder();
    return fs::is_directory(files.root()) ? (files.root() / folder).string() : files.root().string();
  }
};

void add_left_out_picture(const std::string& name, const SplitLayout& layout, DataReport& report) {
  using Where = SplitLayout::Where;
  const Where where = layout.where(name);
  const std::string what = where == Where::kOtherSplit ? "pictures of a split that is not used"
                           : where == Where::kNoClass  ? "pictures outside of class folders"
                                                       : "pictures outside of the split folders";
  add_remark(report.left_out, what, name);
}

// "test.tar" stands for a split, but not beside test/ or val/.
bool stands_for_a_split(const fs::path& archive) {
  const Part part = part_named(archive.filename().string());
  if (part == Part::kNone) return false;
  std::error_code error;
  return std::ranges::none_of(fs::directory_iterator(archive.parent_path()), [&](const fs::directory_entry& beside) {
    const Part other = part_named(beside.path().filename().string());
    const bool both_train = part == Part::kTrain && other == Part::kTrain;
    const bool both_test = part != Part::kTrain && other != Part::kTrain && other != Part::kNone;
    return (both_train || both_test) && beside.is_directory(error);
  });
}

Listing list_pictures(const fs::path& path) {
  FileTree files(path, stands_for_a_split);
  DataReport report;
  std::vector<std::string> pictures, recordings;
  for (const std::string& name : files.names()) {
    if (is_picture_name(name)) pictures.push_back(name);
    if (is_recording_name(name)) recordings.push_back(name);
    const std::string_view unread = unread_picture_format(name);
    if (!unread.empty()) add_remark(report.left_out, fmt::format("{} pictures, which are not read", unread), name);
  }
  SplitLayout layout(pictures, path.string());
  Listing listing{.files = std::move(files), .layout = std::move(layout)};
  report.train_folder = listing.layout.train_folder(), report.test_folder = listing.layout.test_folder();
  listing.report = std::move(report);
  for (const std::string& name : pictures) {
    if (const auto place = listing.layout.place(name)) {
      const bool train = listing.layout.where(name) == SplitLayout::Where::kTrain;
      (train ? listing.train : listing.test)[place->class_name][place->rest] = name;
    } else {
      add_left_out_picture(name, listing.layout, listing.report);
    }
  }
  for (const std::string& name : recordings) {
    add_remark(listing.report.left_out, "files named like recordings of event cameras", name);
  }
  add_left_out(listing.report, listing.files, [](const std::string& name) { return is_picture_name(name); });
  return listing;
}

// A folder of a class that holds no picture.
void check_classes_are_filled(const Listing& listing, Split split) {
  for (const std::string& folder : listing.files.folders()) {
    const auto place = listing.layout.place(folder + "/");
    if (!place || !place->rest.empty()) continue;
    const bool train = listing.layout.where(folder + "/") == SplitLayout::Where::kTrain;
    if (train == (split == Split::kTrain) && !listing.of(split).contains(place->class_name)) {
      throw input_error("{}: class '{}' has no .jpg or other picture ({}); fill or remove it", listing.where(split),
                        place->class_name, kPictureFormats);
    }
  }
}

[[noreturn]] void throw_missing(const fs::path& path, Split split, const Listing& listing) {
  const std::vector<std::string>& folders = listing.files.folders();
  std::string seen;
  for (const std::string& folder : folders) {
    if (folder.find('/') != folder.npos) continue;
    const Part part = part_named(folder);
    const bool is_split =
        split == Split::kTrain ? part == Part::kTrain : part == Part::kTest || part == Part::kValidation;
    if (is_split)
      throw input_error("{}: no CLASS/*.jpg or other picture ({})", (path / folder).string(), kPictureFormats);
    seen += (seen.empty() ? "; found " : ", ") + folder + "/";
  }
  const std::string text =
      split == Split::kTrain
          ? fmt::format("{}: no train/CLASS/*.jpg, and no train.tar{}", path.string(), seen)
          : fmt::format("{}: no test/CLASS/*.jpg, val/ or valid/, and no test.tar{}", path.string(), seen);
  if (recognises_image_folder(path)) throw MissingSplit(text);
  throw InputError(text);
}

std::set<std::string> names_in(const Tree& tree) {
  std::set<std::string> names;
  for (const auto& [class_name, pictures] : tree) {
    for (const auto& [rest, name] : pictures) names.insert(name);
  }
  return names;
}

// The members of `names` that are in archives, by name, with their bytes passed to `take`.
void read_from_archives(const FileTree& files, const std::set<std::string>& names,
                        const std::function<void(const std::string&, Bytes)>& take) {
  std::set<std::string> members;
  for (const std::string& name : names) {
    if (files.path(name).empty()) members.insert(name);
  }
  files.read_members(members, take);
}

std::vector<FileContents> contents_of(const FileTree& files, const std::set<std::string>& names,
                                      const std::map<std::string, FileContents>& members) {
  std::vector<FileContents> contents;
  for (const std::string& name : names) {
    const fs::path file = files.path(name);
    contents.push_back(file.empty() ? members.at(name) : FileContents(file));
  }
  return contents;
}

// Test pictures that are also training pictures. @param test_bytes for the test pictures in archives
void add_repeated(Listing& listing, const std::map<std::string, Bytes>& test_bytes) {
  const std::set<std::string> train = names_in(listing.train), test = names_in(listing.test);
  std::map<std::string, FileContents> members;
  for (const auto& [name, bytes] : test_bytes) members.emplace(name, FileContents(bytes));
  read_from_archives(listing.files, train,
                     [&](const std::string& name, const Bytes& bytes) { members.emplace(name, FileContents(bytes)); });
  const auto same = same_files(contents_of(listing.files, train, members), contents_of(listing.files, test, members));
  const std::vector<std::string> of_train(train.begin(), train.end()), of_test(test.begin(), test.end());
  for (const auto& [i, j] : same) {
    add_remark(listing.report.repeated, "test pictures that are training pictures too",
               fmt::format("{} = {}", of_test[j], of_train[i]));
  }
}

class ImageFolder : public Dataset {
 public:
  ImageFolder(const Listing& listing, Split split, std::vector<std::string> classes, std::map<std::string, Bytes> bytes)
      : classes_(std::move(classes)), report_(listing.report) {
    for (const auto& [class_name, pictures] : listing.of(split)) {
      const int64_t label = std::ranges::lower_bound(classes_, class_name) - classes_.begin();
      for (const auto& [rest, name] : pictures) {
        pictures_.push_back({listing.files.where(name), listing.files.path(name), std::move(bytes[name])});
        labels_.push_back(label);
      }
    }
  }

  int64_t size() const override { return int64_t(pictures_.size()); }
  int64_t label(int64_t i) const override { return labels_[size_t(i)]; }
  std::string source(int64_t i) const override { return pictures_[size_t(i)].source; }
  const std::vector<std::string>& classes() const override { return classes_; }
  const DataReport& report() const override { return report_; }

  Image image(int64_t i) const override {
    const Picture& picture = pictures_[size_t(i)];
    return picture.file.empty() ? decode_image(picture.bytes, picture.source) : read_image(picture.file);
  }

 private:
  std::vector<Picture> pictures_;
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_;
  DataReport report_;
};

}  // namespace

bool recognises_image_folder(const fs::path& path) {
  const DataKind kind = kind_of(FileTree::some_names(path), path.string());
  if (kind != DataKind::kNone) return kind == DataKind::kPictures;
  // Without pictures yet, for an error that says what is missing.
  std::error_code error;
  if (!fs::is_directory(path, error)) return is_archive_name(path);
  return std::ranges::any_of(fs::directory_iterator(path), [&](const fs::directory_entry& entry) {
    const bool holds = entry.is_directory(error) || is_archive_name(entry.path());
    return holds && part_named(entry.path().filename().string()) != Part::kNone;
  });
}

std::unique_ptr<Dataset> open_image_folder(const fs::path& path, Split split) {
  Listing listing = list_pictures(path);
  if (listing.of(split).empty()) throw_missing(path, split, listing);
  check_classes_are_filled(listing, split);
  std::map<std::string, Bytes> bytes;
  read_from_archives(listing.files, names_in(listing.of(split)),
                     [&](const std::string& name, Bytes b) { bytes[name] = std::move(b); });
  if (split == Split::kTest && !listing.train.empty()) add_repeated(listing, bytes);
  // A label is an index into train's list of classes, so the test split needs that list; without train, its own.
  std::vector<std::string> classes;
  for (const auto& [name, pictures] : listing.train.empty() ? listing.test : listing.train) classes.push_back(name);
  for (const auto& [name, pictures] : listing.of(split)) {
    if (!std::ranges::binary_search(classes, name)) {
      throw input_error("{}: class '{}' of the test images is not a class of the training images", path.string(), name);
    }
  }
  return std::make_unique<ImageFolder>(listing, split, std::move(classes), std::move(bytes));
}

}  // namespace spikemix
