#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// More pixels than this are refused before memory is taken: a file of a few bytes can claim four thousand million.
inline constexpr int64_t kMaxPixels = int64_t{1} << 27;

/// A picture file's bytes as an image: grey with 1 channel, everything else RGB. JPEG, PNG, WebP, GIF, BMP, TIFF and
/// PBM, PGM, PPM, recognised by content. The pixels are those of Pillow's Image.open().convert("RGB"): palettes are
/// looked up, alpha is dropped, not blended; gamma, colour profiles and EXIF's orientation are ignored (a TIFF's own
/// orientation is not); CMYK becomes RGB without a profile; of an animation, the first frame. 16 bits keep their upper
/// 8, grey ones too, which Pillow clips.
/// `name` stands in errors. @throws InputError: no picture that is read, too large, damaged or cut short
Image decode_image(std::span<const uint8_t> bytes, std::string_view name);

/// decode_image of a file.
Image read_image(const std::filesystem::path& file);

/// A picture's name's ending, in small letters, if decode_image reads pictures of that ending: ".jpg". Else empty.
/// Decides which files of a folder are pictures.
std::string picture_ending(const std::filesystem::path& file);
inline bool is_picture_name(const std::filesystem::path& file) { return !picture_ending(file).empty(); }

/// What decode_image reads, for help and errors.
inline constexpr std::string_view kPictureFormats = "JPEG, PNG, WebP, GIF, BMP, TIFF or PPM";

/// The name of a picture's format that decode_image does not read, by the name's ending: "HEIC". Empty: any other file.
std::string_view unread_picture_format(const std::filesystem::path& file);

/// Writes a PNG beside `file` and renames it, so that no half-written file is ever seen. @throws RunError naming the
/// file
void write_png(const std::filesystem::path& file, const Image& image);

}  // namespace spikemix
