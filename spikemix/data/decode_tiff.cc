// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <tiffio.h>

#include "spikemix/data/picture_formats.h"

// As in Pillow: the first page, 1 to 16 bits a sample (of 16 the upper 8), rotated as its orientation says.
namespace spikemix {
namespace {

using Tiff = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

struct Source {
  PictureBytes bytes;
  uint64_t at = 0;
  std::string fault = {};
};

int on_error(TIFF*, void* source, const char* /*module*/, const char* format, va_list arguments) {
  char text[200];
  std::vsnprintf(text, sizeof text, format, arguments);
  static_cast<Source*>(source)->fault = text;
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

Tiff open(Source& source) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, nullptr);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), tmsize_t{1} << 29);
  const auto read = [](thandle_t handle, void* to, tmsize_t count) -> tmsize_t {
    Source& s = *static_cast<Source*>(handle);
    const uint64_t given = std::min<uint64_t>(uint64_t(count), s.bytes.size() - std::min(s.at, s.bytes.size()));
    if (given > 0) std::memcpy(to, s.bytes.data() + s.at, given);
    s.at += given;
    return tmsize_t(given);
  };
  const auto write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; };
  const auto seek = [](thandle_t handle, toff_t offset, int whence) -> toff_t {
    Source& s = *static_cast<Source*>(handle);
    s.at = offset + (whence == SEEK_CUR ? s.at : whence == SEEK_END ? s.bytes.size() : 0);
    return s.at;
  };
  const auto size = [](thandle_t handle) -> toff_t { return static_cast<Source*>(handle)->bytes.size(); };
  const auto map = [](thandle_t handle, void** base, toff_t* length) {
    Source& s = *static_cast<Source*>(handle);
    *base = const_cast<uint8_t*>(s.bytes.data());  // "r": it is only read
    *length = s.bytes.size();
    return 1;
  };
  return {TIFFClientOpenExt(
              "picture", "r", &source, read, write, seek, [](thandle_t) { return 0; }, size, map,
              [](thandle_t, void*, toff_t) {}, options.get()),
          TIFFClose};
}

struct Layout {
  uint32_t width = 0, height = 0;
  uint16_t bits = 1, samples = 1, photometric = PHOTOMETRIC_MINISWHITE, planar = PLANARCONFIG_CONTIG, format = 1;
  uint16_t compression = COMPRESSION_NONE, orientation = ORIENTATION_TOPLEFT, extra = 0;
  bool premultiplied = false;

  bool ycbcr() const { return photometric == PHOTOMETRIC_YCBCR && samples >= 3; }
  /// The number of samples that make up a pixel's colour.
  uint16_t colours() const {
    return photometric == PHOTOMETRIC_RGB || ycbcr() ? 3 : photometric == PHOTOMETRIC_SEPARATED ? 4 : 1;
  }
};

Layout read_layout(TIFF* tiff, std::string_view name) {
  Layout l;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &l.width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &l.height);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &l.photometric);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &l.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &l.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &l.planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &l.format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &l.compression);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &l.orientation);
  uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &l.extra, &kinds);
  if (l.samples == 1 && l.photometric == PHOTOMETRIC_YCBCR) l.photometric = PHOTOMETRIC_MINISBLACK;
  // Some files claim an alpha channel that they have no sample for.
  l.premultiplied = l.extra > 0 && l.samples > l.colours() && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
  const bool depth = l.bits == 8 || l.bits == 16 || (l.samples == 1 && (l.bits == 1 || l.bits == 2 || l.bits == 4));
  const bool colour = l.photometric <= PHOTOMETRIC_PALETTE || l.photometric == PHOTOMETRIC_SEPARATED || l.ycbcr();
  if (!depth || !colour || l.format != SAMPLEFORMAT_UINT || l.samples < l.colours() || l.samples > 8 ||
      (l.photometric == PHOTOMETRIC_PALETTE && l.bits > 8)) {
    throw input_error("{}: a TIFF of {} x {} bits, sample format {}, photometric {}, which is not read", name,
                      l.samples, l.bits, l.format, l.photometric);
  }
  return l;
}

// A sample of a stored row; of 16 bits, the upper 8.
uint8_t sample(const uint8_t* row, size_t i, uint16_t bits) {
  if (bits == 8) return row[i];
  if (bits == 16) {
    uint16_t value;
    std::memcpy(&value, row + 2 * i, 2);  // libtiff gives them in the machine's order
    return uint8_t(value >> 8);
  }
  return uint8_t(row[i * bits / 8] >> (8 - bits - i * bits % 8) & ((1 << bits) - 1));
}

