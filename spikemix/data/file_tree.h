// SPDX-License-Identifier: MIT
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

/// The files of a data set, wherever they are: in a folder, in an archive (tar, zip), or in archives in a folder, each
/// of which then counts as a folder: "sub/cat.zip/cat/1.aedat". Names are relative, with '/' between folders. Links are
/// followed, except those that lead back to a parent folder.
class FileTree {
 public:
  /// A folder is listed, and an archive read through once. If an archive is next to the folder that was unpacked from
  /// it (cat.zip, cat/), the folder counts. @param wanted which archives in the folder are read; empty: all
  /// @throws InputError naming the file
  explicit FileTree(const std::filesystem::path& root,
                    const std::function<bool(const std::filesystem::path& archive)>& wanted = {});

  /// The names of some of the files, enough to identify the data set; of an archive only the first ones, to keep it
  /// cheap.
  static std::vector<std::string> some_names(const std::filesystem::path& root);

  /// Changes when a file appears, disappears or is written; for archives only the archive itself counts. Reads no file.
  /// Caches do not count if their folder is inside the data's.
  static uint64_t fingerprint(const std::filesystem::path& root, const std::filesystem::path& cache_folder);

  const std::filesystem::path& root() const { return root_; }
  /// Sorted by their names within their archive or the root, then by archive.
  const std::vector<std::string>& names() const { return names_; }
  /// The file with this name in the root or in any archive; "" if there is none.
  /// @throws InputError naming both if there are two
  std::string find(const std::string& member) const;
  /// The name within its archive or the root.
  const std::string& member(const std::string& name) const { return files_.at(name).member; }
  /// For errors and reports: "root/a/b.csv", "set.tar: a/b.csv".
  std::string where(const std::string& name) const;
  /// The file itself; empty if it is in an archive.
  std::filesystem::path path(const std::string& name) const;
  /// A small file's text, without the byte order mark that Windows' editors put at its start.
  /// @throws InputError naming it
  std::string text(const std::string& name) const;
  /// Passes on the files of `wanted`, a folder's in order of name and an archive's as they come.
  void read(const std::set<std::string>& wanted, const std::function<void(const std::string&, ByteSource)>& take) const;
  /// The same only for files in archives, each whole.
  void read_members(const std::set<std::string>& wanted,
                    const std::function<void(const std::string&, Bytes)>& take) const;

  /// Folders, including those without files.
  const std::vector<std::string>& folders() const { return folders_; }
  /// What the names do not include: hidden files and folders; broken links; links to a parent folder; archives that are
  /// not read.
  const std::vector<std::string>& hidden() const { return hidden_; }
  const std::vector<std::string>& dangling() const { return dangling_; }
  const std::vector<std::string>& loops() const { return loops_; }
  const std::vector<std::string>& closed_archives() const { return closed_archives_; }

 private:
  struct File {
    std::filesystem::path path;  ///< the file, or the archive it is in
    std::string member;          ///< the file, or the archive that holds it
    bool in_archive = false;
  };
  void list_folder(const std::function<bool(const std::filesystem::path&)>& wanted);
  void add_archive(const std::filesystem::path& archive, const std::string& prefix);

  std::filesystem::path root_;
  std::map<std::string, File> files_;
  std::vector<std::string> names_, folders_, hidden_, dangling_, loops_, closed_archives_;
};

}  // namespace spikemix
