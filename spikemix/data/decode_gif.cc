// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>

#include <gif_lib.h>

#include "spikemix/data/picture_formats.h"

namespace spikemix {
namespace {

using Gif = std::unique_ptr<GifFileType, void (*)(GifFileType*)>;

int read_some(GifFileType* gif, GifByteType* to, int count) {
  PictureBytes& left = *static_cast<PictureBytes*>(gif->UserData);
  const size_t given = std::min(left.size(), size_t(count));
  std::copy_n(left.begin(), given, to);
  left = left.subspan(given);
  return int(given);
}

[[noreturn]] void fail(std::string_view name, int code) {
  const char* why = GifErrorString(code);
  damaged_picture(name, "GIF", why ? why : "the file ends early");
}

// Reads up to the first frame. @returns the index that means transparent; -1: none
int find_frame(GifFileType* gif, std::string_view name) {
  int transparent = -1;
  for (;;) {
    GifRecordType type;
    if (DGifGetRecordType(gif, &type) == GIF_ERROR) fail(name, gif->Error);
    if (type == TERMINATE_RECORD_TYPE) damaged_picture(name, "GIF", "holds no frame");
    if (type == IMAGE_DESC_RECORD_TYPE) return transparent;
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif, &code, &block) == GIF_ERROR) fail(name, gif->Error);
    while (block) {
      if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && (block[1] & 1)) transparent = block[4];
      if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) fail(name, gif->Error);
    }
  }
}

// The frame's rows in the order in which they are stored.
std::vector<int64_t> row_order(int64_t height, bool interlaced) {
  std::vector<int64_t> order;
  if (!interlaced) {
    for (int64_t row = 0; row < height; ++row) order.push_back(row);
    return order;
  }
  for (const auto& [first, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}}) {
    for (int64_t row = first; row < height; row += step) order.push_back(row);
  }
  return order;
}

Palette palette_of(const ColorMapObject* map) {
  Palette palette = {};
  for (int i = 0; i < 256; ++i) {
    if (!map) {
      palette[size_t(i)].fill(uint8_t(i));
    } else if (i < map->ColorCount) {
      palette[size_t(i)] = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue};
    }
  }
  return palette;
}

}  // namespace

Image decode_gif(PictureBytes bytes, std::string_view name) {
  int error = 0;
  PictureBytes left = bytes;
  const Gif gif(DGifOpen(&left, read_some, &error), [](GifFileType* g) { DGifCloseFile(g, nullptr); });
  if (!gif) fail(name, error);
  const int transparent = find_frame(gif.get(), name);
  if (DGifGetImageDesc(gif.get()) == GIF_ERROR) fail(name, gif->Error);
  const GifImageDesc& frame = gif->Image;
  // The canvas grows with a frame that extends past it; around a smaller one it is transparent, or has the first
  // colour.
  Image canvas = new_image(name, std::max<int64_t>(gif->SHeight, int64_t(frame.Top) + frame.Height),
                           std::max<int64_t>(gif->SWidth, int64_t(frame.Left) + frame.Width), 1);
  if (frame.Width < 1 || frame.Height < 1) damaged_picture(name, "GIF", "an empty first frame");
  std::ranges::fill(canvas.pixels, uint8_t(std::max(0, transparent)));
  for (const int64_t row : row_order(frame.Height, frame.Interlace)) {
    uint8_t* line = &canvas.pixels[size_t((frame.Top + row) * canvas.width + frame.Left)];
    if (DGifGetLine(gif.get(), line, frame.Width) == GIF_ERROR) fail(name, gif->Error);
  }
  return look_up(canvas, palette_of(frame.ColorMap ? frame.ColorMap : gif->SColorMap));
}

}  // namespace spikemix
