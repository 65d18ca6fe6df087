// SPDX-License-Identifier: MIT
#include "spikemix/data/file_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"
#include "spikemix/data/archive.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSomeNames = 64;  // from each folder or archive: enough to see a data set's layout

bool is_hidden_path(const std::string& name) {
  return std::ranges::any_of(fs::path(name), [](const fs::path& part) { return is_hidden_name(part.string()); });
}

/// What is done with the contents of a folder.
struct Visitor {
  std::function<bool(const fs::path&)> file;  ///< false: no more
  std::function<void(const fs::path&)> folder = {}, hidden = {}, dangling = {}, loop = {};
};

using Inode = std::pair<dev_t, ino_t>;

// In the order of names, following links. @return false if `file` wanted no more
bool visit_folder(const fs::path& folder, const Visitor& visitor, std::vector<Inode>& above) {
  const auto tell = [](const std::function<void(const fs::path&)>& f, const fs::path& path) {
    if (f) f(path);
  };
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    throw fs::filesystem_error("", folder, std::make_error_code(std::errc(errno)));
  const Inode inode{status.st_dev, status.st_ino};
  if (std::ranges::count(above, inode) > 0) {
    tell(visitor.loop, folder);
    return true;
  }
  above.push_back(inode);
  std::vector<fs::directory_entry> entries(fs::directory_iterator(folder), {});
  std::ranges::sort(entries);
  for (const fs::directory_entry& entry : entries) {
    std::error_code error;
    if (is_hidden_name(entry.path().filename().string())) {
      tell(visitor.hidden, entry.path());
    } else if (entry.is_directory(error)) {
      tell(visitor.folder, entry.path());
      if (!visit_folder(entry.path(), visitor, above)) return false;
    } else if (entry.is_regular_file(error)) {
      if (!visitor.file(entry.path())) return false;
    } else if (entry.is_symlink(error) && !entry.exists(error)) {
      tell(visitor.dangling, entry.path());
    }
  }
  above.pop_back();
  return true;
}

void visit_files(const fs::path& root, const Visitor& visitor) {
  std::vector<Inode> above;
  visit_folder(root, visitor, above);
}

void list_archive(const fs::path& archive, size_t limit,
                  const std::function<void(const std::string&, bool folder)>& f) {
  size_t count = 0;
  read_archive(
      archive,
      [&](const std::string& name, bool folder) {
        if (!name.empty()) f(name, folder), ++count;
        return count < limit ? Choice::kSkip : Choice::kStop;
      },
      [](const std::string&, const Bytes&) {});
}

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

FileTree::FileTree(const fs::path& root, const std::function<bool(const fs::path&)>& wanted) : root_(root) {
  if (fs::is_directory(root)) {
    list_folder(wanted);
  } else {
    add_archive(root, "");
  }
  for (const auto& [name, file] : files_) names_.push_back(name);
  std::ranges::stable_sort(names_, {}, [&](const std::string& name) { return files_.at(name).member; });
}

void FileTree::list_folder(const std::function<bool(const fs::path&)>& wanted) {
  const auto relative = [&](const fs::path& path) { return path.lexically_relative(root_).generic_string(); };
  const auto add_to = [&](std::vector<std::string>& list) {
    return [&list, &relative](const fs::path& path) { list.push_back(relative(path)); };
  };
  std::vector<fs::path> archives;
  Visitor visitor;
  visitor.file = [&](const fs::path& file) {
    if (is_archive_name(file)) {
      archives.push_back(file);
    } else {
      files_[relative(file)] = {file, relative(file)};
    }
    return true;
  };
  visitor.folder = add_to(folders_), visitor.hidden = add_to(hidden_);
  visitor.dangling = add_to(dangling_), visitor.loop = add_to(loops_);
  visit_files(root_, visitor);
  for (const fs::path& archive : archives) {
    const std::string unpacked = relative(archive.parent_path() / archive_stem(archive.filename().string())) + "/";
    const auto first = files_.lower_bound(unpacked);
    const bool is_unpacked = first != files_.end() && first->first.starts_with(unpacked);
    if (is_unpacked || (wanted && !wanted(archive))) {
      closed_archives_.push_back(relative(archive));
    } else {
      add_archive(archive, relative(archive) + "/");
    }
  }
}

void FileTree::add_archive(const fs::path& archive, const std::string& prefix) {
  list_archive(archive, SIZE_MAX, [&](const std::string& name, bool folder) {
    if (is_hidden_path(name)) {
      if (!folder) hidden_.push_back(prefix + name);
    } else if (folder) {
      folders_.push_back(prefix + name);
    } else if (is_archive_name(name)) {
      closed_archives_.push_back(prefix + name);
    } else {
      files_[prefix + name] = {archive, name, true};
    }
  });
}

