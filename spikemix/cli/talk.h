// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "spikemix/base/json.h"
#include "spikemix/base/text.h"

namespace spikemix {

// All output of the program: the answer on standard output, everything else on standard error. Nothing here throws,
// even if the disk is full, the terminal is gone or the reader has left. end_talk() reports an answer that did not
// arrive; text on standard error may get lost.
//
// String arguments of answer(), report() and say() come from files, folders and the command line, so they are made
// printable(). Text that is entirely ours (colours, a recipe's text) goes through answer_text().

/// Call it first in main: occupies the descriptors 0 to 2, so that no file opened later becomes one of them.
void begin_talk() noexcept;

/// Writes to standard output unchanged, at the next flush_answer(), or once there is much of it.
/// @param asked_for  false for a report()
void answer_text(std::string_view text, bool asked_for = true) noexcept;
void flush_answer() noexcept;
/// True if nobody will read the rest: work that is only for the answer can stop.
bool answer_lost() noexcept;

/// Call it last in main. @return `code`, or kFailed (after printing the reason) if an answer did not arrive. Does not
/// return if its reader has left: that ends a program quietly, by SIGPIPE.
int end_talk(int code) noexcept;

/// Writes to standard error unchanged, at once.
void say_text(std::string_view text) noexcept;

namespace talk {

void lose_answer(int error) noexcept;

template <class T>
decltype(auto) shown(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return printable(value);
  else
    return (value);
}

// fmt 12, which LibTorch 2.14 brings, deprecates the conversion; fmt 9 has no get().
template <class Format>
fmt::string_view view(const Format& format) {
  if constexpr (requires { format.get(); })
    return format.get();
  else
    return format;
}

template <class... Args>
std::string text(fmt::format_string<Args...> format, const Args&... args) {
  return
      [&](const auto&... clean) { return fmt::vformat(view(format), fmt::make_format_args(clean...)); }(shown(args)...);
}

// Calls work(). False if out of memory, which is not a reason to end.
template <class Work>
bool attempt(const Work& work) noexcept {
  try {
    work();
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace talk

/// The width of the answer's terminal.
template <class... Args>
void answer(fmt::format_string<Args...> format, const Args&... args) noexcept {
  if (!talk::attempt([&] { answer_text(talk::text<Args...>(format, args...)); })) talk::lose_answer(ENOMEM);
}

/// Prints the answer as a document.
template <class Json>
void answer_json(const Json& document, int indent = 2) noexcept {
  if (!talk::attempt([&] { answer_text(json_text(document, indent) + "\n"); })) talk::lose_answer(ENOMEM);
}

/// Reports on standard output what was done, if the user asked for a file or a run. It is not a failure if nobody reads
/// it (standard output closed from the start, a terminal that is gone, a reader that has left).
template <class... Args>
void report(fmt::format_string<Args...> format, const Args&... args) noexcept {
  if (!talk::attempt([&] { answer_text(talk::text<Args...>(format, args...), /*asked_for=*/false); }))
    talk::lose_answer(ENOMEM);
}

/// Writes a line to standard error: "spikemix: TEXT".
template <class... Args>
void say(fmt::format_string<Args...> format, const Args&... args) noexcept {
  talk::attempt([&] { say_text("spikemix: " + talk::text<Args...>(format, args...) + "\n"); });
}

}  // namespace spikemix
