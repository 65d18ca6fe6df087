// SPDX-License-Identifier: MIT
#include "spikemix/data/decode.h"

#include <algorithm>
#include <cctype>

#include <fmt/ranges.h>

#include "spikemix/base/file.h"
#include "spikemix/data/archive.h"
#include "spikemix/data/picture_formats.h"

namespace spikemix {
namespace {

using namespace std::string_view_literals;

/// The first bytes of a format's pictures; '?' stands for any byte.
struct Signature {
  std::string_view begins;
  Image (*decode)(PictureBytes, std::string_view name);
  std::string_view unread = {};  ///< the format's name, if there is no decoder
};

constexpr Signature kSignatures[] = {
    {"\xFF\xD8"sv, decode_jpeg},
    {"\x89PNG"sv, decode_png},
    {"RIFF????WEBP"sv, decode_webp},
    {"GIF87a"sv, decode_gif},
    {"GIF89a"sv, decode_gif},
    {"BM"sv, decode_bmp},
    {"II*\0"sv, decode_tiff},
    {"MM\0*"sv, decode_tiff},
    {"II+\0"sv, decode_tiff},
    {"MM\0+"sv, decode_tiff},
    {"P1"sv, decode_pnm},
    {"P2"sv, decode_pnm},
    {"P3"sv, decode_pnm},
    {"P4"sv, decode_pnm},
    {"P5"sv, decode_pnm},
    {"P6"sv, decode_pnm},
    {"????ftypavif"sv, nullptr, "AVIF"},
    {"????ftypavis"sv, nullptr, "AVIF"},
    {"????ftyphei"sv, nullptr, "HEIC"},
    {"????ftyphev"sv, nullptr, "HEIC"},
    {"????ftypmif1"sv, nullptr, "HEIC"},
    {"????ftypmsf1"sv, nullptr, "HEIC"},
    {"\0\0\0\x0CjP  "sv, nullptr, "JPEG 2000"},
    {"\xFF\x4F\xFF\x51"sv, nullptr, "JPEG 2000"},
    {"\0\0\0\x0CJXL "sv, nullptr, "JPEG XL"},
    {"\xFF\x0A"sv, nullptr, "JPEG XL"},
    {"8BPS"sv, nullptr, "PSD"},
    {"<svg"sv, nullptr, "SVG"},
    {"<?xml"sv, nullptr, "XML (SVG?)"},
    {"%PDF"sv, nullptr, "PDF"},
    {"<!DOCTYPE"sv, nullptr, "a web page"},
    {"<html"sv, nullptr, "a web page"},
};

bool begins(PictureBytes bytes, std::string_view signature) {
  return bytes.size() >= signature.size() &&
         std::ranges::equal(signature, bytes.first(signature.size()),
                            [](char expected, uint8_t found) { return expected == '?' || uint8_t(expected) == found; });
}

std::string ending_of(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return ending;
}

}  // namespace

Image new_image(std::string_view name, int64_t height, int64_t width, int64_t channels) {
  if (height < 1 || width < 1) throw input_error("{}: a picture of {} x {} pixels", name, width, height);
  if (height > kMaxPixels || width > kMaxPixels || height * width > kMaxPixels) {
    throw input_error("{}: {} x {} pixels, at most {} are read", name, width, height, kMaxPixels);
  }
  return {height, width, channels, std::vector<uint8_t>(size_t(height * width * channels))};
}

void damaged_picture(std::string_view name, std::string_view format, std::string_view why) {
  throw input_error("{}: damaged {}: {}", name, format, why);
}

Image look_up(const Image& indices, const Palette& palette) {
  Image image{indices.height, indices.width, 3, std::vector<uint8_t>(3 * indices.pixels.size())};
  for (size_t i = 0; i < indices.pixels.size(); ++i) {
    std::ranges::copy(palette[indices.pixels[i]], &image.pixels[3 * i]);
  }
  return image;
}

Image decode_image(std::span<const uint8_t> bytes, std::string_view name) {
  // By content, because pictures with another format's ending are common.
  for (const Signature& format : kSignatures) {
    if (!begins(bytes, format.begins)) continue;
    if (format.decode) return format.decode(bytes, name);
    throw input_error("{}: {}, expected a {} picture; convert it", name, format.unread, kPictureFormats);
  }
  if (bytes.empty()) throw input_error("{}: an empty file, expected a {} picture", name, kPictureFormats);
  refuse_lfs_pointer(std::as_bytes(bytes), std::string(name));
  throw input_error("{}: not a {} picture: it begins with {:02x}", name, kPictureFormats,
                    fmt::join(bytes.first(std::min<size_t>(4, bytes.size())), " "));
}

Image read_image(const std::filesystem::path& file) { return decode_image(read_bytes(file), file.string()); }

std::string picture_ending(const std::filesystem::path& file) {
  constexpr std::array kEndings = {".jpg"sv, ".jpeg"sv, ".jpe"sv,  ".jfif"sv, ".png"sv, ".webp"sv, ".gif"sv, ".bmp"sv,
                                   ".dib"sv, ".tif"sv,  ".tiff"sv, ".ppm"sv,  ".pgm"sv, ".pbm"sv,  ".pnm"sv};
  const std::string ending = ending_of(file);
  return std::ranges::count(kEndings, ending) > 0 ? ending : "";
}

std::string_view unread_picture_format(const std::filesystem::path& file) {
  constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
      {".heic", "HEIC"},      {".heif", "HEIC"},      {".avif", "AVIF"},      {".svg", "SVG"},
      {".psd", "PSD"},        {".jp2", "JPEG 2000"},  {".j2k", "JPEG 2000"},  {".jxl", "JPEG XL"},
      {".ico", "ICO"},        {".tga", "TGA"},        {".exr", "OpenEXR"},    {".hdr", "Radiance HDR"},
      {".pcx", "PCX"},        {".pfm", "PFM"},        {".pam", "PAM"},        {".xcf", "XCF"},
      {".dng", "camera raw"}, {".nef", "camera raw"}, {".cr2", "camera raw"}, {".cr3", "camera raw"},
      {".arw", "camera raw"}, {".pdf", "PDF"},        {".eps", "PostScript"}, {".dcm", "DICOM"},
      {".npy", "NumPy"},      {".mat", "MATLAB"},     {".mp4", "video"},      {".avi", "video"}};
  const std::string ending = ending_of(file);
  for (const auto& [name, format] : kFormats) {
    if (name == ending) return format;
  }
  return {};
}

}  // namespace spikemix
