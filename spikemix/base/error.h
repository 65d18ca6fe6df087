// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "spikemix/base/exceptions.h"

namespace spikemix {

/// Is this errno about the path that the user gave (missing, unreadable, a folder, too long)? Other errors are the
/// machine's: a full disk, too many open files.
bool is_about_the_path(int error);

/// "TEXT: No space left on device", as the type of error that the errno stands for. Throw it with a text that begins
/// with the path.
[[noreturn]] void throw_file_error(const std::string& text, int error);

/// What any exception means to the user: whose fault it is, and one line that explains it.
struct Fault {
  enum class Of { kInput, kRun, kUnknown } of;  ///< kUnknown: neither ours nor a file's
  std::string text;
};
Fault fault_of(const std::exception& error);

/// throw input_error("{}: {} classes, expected {}", file, found, expected);
template <class... Args>
InputError input_error(fmt::format_string<Args...> format, Args&&... args) {
  return InputError(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
RunError run_error(fmt::format_string<Args...> format, Args&&... args) {
  return RunError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace spikemix
