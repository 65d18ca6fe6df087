// SPDX-License-Identifier: MIT
#include "spikemix/data/splits.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/data/archive.h"

namespace spikemix {
namespace {

struct PartWord {
  std::string_view word;
  Part part;
};

constexpr PartWord kPartWords[] = {
    {"train", Part::kTrain},         {"training", Part::kTrain},
    {"trn", Part::kTrain},           {"test", Part::kTest},
    {"testing", Part::kTest},        {"tst", Part::kTest},
    {"val", Part::kValidation},      {"valid", Part::kValidation},
    {"validate", Part::kValidation}, {"validation", Part::kValidation},
    {"eval", Part::kValidation},     {"evaluation", Part::kValidation},
    {"dev", Part::kHeldOut},         {"holdout", Part::kHeldOut},
    {"heldout", Part::kHeldOut},     {"minival", Part::kHeldOut},
    {"trainval", Part::kUnclear},    {"traintest", Part::kUnclear},
};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return lower;
}

// "NCars_trainSet2" is n, cars, train, set: runs of letters; a capital after a small letter starts a new one.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  bool begin = true;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool letter = std::isalpha(c) || c >= 0x80;
    const bool capital = i > 0 && std::isupper(c) && std::islower(static_cast<unsigned char>(name[i - 1]));
    if (letter && (begin || capital)) words.emplace_back();
    if (letter) words.back() += char(std::tolower(c));
    begin = !letter;
  }
  return words;
}

Part part_of_word(std::string_view word) {
  for (const std::string_view ending : {"", "set", "data", "images", "imgs", "img", "split", "samples", "files"}) {
    if (!word.ends_with(ending)) continue;
    const std::string_view stem = word.substr(0, word.size() - ending.size());
    const auto found = std::ranges::find(kPartWords, stem, &PartWord::word);
    if (found != std::end(kPartWords)) return found->part;
  }
  return Part::kNone;
}

/// The folders that hold samples.
struct Folder {
  std::map<std::string, Folder> folders;
  bool files = false;  ///< samples directly in it
};

// The functions below recurse as deep as the folders, and an archive's names may claim any depth.
constexpr std::ptrdiff_t kDeepest = 100;

Folder folders_of(const std::vector<std::string>& names) {
  Folder root;
  for (const std::string& name : names) {
    if (std::ranges::count(name, '/') > kDeepest)
      throw input_error("{}...: more than {} nested folders; a damaged archive?", name.substr(0, 60), kDeepest);
    Folder* at = &root;
    size_t begin = 0;
    for (size_t slash; (slash = name.find('/', begin)) != name.npos; begin = slash + 1) {
      at = &at->folders[name.substr(begin, slash - begin)];
    }
    at->files = true;
  }
  return root;
}

// "mnisttrain" next to "mnisttest": these are not words, but a pair.
std::map<std::string, Part> parts_of_pairs(const Folder& folder) {
  std::map<std::string, std::string> lower;
  for (const auto& [name, child] : folder.folders) lower[lower_case(name)] = name;
  std::map<std::string, Part> parts;
  for (const auto& [text, name] : lower) {
    const size_t at = text.rfind("train");
    if (at == text.npos) continue;
    for (const auto& [word, part] : {std::pair{"test", Part::kTest}, {"val", Part::kValidation}}) {
      const auto other = lower.find(std::string(text).replace(at, 5, word));
      if (other != lower.end()) parts[name] = Part::kTrain, parts[other->second] = part;
    }
  }
  return parts;
}

// "train_and_test/train/CLASS/..." holds splits and is not one.
bool only_holds_splits(const Folder& folder, Part part) {
  if (folder.files || folder.folders.empty()) return false;
  bool classes = false;
  for (const auto& [name, child] : folder.folders) {
    if (part_named(name) == Part::kNone) return false;
    classes |= !child.folders.empty();
  }
  const bool same = folder.folders.size() == 1 && part_named(folder.folders.begin()->first) == part;
  return classes && !same;  // "Train/Train/CLASS/...", as file managers unpack Train.zip, is one split
}

struct Candidate {
  std::string name;  ///< the folder's
  Part part;
  const Folder* folder;
  bool has_classes() const { return !folder->folders.empty(); }
};

