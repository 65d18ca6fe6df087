#include "spikemix/data/decode.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/ranges.h>
#include <png.h>
#include <turbojpeg.h>

#include "spikemix/data/archive.h"

namespace spikemix {
namespace {

Image new_image(std::string_view name, int64_t height, int64_t width, int64_t channels) {
  if (height * width > kMaxPixels) {
    throw input_error("{}: {} x {} pixels, at most {} are read", name, width, height, kMaxPixels);
  }
  return {height, width, channels, std::vector<uint8_t>(size_t(height * width * channels))};
}

// libjpeg's CMYK, as Adobe's programs write it: 255 is no ink.
void cmyk_to_rgb(const std::vector<uint8_t>& cmyk, std::vector<uint8_t>& rgb) {
  for (size_t i = 0; i < rgb.size() / 3; ++i) {
    for (size_t c = 0; c < 3; ++c) rgb[3 * i + c] = uint8_t((cmyk[4 * i + c] * cmyk[4 * i + 3] + 127) / 255);
  }
}

using JpegDecoder = std::unique_ptr<void, decltype(&tjDestroy)>;

Image decode_jpeg(JpegDecoder& decoder, std::span<const uint8_t> bytes, std::string_view name) {
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(decoder.get(), bytes.data(), bytes.size(), &width, &height, &subsampling, &colours) != 0) {
    throw input_error("{}: damaged JPEG: {}", name, tjGetErrorStr2(decoder.get()));
  }
  const bool grey = colours == TJCS_GRAY, cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;
  Image image = new_image(name, height, width, grey ? 1 : 3);
  std::vector<uint8_t> four;
  if (cmyk) four.resize(size_t(height) * size_t(width) * 4);
  const int format = grey ? TJPF_GRAY : cmyk ? TJPF_CMYK : TJPF_RGB;
  if (tjDecompress2(decoder.get(), bytes.data(), bytes.size(), cmyk ? four.data() : image.pixels.data(), width, 0,
                    height, format, TJFLAG_LIMITSCANS) != 0) {
    // Cameras and editors leave stray bytes between segments, and every viewer skips them. Other warnings mean that
    // pixels were made up.
    const std::string_view why = tjGetErrorStr2(decoder.get());
    const bool harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING && why.find("extraneous bytes") != why.npos;
    if (!harmless) throw input_error("{}: damaged JPEG: {}", name, why);
  }
  if (cmyk) cmyk_to_rgb(four, image.pixels);
  return image;
}

Image decode_jpeg(std::span<const uint8_t> bytes, std::string_view name) {
  // A decoder's tables cost more than a 32x32 image, so each thread keeps one; but not after an error: the decoder then
  // goes on in the middle of the damaged file.
  thread_local JpegDecoder kept(nullptr, tjDestroy);
  JpegDecoder decoder = std::move(kept);
  if (!decoder) decoder.reset(tjInitDecompress());
  Image image = decode_jpeg(decoder, bytes, name);
  kept = std::move(decoder);
  return image;
}

// libpng's control block, freed however the function ends.
struct Png : png_image {
  Png() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~Png() { png_image_free(this); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
};

Image decode_png(std::span<const uint8_t> bytes, std::string_view name) {
  Png png;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) {
    throw input_error("{}: damaged PNG: {}", name, png.message);
  }
  // 16 bits without a gamma are taken as sRGB, as 8 bits are; libpng's default is linear light.
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const bool grey = (png.format & PNG_FORMAT_FLAG_COLOR) == 0, alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  png.format = (grey ? 0 : PNG_FORMAT_FLAG_COLOR) | (alpha ? PNG_FORMAT_FLAG_ALPHA : 0);
  const int64_t channels = grey ? 1 : 3, stored = channels + (alpha ? 1 : 0);
  Image image = new_image(name, png.height, png.width, stored);
  if (!png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr)) {
    throw input_error("{}: damaged PNG: {}", name, png.message);
  }
  if (alpha) {
    const int64_t count = image.height * image.width;
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(&image.pixels[size_t(i * stored)], channels, &image.pixels[size_t(i * channels)]);
    }
    image.channels = channels;
    image.pixels.resize(size_t(count * channels));
  }
  return image;
}

bool starts_with(std::span<const uint8_t> bytes, std::initializer_list<uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, std::string_view name) {
  // By content: pictures with the other one's extension are common.
  if (starts_with(bytes, {0xFF, 0xD8})) return decode_jpeg(bytes, name);
  if (starts_with(bytes, {0x89, 'P', 'N', 'G'})) return decode_png(bytes, name);
  if (bytes.empty()) throw input_error("{}: an empty file, expected a JPEG or PNG picture", name);
  throw input_error("{}: neither JPEG nor PNG: it begins with {:02x}", name,
                    fmt::join(bytes.first(std::min<size_t>(4, bytes.size())), " "));
}

Image read_image(const std::filesystem::path& file) { return decode_image(read_bytes(file), file.string()); }

void write_png(const std::filesystem::path& file, const Image& image) {
  Png png;
  png.width = png_uint_32(image.width);
  png.height = png_uint_32(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const std::string beside = file.string() + ".part";
  std::FILE* out = std::fopen(beside.c_str(), "wb");
  if (!out) throw run_error("{}: {}", beside, std::strerror(errno));
  const bool encoded = png_image_write_to_stdio(&png, out, 0, image.pixels.data(), 0, nullptr);
  const bool closed = std::fclose(out) == 0;
  std::error_code error;
  if (encoded && closed) std::filesystem::rename(beside, file, error);
  if (!encoded || !closed || error) {
    const std::string why = !encoded ? png.message : error ? error.message() : std::strerror(errno);
    std::filesystem::remove(beside, error);
    throw run_error("{}: cannot be written: {}", file.string(), why);
  }
}

}  // namespace spikemix
