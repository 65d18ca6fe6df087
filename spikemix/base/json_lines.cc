// SPDX-License-Identifier: MIT
#include "spikemix/base/json_lines.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"

namespace spikemix {

JsonLines::JsonLines(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_file_error(path.string() + ": cannot write", errno);
  const std::string text = read_file(path);
  size_ = int64_t(text.size());
  truncate(int64_t(text.rfind('\n') + 1));  // npos + 1 is 0: there is no complete line
}

JsonLines::~JsonLines() { ::close(descriptor_); }

void JsonLines::append(const nlohmann::json& document) {
  const std::string line = json_text(document) + '\n';
  if (write_fully(descriptor_, std::as_bytes(std::span(line))) != line.size()) {
    const int error = errno;
    std::ignore = ::ftruncate(descriptor_, size_);  // drops the half line; if that fails too, the next reader drops it
    throw run_error("{}: cannot write: {}; the lines before are intact", path_.string(), std::strerror(error));
  }
  size_ += int64_t(line.size());
}

int64_t JsonLines::sync() {
  if (::fdatasync(descriptor_) != 0) throw run_error("{}: cannot write: {}", path_.string(), std::strerror(errno));
  return size_;
}

void JsonLines::truncate(int64_t bytes) {
  if (bytes >= size_) return;
  if (bytes > 0) bytes = int64_t(read_file(path_).rfind('\n', size_t(bytes - 1)) + 1);  // somebody changed its lines
  if (::ftruncate(descriptor_, bytes) != 0) {
    throw run_error("{}: cannot truncate: {}", path_.string(), std::strerror(errno));
  }
  size_ = bytes;
}

std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path, bool* cut) {
  const std::string text = read_file(path);
  std::vector<nlohmann::json> documents;
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != text.npos; begin = end + 1, end = text.find('\n', begin)) {
    documents.push_back(parse_json(std::string_view(text).substr(begin, end - begin),
                                   fmt::format("{}, line {}:", path.string(), documents.size() + 1)));
  }
  if (cut) *cut = begin < text.size();
  return documents;
}

}  // namespace spikemix