/// A folder with splits in it.
struct SplitLevel {
  std::string prefix;  ///< "" or "set/"
  std::vector<Candidate> splits;
  std::vector<Candidate> others;
};

std::string folders_seen(const std::vector<std::string>& names) {
  if (names.size() < 2) return names.empty() ? "" : names[0];
  const size_t shown = std::min<size_t>(names.size(), 8);
  std::string text = names[0];
  for (size_t i = 1; i < shown; ++i) text += (i + 1 == names.size() ? " and " : ", ") + names[i];
  return shown < names.size() ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

bool share_a_class(const Folder& a, const Folder& b) {
  return std::ranges::any_of(a.folders, [&](const auto& child) { return b.folders.contains(child.first); });
}

struct Decision {
  std::optional<SplitFolder> train, test;
  std::vector<std::string> others;
};

/// Finds the folders that hold splits, and which is which.
struct SplitSearch {
  const std::string& root;
  std::vector<SplitLevel> levels = {};
  std::vector<std::string> without_classes = {};

  void search(const Folder& folder, const std::string& prefix) {
    const auto pairs = parts_of_pairs(folder);
    SplitLevel level{.prefix = prefix, .splits = {}, .others = {}};
    for (const auto& [name, child] : folder.folders) {
      const auto pair = pairs.find(name);
      const Part part = part_named(name) != Part::kNone ? part_named(name)
                        : pair != pairs.end()           ? pair->second
                                                        : Part::kNone;
      const bool split = part != Part::kNone && !only_holds_splits(child, part);
      (split ? level.splits : level.others).push_back({name, part, &child});
    }
    if (std::ranges::any_of(level.splits, &Candidate::has_classes)) {
      levels.push_back(std::move(level));
      return;  // below it, names are those of classes
    }
    if (!level.splits.empty() && level.others.empty() && !folder.files) {
      for (const Candidate& c : level.splits) without_classes.push_back(prefix + c.name);
    }
    for (const Candidate& c : level.others) search(*c.folder, prefix + c.name + "/");
  }

  // The folder of this part, if there is one; a folder without classes counts only if there is no other.
  const Candidate* one_of(const SplitLevel& level, Part part, const char* what) const {
    std::vector<const Candidate*> found;
    std::vector<std::string> names;
    for (const Candidate& c : level.splits) {
      if (c.part == part && c.has_classes()) found.push_back(&c), names.push_back(level.prefix + c.name);
    }
    if (found.size() > 1) {
      throw input_error("{}: {}: each looks like the {} set; keep one of them here, move the others elsewhere", root,
                        folders_seen(names), what);
    }
    if (!found.empty()) return found[0];
    const auto flat = std::ranges::find(level.splits, part, &Candidate::part);
    if (flat == level.splits.end()) return nullptr;
    throw input_error("{}/{}{}: samples, but no class folders; expected {}/CLASS/..., or move it elsewhere", root,
                      level.prefix, flat->name, flat->name);
  }

  std::string seen(const SplitLevel& level) const {
    std::vector<std::string> names;
    for (const Candidate& c : level.splits) names.push_back(level.prefix + c.name + "/");
    for (const Candidate& c : level.others) names.push_back(level.prefix + c.name + "/");
    return folders_seen(names);
  }

  static SplitFolder chosen(const SplitLevel& level, const Candidate& c) {
    std::string prefix = level.prefix + c.name + "/";
    const Folder* at = c.folder;
    while (!at->files && at->folders.size() == 1) {
      const auto& [name, child] = *at->folders.begin();
      if (child.folders.empty() || part_named(name) != c.part) break;
      prefix += name + "/", at = &child;
    }
    return {level.prefix + c.name, prefix};
  }

  Decision decide(const SplitLevel& level) const {
    for (const Candidate& c : level.splits) {
      if (c.part == Part::kUnclear && c.has_classes()) {
        throw input_error("{}: {}{}/ could be more than one split; found {}; expected train/ and test/ (or val/)", root,
                          level.prefix, c.name, seen(level));
      }
    }
    const Candidate* train = one_of(level, Part::kTrain, "training");
    const Candidate* test = one_of(level, Part::kTest, "test");
    if (!test) test = one_of(level, Part::kValidation, "validation");
    if (!test && std::ranges::count(level.splits, Part::kHeldOut, &Candidate::part) > 0) {
      throw input_error("{}: found {}; which is the test set? Call it test/ or val/", root, seen(level));
    }
    const Candidate* alone = !test ? train : !train ? test : nullptr;
    for (const Candidate& c : level.others) {
      if (alone && share_a_class(*alone->folder, *c.folder)) {
        throw input_error("{}: found {}: is {}{}/ a split too? Call it {}, or move it elsewhere", root, seen(level),
                          level.prefix, c.name, train ? "test/" : "train/");
      }
    }
    Decision decision;
    if (train) decision.train = chosen(level, *train);
    if (test) decision.test = chosen(level, *test);
    for (const Candidate& c : level.splits) {
      if (&c != train && &c != test) decision.others.push_back(level.prefix + c.name);
    }
    return decision;
  }
};

}  // namespace