std::vector<std::string> FileTree::some_names(const fs::path& root) {
  constexpr size_t kSomeArchives = 4;  // from each folder
  std::vector<std::string> names;
  const auto list = [&](const fs::path& archive, const std::string& prefix) {
    list_archive(archive, kSomeNames, [&](const std::string& name, bool folder) {
      if (!folder && !is_hidden_path(name)) names.push_back(prefix + name);
    });
  };
  if (!fs::is_directory(root)) {
    if (is_archive_name(root)) list(root, "");
    return names;
  }
  // Every folder is looked into, because the first may hold pictures and the next recordings.
  std::map<fs::path, size_t> seen, archives;
  visit_files(root, {.file = [&](const fs::path& file) {
                const std::string name = file.lexically_relative(root).generic_string();
                if (is_archive_name(file)) {
                  if (archives[file.parent_path()]++ < kSomeArchives) list(file, name + "/");
                } else if (seen[file.parent_path()]++ < kSomeNames) {
                  names.push_back(name);
                }
                return names.size() < 16 * kSomeNames;
              }});
  return names;
}

uint64_t FileTree::fingerprint(const fs::path& root, const fs::path& cache_folder) {
  constexpr std::array<std::string_view, 4> kOfCaches = {".events", ".images", ".lock", ".partial"};
  std::vector<fs::path> files;
  if (fs::is_directory(root)) {
    visit_files(root, {.file = [&](const fs::path& file) {
                  std::error_code error;
                  const bool of_cache = std::ranges::count(kOfCaches, file.extension().string()) > 0 &&
                                        fs::equivalent(file.parent_path(), cache_folder, error);
                  if (!of_cache) files.push_back(file);
                  return true;
                }});
    std::ranges::sort(files);
  } else {
    files.push_back(root);
  }
  Hash hash;
  for (const fs::path& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) throw input_error("{}: no such file", file.string());
    hash.add(fmt::format("{}\n{} {}.{}\n", file.lexically_relative(root).generic_string(), status.st_size,
                         status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  return hash.value();
}

std::string FileTree::find(const std::string& member) const {
  if (files_.contains(member)) return member;
  std::string found;
  for (const auto& [name, file] : files_) {
    if (!file.in_archive || file.member != member) continue;
    if (!found.empty()) {
      throw input_error("{}: '{}' is in {} as well; remove one of them", file.path.string(), member,
                        files_.at(found).path.string());
    }
    found = name;
  }
  return found;
}

std::string FileTree::where(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return (root_ / name).string();
  const File& file = found->second;
  return file.in_archive ? file.path.string() + ": " + file.member : file.path.string();
}

fs::path FileTree::path(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() || found->second.in_archive ? fs::path() : found->second.path;
}

std::string FileTree::text(const std::string& name) const {
  std::string text;
  read({name}, [&](const std::string&, ByteSource source) {
    constexpr size_t kMost = 1 << 20;
    const auto bytes = source.peek(kMost + 1);
    if (bytes.size() > kMost) throw input_error("{}: larger than 1 MiB, expected a few lines", where(name));
    text.assign(bytes.begin(), bytes.end());
  });
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw input_error("{}: text in UTF-16, expected UTF-8; save it as UTF-8", where(name));
  }
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

void FileTree::read(const std::set<std::string>& wanted,
                    const std::function<void(const std::string&, ByteSource)>& take) const {
  std::set<std::string> members;
  for (const std::string& name : wanted) {
    const auto found = files_.find(name);
    if (found == files_.end()) throw input_error("{}: no such file", where(name));
    if (found->second.in_archive) {
      members.insert(name);
    } else {
      take(name, ByteSource::open(found->second.path));
    }
  }
  read_members(members, [&](const std::string& name, const Bytes& bytes) {
    take(name, ByteSource::memory(where(name), bytes));
  });
}

void FileTree::read_members(const std::set<std::string>& wanted,
                            const std::function<void(const std::string&, Bytes)>& take) const {
  std::map<fs::path, std::map<std::string, std::string>> archives;  // the names, by those in their archive
  for (const std::string& name : wanted) {
    const File& file = files_.at(name);
    archives[file.path].emplace(file.member, name);
  }
  for (auto& [archive, members] : archives) {
    read_archive(
        archive,
        [&](const std::string& member, bool folder) {
          if (members.empty()) return Choice::kStop;
          return !folder && members.contains(member) ? Choice::kTake : Choice::kSkip;
        },
        [&](const std::string& member, Bytes bytes) {
          const auto found = members.find(member);
          take(found->second, std::move(bytes));
          members.erase(found);
        });
  }
}

}  // namespace spikemix
