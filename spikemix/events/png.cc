// SPDX-License-Identifier: MIT
#include "spikemix/events/png.h"

#include <cstring>
#include <string_view>

#include <zlib.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"

namespace spikemix {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kSoftware("tEXtSoftware\0spikemix", 21);  // type, keyword and text of a chunk

void put16(Bytes& bytes, int64_t value) {
  for (const int shift : {8, 0}) bytes.push_back(uint8_t(value >> shift));
}

void put32(Bytes& bytes, int64_t value) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(uint8_t(value >> shift));
}

void put_chunk(Bytes& png, const char* type, const Bytes& content) {
  put32(png, int64_t(content.size()));
  const size_t begin = png.size();
  png.insert(png.end(), type, type + 4);
  png.insert(png.end(), content.begin(), content.end());
  put32(png, int64_t(::crc32(0, png.data() + begin, uInt(png.size() - begin))));
}

// Rows without a filter: event pictures are flat areas, which deflate well unfiltered.
Bytes deflated(const RgbPicture& picture) {
  Bytes rows;
  const int64_t row = 3 * picture.width;
  for (int64_t y = 0; y < picture.height; ++y) {
    rows.push_back(0);
    rows.insert(rows.end(), picture.rgb.begin() + y * row, picture.rgb.begin() + (y + 1) * row);
  }
  uLongf size = ::compressBound(uLong(rows.size()));
  Bytes out(size);
  if (::compress2(out.data(), &size, rows.data(), uLong(rows.size()), 6) != Z_OK) throw run_error("zlib failed");
  out.resize(size);
  return out;
}

}  // namespace

std::vector<uint8_t> png_bytes(std::span<const RgbPicture> pictures, int delay_ms) {
  Bytes png(kSignature.begin(), kSignature.end());
  const int64_t width = pictures.front().width, height = pictures.front().height;
  Bytes header;
  put32(header, width), put32(header, height);
  header.insert(header.end(), {8, 2, 0, 0, 0});  // 8 bits, RGB
  put_chunk(png, "IHDR", header);
  put_chunk(png, "tEXt", Bytes(kSoftware.begin() + 4, kSoftware.end()));
  const bool animated = pictures.size() > 1;
  if (animated) {
    Bytes control;
    put32(control, int64_t(pictures.size())), put32(control, 0);
    put_chunk(png, "acTL", control);
  }
  int64_t sequence = 0;
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (animated) {
      Bytes frame;
      for (const int64_t value : {sequence++, width, height, int64_t(0), int64_t(0)}) put32(frame, value);
      put16(frame, delay_ms), put16(frame, 1000);
      frame.insert(frame.end(), {0, 0});  // keep it; the next frame covers it
      put_chunk(png, "fcTL", frame);
    }
    Bytes data;
    if (i > 0) put32(data, sequence++);
    const Bytes pixels = deflated(pictures[i]);
    data.insert(data.end(), pixels.begin(), pixels.end());
    put_chunk(png, i == 0 ? "IDAT" : "fdAT", data);
  }
  put_chunk(png, "IEND", {});
  return png;
}

bool is_png_of_ours(std::string_view beginning) {
  return beginning.starts_with(kSignature) && beginning.find(kSoftware) != beginning.npos;
}

void write_png(const std::filesystem::path& path, std::span<const RgbPicture> pictures, int delay_ms) {
  AtomicFile file(path);
  const Bytes png = png_bytes(pictures, delay_ms);
  file.write(std::as_bytes(std::span(png)));
  file.commit();
}

}  // namespace spikemix
