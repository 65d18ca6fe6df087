// SPDX-License-Identifier: MIT
#include "spikemix/base/error.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>

namespace spikemix {
namespace {

// Other exceptions, including those of the standard library and LibTorch, can be pages long: the first line is enough.
std::string first_line(const char* what) {
  const std::string_view text = what;
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

bool is_about_the_path(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENAMETOOLONG:
    case ELOOP:
    case EEXIST:
    case ENOTEMPTY:
    case EINVAL:
    case ENXIO:
    case ENODEV:
    case EXDEV:
    case ETXTBSY:
    case EILSEQ:
      return true;
    default:
      return false;
  }
}

void throw_file_error(const std::string& text, int error) {
  if (is_about_the_path(error)) throw input_error("{}: {}", text, std::strerror(error));
  throw run_error("{}: {}", text, std::strerror(error));
}

Fault fault_of(const std::exception& error) {
  using enum Fault::Of;
  if (dynamic_cast<const InputError*>(&error)) return {kInput, error.what()};
  if (dynamic_cast<const RunError*>(&error)) return {kRun, error.what()};
  if (dynamic_cast<const std::bad_alloc*>(&error)) return {kRun, "out of memory; a smaller train.batch needs less"};
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    const std::string message = file->code().message();
    return {is_about_the_path(file->code().value()) ? kInput : kRun,
            file->path1().empty() ? message : file->path1().string() + ": " + message};
  }
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {  // such as no more threads
    return {kUnknown, fmt::format("the system refused: {}", system->code().message())};
  }
  return {kUnknown, "internal error, please report it: " + first_line(error.what())};
}

}  // namespace spikemix
