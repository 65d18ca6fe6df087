// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace spikemix {

/// A picture: [height, width, 3] bytes, row-major, red, green, blue.
struct RgbPicture {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> rgb;
};

/// One picture as PNG, or several of one size as an animated PNG
/// (https://www.w3.org/TR/png-3/#apng-frame-based-animation) that loops forever; viewers without animation show the
/// first. We write the chunks around zlib ourselves, because libpng does not know the animation's.
/// @param delay_ms  how long each picture of an animation is shown
std::vector<uint8_t> png_bytes(std::span<const RgbPicture> pictures, int delay_ms = 100);
/// Does a file that begins with these bytes hold such a picture? A chunk names the software that made it.
bool is_png_of_ours(std::string_view beginning);
/// Writes png_bytes() to a file. @throws InputError or RunError as AtomicFile does
void write_png(const std::filesystem::path& path, std::span<const RgbPicture> pictures, int delay_ms = 100);

}  // namespace spikemix
