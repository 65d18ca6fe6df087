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

/// One picture as PNG, several of one size as an animated PNG
/// (https://www.w3.org/TR/png-3/#apng-frame-based-animation), which runs for ever; a viewer that knows no animation
/// shows the first. Our own chunks around zlib, since libpng knows none of the animation's.
/// @param delay_ms  how long a picture of an animation is shown
std::vector<uint8_t> png_bytes(std::span<const RgbPicture> pictures, int delay_ms = 100);
/// Does a file that begins with these bytes hold such a picture? It says by what software it was made.
bool is_png_of_ours(std::string_view beginning);
/// Writes png_bytes() to a file. @throws InputError or RunError as AtomicFile
void write_png(const std::filesystem::path& path, std::span<const RgbPicture> pictures, int delay_ms = 100);

}  // namespace spikemix
