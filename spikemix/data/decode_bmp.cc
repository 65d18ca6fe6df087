// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>

#include "spikemix/data/picture_formats.h"

// Windows' and OS/2's bitmaps: 1, 4 or 8 bits with a palette, plain or run-length coded; 16, 24 or 32 bits. As in
// Pillow, alpha is ignored.
namespace spikemix {
namespace {

enum Compression : uint32_t { kPlain = 0, kRle8 = 1, kRle4 = 2, kMasks = 3 };

struct Header {
  uint32_t size = 0;  ///< 12: OS/2's, with sizes of 16 bits and palettes of 3 bytes for each colour
  int64_t width = 0, height = 0;
  bool top_down = false;
  uint32_t bits = 0, compression = kPlain, colours = 0, data = 0;
  std::array<uint32_t, 3> masks = {};

  bool old() const { return size == 12; }
  uint64_t row_bytes() const { return (uint64_t(width) * bits + 31) / 32 * 4; }
};

uint32_t little(PictureBytes bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= uint32_t(bytes[at + size_t(i)]) << (8 * i);
  return value;
}

PictureBytes from(PictureBytes bytes, uint64_t at, uint64_t count, std::string_view name) {
  if (at > bytes.size() || count > bytes.size() - at) damaged_picture(name, "BMP", "the file ends early");
  return bytes.subspan(at, count);
}

Header read_header(PictureBytes bytes, std::string_view name) {
  Header h;
  h.size = little(from(bytes, 0, 18, name), 14, 4);
  h.data = little(bytes, 10, 4);
  constexpr std::array kSizes = {12u, 40u, 52u, 56u, 64u, 108u, 124u};
  if (std::ranges::count(kSizes, h.size) == 0) damaged_picture(name, "BMP", fmt::format("a header of {}", h.size));
  const PictureBytes info = from(bytes, 14, h.size, name);
  if (h.old()) {
    h.width = little(info, 4, 2), h.height = little(info, 6, 2), h.bits = little(info, 10, 2);
  } else {
    const auto height = int32_t(little(info, 8, 4));
    h.width = int32_t(little(info, 4, 4)), h.height = std::abs(int64_t(height)), h.top_down = height < 0;
    h.bits = little(info, 14, 2), h.compression = little(info, 16, 4), h.colours = little(info, 32, 4);
  }
  const bool palette = h.bits == 1 || h.bits == 4 || h.bits == 8, deep = h.bits == 16 || h.bits == 24 || h.bits == 32;
  const bool fits = h.compression == kPlain || (h.compression == kMasks && deep) ||
                    (h.compression == kRle8 && h.bits == 8) || (h.compression == kRle4 && h.bits == 4);
  if (!(palette || deep) || !fits) {
    throw input_error("{}: a BMP of {} bits and compression {}, which is not read", name, h.bits, h.compression);
  }
  if (palette && h.colours == 0) h.colours = 1u << h.bits;
  if (deep) h.masks = h.bits == 16 ? std::array{0x7C00u, 0x3E0u, 0x1Fu} : std::array{0xFF0000u, 0xFF00u, 0xFFu};
  if (h.compression == kMasks) {
    const PictureBytes masks = from(bytes, 54, 12, name);  // in the header, or directly after a short one
    const std::array given = {little(masks, 0, 4), little(masks, 4, 4), little(masks, 8, 4)};
    if (given != std::array{0u, 0u, 0u}) h.masks = given;
  }
  return h;
}

Palette read_palette(const Header& h, PictureBytes bytes, std::string_view name) {
  if (h.colours > 65536) damaged_picture(name, "BMP", fmt::format("a palette of {}", h.colours));
  const size_t step = h.old() ? 3 : 4;
  // Some programs write fewer colours than possible without saying so: there are at most as many as fit before the
  // pixels.
  const uint64_t first = 14 + uint64_t(h.size), room = h.data > first ? (h.data - first) / step : h.colours;
  const uint64_t count = std::min<uint64_t>({h.colours, room, 256});
  const PictureBytes stored = from(bytes, first, count * step, name);
  Palette palette = {};
  for (size_t i = 0; i < count; ++i) palette[i] = {stored[i * step + 2], stored[i * step + 1], stored[i * step]};
  return palette;
}

// Run-length coded indices, the last row first. Pixels that the file leaves out are 0.
void unpack_runs(const Header& h, PictureBytes data, Image& image, std::string_view name) {
  const bool four = h.compression == kRle4;
  size_t at = 0;
  int64_t x = 0, y = 0;
  const auto next = [&]() -> uint8_t {
    if (at == data.size()) damaged_picture(name, "BMP", "the file ends early");
    return data[at++];
  };
  const auto put = [&](uint8_t index) {
    if (x < h.width && y < h.height) image.pixels[size_t((h.height - 1 - y) * h.width + x)] = index;
    ++x;
  };
  const auto half = [&](uint8_t byte, int i) { return uint8_t(four ? (i % 2 ? byte & 15 : byte >> 4) : byte); };
  while (y < h.height) {
    const uint8_t count = next(), value = next();
    if (count > 0) {
      for (int i = 0; i < count; ++i) put(half(value, i));
    } else if (value == 0) {
      x = 0, ++y;
    } else if (value == 1) {
      return;
    } else if (value == 2) {
      x += next(), y += next();
    } else {
      const size_t begin = at;
      uint8_t byte = 0;
      for (int i = 0; i < value; ++i) {
        if (!four || i % 2 == 0) byte = next();
        put(half(byte, i));
      }
      if ((at - begin) % 2 != 0) next();
    }
    if (x >= h.width && y == h.height - 1) return;  // some files have no end mark
  }
}

uint8_t masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const uint64_t most = mask >> std::countr_zero(mask);
  return uint8_t((uint64_t(pixel & mask) >> std::countr_zero(mask)) * 255 / most);
}

}  // namespace

Image decode_bmp(PictureBytes bytes, std::string_view name) {
  const Header h = read_header(bytes, name);
  const bool palette = h.bits <= 8;
  Image image = new_image(name, h.height, h.width, palette ? 1 : 3);
  if (h.compression == kRle8 || h.compression == kRle4) {
    if (h.top_down) damaged_picture(name, "BMP", "run-length coded from the top");
    from(bytes, h.data, 1, name);
    unpack_runs(h, bytes.subspan(h.data), image, name);
    return look_up(image, read_palette(h, bytes, name));
  }
  const PictureBytes data = from(bytes, h.data, h.row_bytes() * uint64_t(h.height), name);
  for (int64_t y = 0; y < h.height; ++y) {
    const PictureBytes row = data.subspan(uint64_t(h.top_down ? y : h.height - 1 - y) * h.row_bytes(), h.row_bytes());
    uint8_t* to = &image.pixels[size_t(y * h.width * image.channels)];
    for (int64_t x = 0; x < h.width; ++x) {
      if (palette) {
        const auto bit = size_t(x) * h.bits;
        to[x] = uint8_t(row[bit / 8] >> (8 - h.bits - bit % 8) & ((1u << h.bits) - 1));
      } else if (h.bits == 24) {
        std::reverse_copy(&row[size_t(3 * x)], &row[size_t(3 * x)] + 3, to + 3 * x);
      } else {
        const uint32_t pixel = little(row, size_t(x) * h.bits / 8, int(h.bits / 8));
        for (size_t c = 0; c < 3; ++c) to[3 * x + int64_t(c)] = masked(pixel, h.masks[c]);
      }
    }
  }
  return palette ? look_up(image, read_palette(h, bytes, name)) : image;
}

}  // namespace spikemix