Part part_named(std::string_view folder) {
  const std::string stem = archive_stem(folder);
  std::set<Part> parts;
  for (const std::string& word : words_of(stem)) parts.insert(part_of_word(word));
  parts.erase(Part::kNone);
  if (parts.empty()) return Part::kNone;
  return parts.size() == 1 ? *parts.begin() : Part::kUnclear;
}

SplitLayout::SplitLayout(const std::vector<std::string>& names, const std::string& root) {
  const Folder folders = folders_of(names);
  SplitSearch search{root};
  search.search(folders, "");
  if (search.levels.size() > 1) {
    std::vector<std::string> places;
    for (const SplitLevel& level : search.levels) places.push_back(search.seen(level));
    throw input_error("{}: splits in {} places: {}; give the folder of one of them", root, places.size(),
                      fmt::join(places, "; "));
  }
  if (!search.levels.empty()) {
    Decision decision = search.decide(search.levels[0]);
    train_ = std::move(decision.train), test_ = std::move(decision.test), others_ = std::move(decision.others);
  } else if (!search.without_classes.empty()) {
    throw input_error("{}: samples in {}, without class folders in them; expected train/CLASS/... and test/CLASS/...",
                      root, folders_seen(search.without_classes));
  }
  check_classes(names, root);
}

// An extra folder level, as in train/images/CLASS/..., would put all samples into one class, with a test accuracy of
// 100 %.
void SplitLayout::check_classes(const std::vector<std::string>& names, const std::string& root) const {
  std::set<std::string> classes, below;
  for (const std::string& name : names) {
    const std::optional<SplitPlace> at = place(name);
    if (!at) continue;
    classes.insert(at->class_name);
    const size_t slash = at->rest.find('/');
    if (slash != at->rest.npos) below.insert(at->rest.substr(0, slash));
  }
  if (classes.size() != 1 || below.size() < 2) return;
  throw input_error("{}: one class, '{}', with the folders {} in it: an extra folder? Expected train/CLASS/...", root,
                    *classes.begin(), folders_seen({below.begin(), below.end()}));
}

SplitLayout::Where SplitLayout::where(const std::string& name) const {
  for (const auto& [chosen, where] : {std::pair{&train_, Where::kTrain}, {&test_, Where::kTest}}) {
    if (!*chosen || !name.starts_with((*chosen)->seen + "/")) continue;
    const std::string& prefix = (*chosen)->prefix;
    return name.starts_with(prefix) && name.find('/', prefix.size()) != name.npos ? where : Where::kNoClass;
  }
  const auto holds = [&](const std::string& folder) { return name.starts_with(folder + "/"); };
  return std::ranges::any_of(others_, holds) ? Where::kOtherSplit : Where::kOutside;
}

std::optional<SplitPlace> SplitLayout::place(const std::string& name) const {
  const Where at = where(name);
  if (at != Where::kTrain && at != Where::kTest) return {};
  const SplitFolder& chosen = at == Where::kTrain ? *train_ : *test_;
  const size_t begin = chosen.prefix.size(), slash = name.find('/', begin);
  return SplitPlace{chosen.seen, name.substr(begin, slash - begin), name.substr(slash + 1)};
}

}  // namespace spikemix
