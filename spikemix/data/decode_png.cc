// SPDX-License-Identifier: MIT
#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include <png.h>

#include "spikemix/data/decode.h"
#include "spikemix/data/picture_formats.h"

namespace spikemix {
namespace {

/// libpng's reader: it returns the stored values, whatever gAMA, cHRM and sRGB say. An error jumps back to setjmp, over
/// libpng's own frames only.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  PictureBytes left;
  std::string fault;

  explicit Reader(PictureBytes bytes) : left(bytes) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    if (png) info = png_create_info_struct(png);
    if (!info) throw std::bad_alloc();
    png_set_read_fn(png, this, [](png_structp p, png_bytep to, size_t count) {
      Reader& self = *static_cast<Reader*>(png_get_io_ptr(p));
      if (self.left.size() < count) png_error(p, "the file ends early");
      std::memcpy(to, self.left.data(), count);
      self.left = self.left.subspan(count);
    });
    // Reads only the picture; profiles and texts may be compressed, and huge.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
    static constexpr png_byte kSkipped[] = "iCCP\0zTXt\0iTXt\0tEXt\0eXIf\0sPLT";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kSkipped, 6);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  static void on_error(png_structp p, png_const_charp why) {
    static_cast<Reader*>(png_get_error_ptr(p))->fault = why;
    png_longjmp(p, 1);
  }
};

// No local variable here or in the next function may have a destructor, because errors jump over these frames.
bool read_header(Reader& r) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_read_info(r.png, r.info);
  return true;
}

bool read_pixels(Reader& r, png_bytep pixels, size_t row_bytes, size_t rows, int passes) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  if (png_get_rowbytes(r.png, r.info) != row_bytes) png_error(r.png, "rows of another size than the header promises");
  for (int pass = 0; pass < passes; ++pass) {
    for (size_t row = 0; row < rows; ++row) png_read_row(r.png, pixels + row * row_bytes, nullptr);
  }
  return true;
}

// Converts to 8 bits a sample without alpha. @returns the number of passes over the rows
bool transform(Reader& r, int& passes) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_set_palette_to_rgb(r.png);
  png_set_expand_gray_1_2_4_to_8(r.png);
  png_set_strip_16(r.png);
  png_set_strip_alpha(r.png);
  passes = png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  return true;
}

}  // namespace

Image decode_png(PictureBytes bytes, std::string_view name) {
  Reader reader(bytes);
  if (!read_header(reader)) damaged_picture(name, "PNG", reader.fault);
  const bool grey = (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_COLOR) == 0;
  Image image = new_image(name, png_get_image_height(reader.png, reader.info),
                          png_get_image_width(reader.png, reader.info), grey ? 1 : 3);
  int passes = 1;
  if (!transform(reader, passes) ||
      !read_pixels(reader, image.pixels.data(), size_t(image.width * image.channels), size_t(image.height), passes)) {
    damaged_picture(name, "PNG", reader.fault);
  }
  return image;
}

void write_png(const std::filesystem::path& file, const Image& image) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = png_uint_32(image.width);
  png.height = png_uint_32(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const std::string beside = file.string() + ".part";
  std::FILE* out = std::fopen(beside.c_str(), "wb");
  if (!out) throw_file_error(file.string() + ": cannot be written", errno);
  const bool encoded = png_image_write_to_stdio(&png, out, 0, image.pixels.data(), 0, nullptr);
  png_image_free(&png);
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
