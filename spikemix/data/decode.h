// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// Pictures with more pixels are refused before memory is allocated: a file of a few bytes can claim four thousand
/// million.
inline constexpr int64_t kMaxPixels = int64_t{1} << 27;

/// A picture file's bytes as an image: grey with 1 channel, everything else RGB. Reads JPEG, PNG, WebP, GIF, BMP, TIFF
/// and PBM, PGM, PPM, recognised by content. The pixels are those of Pillow's Image.open().convert("RGB"): palettes are
/// looked up, and alpha is dropped, not blended. Gamma, colour profiles and EXIF's orientation are ignored (a TIFF's
/// own orientation is not). CMYK becomes RGB without a profile, and an animation gives its first frame. Of 16 bits the
/// upper 8 are kept, for grey too, which Pillow clips.
/// `name` is used in errors. @throws InputError: not a supported picture, too large, damaged or cut short
Image decode_image(std::span<const uint8_t> bytes, std::string_view name);

/// decode_image for a file.
Image read_image(const std::filesystem::path& file);

/// The ending of a picture's name, in lower case, if decode_image reads such pictures (".jpg"); otherwise empty.
/// Decides which files of a folder are pictures.
std::string picture_ending(const std::filesystem::path& file);
inline bool is_picture_name(const std::filesystem::path& file) { return !picture_ending(file).empty(); }

/// The formats that decode_image reads, for help and errors.
inline constexpr std::string_view kPictureFormats = "JPEG, PNG, WebP, GIF, BMP, TIFF or PPM";

/// The picture format that a name's ending stands for, if decode_image does not read it: "HEIC". Empty for any other
/// file.
std::string_view unread_picture_format(const std::filesystem::path& file);

/// Writes a PNG next to `file` and renames it, so that nobody ever sees a half-written file. @throws RunError naming
/// the file
void write_png(const std::filesystem::path& file, const Image& image);

}  // namespace spikemix
