#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "spikemix/data/archive.h"
#include "spikemix/events/source.h"

namespace spikemix {

/// The files of a data set, wherever they lie: in a folder, in an archive (tar, zip), or in archives in a folder, each
/// of which then stands for a folder: "sub/cat.zip/cat/1.aedat". Names are relative, with '/' between folders. Links
/// are followed, but not those that lead back to a folder above them.
class FileTree {
 public:
  /// A folder is listed, an archive read through once. Of an archive beside the folder that was unpacked from it
  /// (cat.zip, cat/) the folder counts. @param wanted which archives in the folder are looked into; empty: all
  /// @throws InputError naming the file
  explicit FileTree(const std::filesystem::path& root,
                    const std::function<bool(const std::filesystem::path& archive)>& wanted = {});

  /// The names of some of the files, to find out what this is; of an archive only the first ones, so that it is cheap.
  static std::vector<std::string> some_names(const std::filesystem::path& root);

  /// Changes when a file comes, goes or is written; of archives only the archive counts. Does not read any. Caches do
  /// not count, if their folder lies in the data's.
  static uint64_t fingerprint(const std::filesystem::path& root, const std::filesystem::path& cache_folder);

  const std::filesystem::path& root() const { return root_; }
  /// Sorted by their names in their archive or in the root, then by archive.
  const std::vector<std::string>& names() const { return names_; }
  /// The file of this name in the root or in any archive. "" if there is none
  /// @throws InputError naming both if there are two
  std::string find(const std::string& member) const;
  /// The name in its archive or in the root.
  const std::string& member(const std::string& name) const { return files_.at(name).member; }
  /// For errors and for people: "root/a/b.csv", "set.tar: a/b.csv".
  std::string where(const std::string& name) const;
  /// The file itself; empty if it is in an archive.
  std::filesystem::path path(const std::string& name) const;
  /// A small file's text, without the byte order mark that Windows' editors put before it.
  /// @throws InputError naming it
  std::string text(const std::string& name) const;
  /// Hands over the files of `wanted`, a folder's by name and an archive's as they come.
  void read(const std::set<std::string>& wanted, const std::function<void(const std::string&, ByteSource)>& take) const;
  /// The same of files in archives alone, whole.
  void read_members(const std::set<std::string>& wanted,
                    const std::function<void(const std::string&, Bytes)>& take) const;

  /// Folders, also those without files.
  const std::vector<std::string>& folders() const { return folders_; }
  /// What is not among the names: hidden files and folders; links to nothing; links to a folder above; archives that
  /// were not looked into.
  const std::vector<std::string>& hidden() const { return hidden_; }
  const std::vector<std::string>& dangling() const { return dangling_; }
  const std::vector<std::string>& loops() const { return loops_; }
  const std::vector<std::string>& closed_archives() const { return closed_archives_; }

 private:
  struct File {
    std::filesystem::path path;  ///< the file, or the archive it is in
    std::string member;          ///< its name there; of a file its name in the root
    bool in_archive = false;
  };
  void list_folder(const std::function<bool(const std::filesystem::path&)>& wanted);
  void add_archive(const std::filesystem::path& archive, const std::string& prefix);

  std::filesystem::path root_;
  std::map<std::string, File> files_;
  std::vector<std::string> names_, folders_, hidden_, dangling_, loops_, closed_archives_;
};

}  // namespace spikemix