// All samples, [height, width, samples], from tiles or strips, which may extend past the picture.
std::vector<uint8_t> read_samples(TIFF* tiff, const Layout& l, const Source& source, std::string_view name) {
  const bool tiled = TIFFIsTiled(tiff);
  uint32_t tile_width = l.width, tile_height = l.height;
  if (tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &tile_height);
    tile_height = std::min(tile_height, l.height);
  }
  new_image(name, tile_height, tile_width, 0);  // checks the size
  const bool separate = l.planar == PLANARCONFIG_SEPARATE && l.samples > 1;
  const uint16_t each = separate ? 1 : l.samples;
  const size_t row_bytes = (size_t(tile_width) * each * l.bits + 7) / 8;
  const tmsize_t expected = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  if (expected < 0 || size_t(expected) != row_bytes * tile_height) damaged_picture(name, "TIFF", "its tiles' size");
  std::vector<uint8_t> tile(row_bytes * tile_height), samples(size_t(l.width) * l.height * l.samples);
  for (uint16_t plane = 0; plane < (separate ? l.samples : 1); ++plane) {
    for (uint32_t y = 0; y < l.height; y += tile_height) {
      const uint32_t rows = std::min(tile_height, l.height - y);
      for (uint32_t x = 0; x < l.width; x += tile_width) {
        const tmsize_t wanted = tiled ? expected : tmsize_t(row_bytes * rows);
        const tmsize_t got = tiled
                                 ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, plane), tile.data(), wanted)
                                 : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, plane), tile.data(), wanted);
        if (got != wanted) damaged_picture(name, "TIFF", source.fault.empty() ? "ends early" : source.fault);
        const uint32_t columns = std::min(tile_width, l.width - x);
        for (uint32_t r = 0; r < rows; ++r) {
          const uint8_t* from = tile.data() + r * row_bytes;
          uint8_t* to = &samples[(size_t(y + r) * l.width + x) * l.samples + plane];
          for (size_t c = 0; c < columns; ++c) {
            for (size_t s = 0; s < each; ++s) to[c * l.samples + s] = sample(from, c * each + s, l.bits);
          }
        }
      }
    }
  }
  return samples;
}

uint8_t divided(uint8_t value, uint8_t alpha) { return alpha == 0 ? 0 : uint8_t(std::min(255, 255 * value / alpha)); }

Image to_image(TIFF* tiff, const Layout& l, const std::vector<uint8_t>& samples, std::string_view name) {
  const bool grey = l.colours() == 1;
  Image image = new_image(name, l.height, l.width, grey ? 1 : 3);
  const int most = l.bits >= 8 ? 255 : (1 << l.bits) - 1;
  for (size_t i = 0; i < size_t(l.width) * l.height; ++i) {
    const uint8_t* from = &samples[i * l.samples];
    uint8_t* to = &image.pixels[i * size_t(image.channels)];
    if (l.photometric == PHOTOMETRIC_SEPARATED) {
      const uint8_t paper[4] = {uint8_t(255 - from[0]), uint8_t(255 - from[1]), uint8_t(255 - from[2]),
                                uint8_t(255 - from[3])};
      ink_to_rgb(paper, to);
    } else if (l.photometric == PHOTOMETRIC_PALETTE) {
      to[0] = from[0];
    } else {
      for (int c = 0; c < image.channels; ++c) {
        to[c] = uint8_t(from[c] * 255 / most);
        if (l.premultiplied) to[c] = divided(to[c], from[l.colours()]);
        if (l.photometric == PHOTOMETRIC_MINISWHITE) to[c] = uint8_t(255 - to[c]);
      }
    }
  }
  if (l.photometric != PHOTOMETRIC_PALETTE) return image;
  uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
  if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) damaged_picture(name, "TIFF", "no palette");
  Palette palette = {};
  for (size_t i = 0; i < size_t{1} << l.bits; ++i) {
    palette[i] = {uint8_t(red[i] >> 8), uint8_t(green[i] >> 8), uint8_t(blue[i] >> 8)};
  }
  return look_up(image, palette);
}

// Luma, and colour differences at half the resolution: libtiff's own conversion.
Image convert_ycbcr(TIFF* tiff, const Layout& l, const Source& source, std::string_view name) {
  Image image = new_image(name, l.height, l.width, 3);
  std::vector<uint32_t> rgba(size_t(l.width) * l.height);
  if (!TIFFReadRGBAImageOriented(tiff, l.width, l.height, rgba.data(), ORIENTATION_TOPLEFT, /*stop=*/1)) {
    damaged_picture(name, "TIFF", source.fault);
  }
  for (size_t i = 0; i < rgba.size(); ++i) {
    image.pixels[3 * i] = uint8_t(TIFFGetR(rgba[i]));
    image.pixels[3 * i + 1] = uint8_t(TIFFGetG(rgba[i]));
    image.pixels[3 * i + 2] = uint8_t(TIFFGetB(rgba[i]));
  }
  return image;
}

// EXIF's eight orientations: 2 to 4 mirror and rotate by 180 degrees, 5 to 8 also swap rows and columns.
Image turned(const Image& image, uint16_t orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool exchange = orientation >= 5;
  const bool right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out{exchange ? image.width : image.height, exchange ? image.height : image.width, image.channels,
            std::vector<uint8_t>(image.pixels.size())};
  for (int64_t y = 0; y < out.height; ++y) {
    for (int64_t x = 0; x < out.width; ++x) {
      int64_t row = exchange ? x : y, column = exchange ? y : x;
      if (bottom) row = image.height - 1 - row;
      if (right) column = image.width - 1 - column;
      std::copy_n(&image.pixels[size_t((row * image.width + column) * image.channels)], image.channels,
                  &out.pixels[size_t((y * out.width + x) * image.channels)]);
    }
  }
  return out;
}

}  // namespace

Image decode_tiff(PictureBytes bytes, std::string_view name) {
  Source source{.bytes = bytes};
  const Tiff tiff = open(source);
  if (!tiff) damaged_picture(name, "TIFF", source.fault);
  Layout layout = read_layout(tiff.get(), name);
  new_image(name, layout.height, layout.width, 0);  // checks the size
  if (layout.ycbcr()) {
    if (layout.compression != COMPRESSION_JPEG || layout.planar != PLANARCONFIG_CONTIG) {
      return convert_ycbcr(tiff.get(), layout, source, name);
    }
    TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  return turned(to_image(tiff.get(), layout, read_samples(tiff.get(), layout, source, name), name), layout.orientation);
}

}  // namespace spikemix
