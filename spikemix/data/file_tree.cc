#include "spikemix/data/file_tree.h"

#include <algorithm>
#include <array>
#include <map>

#include <sys/stat.h>

#include "spikemix/core/file.h"
#include "spikemix/data/archive.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSomeNames = 64;  // of each folder or archive: enough to see a data set's layout

bool is_hidden(const std::string& name) {
  const fs::path path(name);
  return std::ranges::any_of(path, [](const fs::path& part) { return part.string().starts_with('.'); }) ||
         path.begin()->string() == "__MACOSX";
}

// The folder's files, hidden ones left out, and whatever order the system gives them.
template <class F>
void for_files(const fs::path& root, F&& f) {
  for (auto at = fs::recursive_directory_iterator(root, fs::directory_options::follow_directory_symlink);
       at != fs::recursive_directory_iterator(); ++at) {
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      if (!f(at->path())) return;
    }
  }
}

void list_archive(const fs::path& archive, size_t limit, const std::function<void(const std::string&)>& f) {
  size_t count = 0;
  read_archive(
      archive,
      [&](const std::string& name, bool folder) {
        if (!folder && !is_hidden(name)) f(name), ++count;
        return count < limit ? Choice::kSkip : Choice::kStop;
      },
      [](const std::string&, const Bytes&) {});
}

// FNV-1a.
void add(uint64_t& hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ uint8_t(c)) * 0x100000001B3;
}

}  // namespace

FileTree::FileTree(const fs::path& root) : root_(root) {
  const auto add_archive = [&](const fs::path& archive) {
    list_archive(archive, SIZE_MAX, [&](const std::string& name) {
      const auto [at, added] = files_.emplace(name, archive);
      if (!added && at->second != archive) {
        throw input_error("{}: '{}' is in {} as well; remove one of them", archive.string(), name, at->second.string());
      }
    });
  };
  if (!fs::is_directory(root)) {
    add_archive(root);
    return;
  }
  for_files(root, [&](const fs::path& file) {
    if (is_archive_name(file)) {
      add_archive(file);
    } else {
      files_.emplace(file.lexically_relative(root).generic_string(), file);
    }
    return true;
  });
}

std::vector<std::string> FileTree::some_names(const fs::path& root) {
  std::vector<std::string> names;
  const auto take = [&](const std::string& name) { names.push_back(name); };
  if (!fs::is_directory(root)) {
    if (is_archive_name(root)) list_archive(root, kSomeNames, take);
    return names;
  }
  // Each folder is looked into, since the first one may be of pictures and the next of recordings.
  std::map<fs::path, size_t> seen;
  for_files(root, [&](const fs::path& file) {
    if (is_archive_name(file) && seen[file.parent_path()]++ == 0) {
      list_archive(file, kSomeNames, take);
    } else if (!is_archive_name(file) && seen[file.parent_path()]++ < kSomeNames) {
      take(file.lexically_relative(root).generic_string());
    }
    return names.size() < 16 * kSomeNames;
  });
  return names;
}

uint64_t FileTree::fingerprint(const fs::path& root, const fs::path& cache_folder) {
  constexpr std::array<std::string_view, 4> kOfCaches = {".events", ".images", ".lock", ".partial"};
  std::vector<fs::path> files;
  if (fs::is_directory(root)) {
    for_files(root, [&](const fs::path& file) {
      std::error_code error;
      const bool of_cache = std::ranges::count(kOfCaches, file.extension().string()) > 0 &&
                            fs::equivalent(file.parent_path(), cache_folder, error);
      if (!of_cache) files.push_back(file);
      return true;
    });
    std::ranges::sort(files);
  } else {
    files.push_back(root);
  }
  uint64_t hash = 0xCBF29CE484222325;
  for (const fs::path& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) throw input_error("{}: no such file", file.string());
    add(hash, fmt::format("{}\n{} {}.{}\n", file.lexically_relative(root).generic_string(), status.st_size,
                          status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  return hash;
}

std::vector<std::string> FileTree::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

std::string FileTree::where(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return (root_ / name).string();
  return is_archive_name(found->second) ? found->second.string() + ": " + name : found->second.string();
}

std::string FileTree::text(const std::string& name) const {
  std::string text;
  read({name}, [&](const std::string&, ByteSource source) {
    constexpr size_t kMost = 1 << 20;
    const auto bytes = source.peek(kMost + 1);
    if (bytes.size() > kMost) throw input_error("{}: larger than 1 MiB, expected a few lines", where(name));
    text.assign(bytes.begin(), bytes.end());
  });
  return text;
}

void FileTree::read(const std::set<std::string>& wanted,
                    const std::function<void(const std::string&, ByteSource)>& take) const {
  std::map<fs::path, std::set<std::string>> archives;
  for (const std::string& name : wanted) {
    const auto found = files_.find(name);
    if (found == files_.end()) throw input_error("{}: no such file", where(name));
    if (is_archive_name(found->second)) {
      archives[found->second].insert(name);
    } else {
      take(name, ByteSource::open(found->second));
    }
  }
  for (auto& [archive, members] : archives) {
    read_archive(
        archive,
        [&](const std::string& name, bool folder) {
          if (members.empty()) return Choice::kStop;
          return !folder && members.contains(name) ? Choice::kTake : Choice::kSkip;
        },
        [&](const std::string& name, const Bytes& bytes) {
          take(name, ByteSource::memory(where(name), bytes));
          members.erase(name);
        });
  }
}

}  // namespace spikemix
