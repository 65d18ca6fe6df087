#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "spikemix/data/archive.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/readers.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

/// One picture: a file to be read when asked for, or a tar's member, its bytes held.
struct Picture {
  std::string source;
  fs::path file;
  Bytes bytes;
};

/// One split: pictures by class and by name within it. Ordered maps make the order the same on every machine.
using Tree = std::map<std::string, std::map<std::string, Picture>>;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

std::vector<std::string> split_names(Split split) {
  if (split == Split::kTrain) return {"train"};
  return {"test", "val", "valid"};
}

// Folder `root` with CLASS/.../picture.
Tree read_folder(const fs::path& root) {
  Tree tree;
  for (const fs::directory_entry& class_folder : fs::directory_iterator(root)) {
    if (!class_folder.is_directory() || is_hidden(class_folder.path())) continue;
    auto& pictures = tree[class_folder.path().filename().string()];
    for (fs::recursive_directory_iterator file(class_folder.path()), end; file != end; ++file) {
      if (is_hidden(file->path())) {
        file.disable_recursion_pending();
        continue;
      }
      if (!is_picture_name(file->path()) || !file->is_regular_file()) continue;
      pictures[file->path().lexically_relative(class_folder.path()).generic_string()] = {
          file->path().string(), file->path(), {}};
    }
  }
  return tree;
}

// "set/train/cat/1.jpg" is "cat/1.jpg" of the split "train"; a member below no such folder is of the split "".
std::pair<std::string, fs::path> split_of(const fs::path& member) {
  static const std::vector<std::string> kNames = {"train", "test", "val", "valid"};
  for (auto part = member.begin(); part != member.end(); ++part) {
    if (std::ranges::count(kNames, part->string()) == 0) continue;
    const std::string name = part->string();
    fs::path rest;
    while (++part != member.end()) rest /= *part;
    return {name, rest};
  }
  return {"", member};
}

// The first of `names` that the tar holds; `whole`: the tar is that split, its members CLASS/... with or without the
// split's name before. With keep_bytes false only names are gathered.
Tree read_tar_tree(const fs::path& tar, std::vector<std::string> names, bool whole, bool keep_bytes) {
  if (whole) names.push_back("");
  std::map<std::string, Tree> trees;
  read_tar(
      tar,
      [&](const std::string& member, bool folder) {
        const auto [split, path] = split_of(member);
        if (std::ranges::count(names, split) == 0 || path.empty()) return false;
        if (is_hidden(path) || is_hidden(*path.begin())) return false;
        const bool direct = std::next(path.begin()) == path.end();
        if (folder) {
          if (direct) trees[split][path.string()];
          return false;
        }
        if (direct || !is_picture_name(path)) return false;
        if (!keep_bytes) trees[split][path.begin()->string()][path.string()] = {};
        return keep_bytes;
      },
      [&](std::string member, Bytes bytes) {
        const auto [split, path] = split_of(member);
        trees[split][path.begin()->string()][path.string()] = {tar.string() + ": " + member, {}, std::move(bytes)};
      });
  for (const std::string& name : names) {
    if (trees.contains(name)) return std::move(trees[name]);
  }
  return {};
}

fs::path find_folder(const fs::path& root, Split split) {
  std::error_code error;
  for (const std::string& name : split_names(split)) {
    if (fs::is_directory(root / name, error)) return root / name;
  }
  return {};
}

fs::path find_tar(const fs::path& root, Split split) {
  std::error_code error;
  for (const std::string& name : split_names(split)) {
    for (const char* suffix : {".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".tar.zst"}) {
      if (fs::is_regular_file(root / (name + suffix), error)) return root / (name + suffix);
    }
  }
  return {};
}

// The split's pictures; no value if the split is not there.
std::optional<Tree> read_split(const fs::path& path, Split split, bool keep_bytes) {
  Tree tree;
  std::string where;
  if (!fs::is_directory(path)) {
    tree = read_tar_tree(path, split_names(split), false, keep_bytes);
    if (tree.empty()) return std::nullopt;
    where = path.string() + ":";
  } else if (const fs::path folder = find_folder(path, split); !folder.empty()) {
    tree = read_folder(folder);
    where = folder.string() + ":";
  } else if (const fs::path tar = find_tar(path, split); !tar.empty()) {
    tree = read_tar_tree(tar, split_names(split), true, keep_bytes);
    where = tar.string() + ":";
  } else {
    return std::nullopt;
  }
  if (tree.empty()) throw input_error("{} no CLASS/*.jpg, .jpeg or .png", where);
  for (const auto& [name, pictures] : tree) {
    if (pictures.empty()) throw input_error("{} class '{}' has no .jpg, .jpeg or .png; fill or remove it", where, name);
  }
  return tree;
}

class ImageFolder : public Dataset {
 public:
  ImageFolder(Tree tree, std::vector<std::string> classes) : classes_(std::move(classes)) {
    for (auto& [name, pictures] : tree) {
      const int64_t label = std::ranges::lower_bound(classes_, name) - classes_.begin();
      for (auto& [file, picture] : pictures) {
        pictures_.push_back(std::move(picture));
        labels_.push_back(label);
      }
    }
  }

  int64_t size() const override { return int64_t(pictures_.size()); }
  int64_t label(int64_t i) const override { return labels_[size_t(i)]; }
  std::string source(int64_t i) const override { return pictures_[size_t(i)].source; }
  const std::vector<std::string>& classes() const override { return classes_; }

  Image image(int64_t i) const override {
    const Picture& picture = pictures_[size_t(i)];
    return picture.file.empty() ? decode_image(picture.bytes, picture.source) : read_image(picture.file);
  }

 private:
  std::vector<Picture> pictures_;
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_;
};

}  // namespace

bool recognises_image_folder(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return is_tar_name(path);
  const auto holds = [&](Split split) { return !find_folder(path, split).empty() || !find_tar(path, split).empty(); };
  return holds(Split::kTrain) || holds(Split::kTest);
}

std::unique_ptr<Dataset> open_image_folder(const fs::path& path, Split split) {
  std::optional<Tree> tree = read_split(path, split, true);
  if (!tree) {
    const std::string text =
        split == Split::kTrain ? fmt::format("{}: no train/CLASS/*.jpg, and no train.tar", path.string())
                               : fmt::format("{}: no test/CLASS/*.jpg, val/ or valid/, and no test.tar", path.string());
    if (recognises_image_folder(path)) throw MissingSplit(text);
    throw InputError(text);
  }
  // A label is a place in train's list of classes, so the test split needs that list; without train, its own.
  std::vector<std::string> classes;
  const std::optional<Tree> train = split == Split::kTest ? read_split(path, Split::kTrain, false) : std::nullopt;
  for (const auto& [name, pictures] : train ? *train : *tree) classes.push_back(name);
  for (const auto& [name, pictures] : *tree) {
    if (!std::ranges::binary_search(classes, name)) {
      throw input_error("{}: class '{}' of the test images is no class of the training images", path.string(), name);
    }
  }
  return std::make_unique<ImageFolder>(std::move(*tree), std::move(classes));
}

}  // namespace spikemix
