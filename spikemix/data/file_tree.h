#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "spikemix/events/source.h"

namespace spikemix {

/// The files of a data set, wherever they lie: in a folder, in an archive (tar, zip), or in archives in a folder, whose
/// members then stand beside each other. Names are relative, with '/' between folders, sorted.
class FileTree {
 public:
  /// A folder is listed, an archive read through once. @throws InputError naming the file
  explicit FileTree(const std::filesystem::path& root);

  /// The names of some of the files, to find out what this is; of an archive only the first ones, so that it is cheap.
  static std::vector<std::string> some_names(const std::filesystem::path& root);

  /// Changes when a file comes, goes or is written; of archives only the archive counts. Does not read any. Caches do
  /// not count, if their folder lies in the data's.
  static uint64_t fingerprint(const std::filesystem::path& root, const std::filesystem::path& cache_folder);

  std::vector<std::string> names() const;
  bool contains(const std::string& name) const { return files_.contains(name); }
  /// For errors and for people: "root/a/b.csv", "set.tar: a/b.csv".
  std::string where(const std::string& name) const;
  /// A small file's text. @throws InputError naming it
  std::string text(const std::string& name) const;
  /// Hands over the files of `wanted`, a folder's by name and an archive's as they come.
  void read(const std::set<std::string>& wanted, const std::function<void(const std::string&, ByteSource)>& take) const;

 private:
  std::filesystem::path root_;
  std::map<std::string, std::filesystem::path> files_;  // the file, or the archive it is in
};

}  // namespace spikemix
