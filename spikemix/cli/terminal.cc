// SPDX-License-Identifier: MIT
#include "spikemix/cli/terminal.h"

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <cwchar>
#include <limits>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "spikemix/base/text.h"
#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

constexpr int kUsualColumns = 80;

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term && std::string_view(term) == "dumb";
}

// The C library knows the width of characters only in a UTF-8 locale.
int width_of(char32_t code) {
  static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (!utf8) return 1;
  const locale_t before = ::uselocale(utf8);
  const int width = ::wcwidth(wchar_t(code));
  ::uselocale(before);
  return std::max(0, width);
}

// `width` characters, with a share `done` (0 to 1) filled.
std::string progress_bar(double done, int width) {
  const int filled = int(std::lround(done * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? "█" : "░";
  return text;
}

}  // namespace

bool takes_escape_codes(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(descriptor) && std::getenv("TERM") && !is_dumb() && !(no_color && *no_color);
}

int columns_of(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int number = columns ? std::atoi(columns) : 0;
  return number > 0 ? number : kUsualColumns;
}

int columns_for_names(int figures, int least) {
  if (!::isatty(STDOUT_FILENO)) return std::numeric_limits<int>::max();
  return std::max(least, columns_of(STDOUT_FILENO) - figures);
}

int width_of(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    width += c.valid ? width_of(c.code) : 1;
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string cut(std::string_view text, int columns) {
  size_t end = 0;
  for (int width = 0; end < text.size();) {
    const Character c = first_character(text.substr(end));
    width += c.valid ? width_of(c.code) : 1;
    if (width > columns) break;
    end += c.bytes;
  }
  return std::string(text.substr(0, end));
}

std::string shortened(std::string_view text, int columns) {
  if (width_of(text) <= columns) return std::string(text);
  const int head = columns / 2;
  std::string_view tail = text;
  while (width_of(tail) > columns - 1 - head) tail.remove_prefix(first_character(tail).bytes);
  return cut(text, head) + "…" + std::string(tail);
}

std::string padded(std::string_view text, int columns) {
  const std::string fitting = cut(text, columns);
  return fitting + std::string(size_t(columns - width_of(fitting)), ' ');
}

ProgressLine::ProgressLine() : moves_(::isatty(STDERR_FILENO) && !is_dumb()) {}

bool ProgressLine::due() const {
  const auto pause = moves_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  return last_ == Clock::time_point{} || Clock::now() - last_ >= pause;
}

void ProgressLine::show(const std::string& title, double share, const std::string& text) {
  wait();
  const std::string name = printable(title);
  if (!moves_) return say_text(fmt::format("{}{}{}\n", name, name.empty() ? "" : " ", text));
  constexpr int kLongestBar = 24, kShortestTitle = 12;
  // One column stays free, because a full line makes some terminals move to the next.
  const int room = columns_of(STDERR_FILENO) - 1, rest = room - width_of(text);
  const int bar = std::clamp(rest - std::min(width_of(name), kShortestTitle) - 2, 0, kLongestBar);
  std::string line = cut(name, std::max(0, rest - (bar > 0 ? bar + 1 : 0) - 1));
  if (!line.empty()) line += ' ';
  if (bar > 0) line += progress_bar(share, bar) + ' ';
  line = cut(line + text, room);
  const int width = width_of(line);
  // Overwrites what is there; if the terminal has become narrower, only up to its width.
  const int blanks = std::max(0, std::min(drawn_, room) - width);
  drawn_ = width;
  say_text("\r" + line + std::string(size_t(blanks), ' '));
}

void ProgressLine::clear() {
  if (drawn_ == 0) return;
  say_text("\r" + std::string(size_t(std::clamp(columns_of(STDERR_FILENO) - 1, 0, drawn_)), ' ') + "\r");
  drawn_ = 0;
}

}  // namespace spikemix
