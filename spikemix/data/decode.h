#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// More pixels than this are refused before memory is taken: a file of a few bytes can claim four thousand million.
inline constexpr int64_t kMaxPixels = int64_t{1} << 27;

/// A JPEG or PNG file's bytes as an image: grey with 1 channel, everything else RGB. Palettes are looked up, 16 bits
/// become 8, CMYK becomes RGB without a colour profile; alpha is dropped, not blended: as Pillow's convert("RGB").
/// `name` stands in errors. @throws InputError: no JPEG or PNG, too large, damaged or cut short
Image decode_image(std::span<const uint8_t> bytes, std::string_view name);

/// decode_image of a file.
Image read_image(const std::filesystem::path& file);

/// Writes a PNG beside `file` and renames it, so that no half-written file is ever seen. @throws RunError naming the
/// file
void write_png(const std::filesystem::path& file, const Image& image);

}  // namespace spikemix
