// SPDX-License-Identifier: MIT
#include "spikemix/cli/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "spikemix/cli/terminal.h"

namespace spikemix {
namespace {

// Nearest pixel for each place of a grid of rows x columns over the picture.
std::array<int, 3> pixel(const Image& image, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const int64_t y = std::min(image.height - 1, row * image.height / rows);
  const int64_t x = std::min(image.width - 1, column * image.width / columns);
  const uint8_t* p = &image.pixels[size_t((y * image.width + x) * image.channels)];
  return image.channels >= 3 ? std::array<int, 3>{p[0], p[1], p[2]} : std::array<int, 3>{p[0], p[0], p[0]};
}

}  // namespace

bool stdout_shows_colour() { return takes_escape_codes(STDOUT_FILENO); }

std::vector<std::string> draw(const Image& image, int64_t columns, bool colour) {
  // A character is about twice as high as wide: each line is two pixels of a half block, or one ASCII character.
  const int64_t lines = std::max<int64_t>(1, columns * image.height / image.width / 2);
  std::vector<std::string> text;
  for (int64_t line = 0; line < lines; ++line) {
    std::string& row = text.emplace_back();
    for (int64_t column = 0; column < columns; ++column) {
      if (colour) {
        const auto top = pixel(image, 2 * line, 2 * lines, column, columns);
        const auto bottom = pixel(image, 2 * line + 1, 2 * lines, column, columns);
        row +=
            fmt::format("\x1b[38;2;{};{};{};48;2;{};{};{}m▀", top[0], top[1], top[2], bottom[0], bottom[1], bottom[2]);
      } else {
        constexpr std::string_view kShades = " .:-=+*#%@";
        const auto p = pixel(image, line, lines, column, columns);
        const int luma = (299 * p[0] + 587 * p[1] + 114 * p[2]) / 1000;
        row += kShades[size_t(luma) * (kShades.size() - 1) / 255];
      }
    }
    if (colour) row += "\x1b[0m";
  }
  return text;
}

std::string bar(double share, int width) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = int(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += kEighths[eighths % 8];
  const int used = eighths / 8 + (eighths % 8 != 0);
  return text + std::string(size_t(width - used), ' ');
}

}  // namespace spikemix
