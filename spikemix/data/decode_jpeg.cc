// SPDX-License-Identifier: MIT
#include <csetjmp>
#include <cstdio>
#include <memory>
#include <string>

// jpeglib.h needs <cstdio> before it, and jerror.h needs jpeglib.h.
#include <jpeglib.h>
// clang-format does not reorder across a comment.
#include <jerror.h>

#include "spikemix/data/picture_formats.h"

namespace spikemix {
namespace {

constexpr int kMostScans = 500;  // a progressive file of a few KB can ask for thousands, each over all pixels

/// libjpeg's decoder, and the place for its errors. libjpeg is C: an error jumps back to setjmp, over libjpeg's own
/// frames only.
struct Decoder {
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf failed = {};
  std::string fault;         // text of the error, or of the first warning that costs pixels
  bool ended_early = false;  // the data ended before the end mark

  Decoder() {
    jpeg.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr common) {
      Decoder& self = of(common);
      self.fault = message(common);
      std::longjmp(self.failed, 1);
    };
    errors.emit_message = [](j_common_ptr common, int level) {
      if (level < 0) of(common).warned(common);
    };
    errors.output_message = [](j_common_ptr) {};
    jpeg.client_data = this;
    jpeg_create_decompress(&jpeg);  // leaves these two unchanged
    jpeg.progress = &progress;
    progress.progress_monitor = [](j_common_ptr common) {
      Decoder& self = of(common);
      if (self.jpeg.input_scan_number <= kMostScans) return;
      self.fault = "more than 500 scans";
      std::longjmp(self.failed, 1);
    };
  }
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  static Decoder& of(j_common_ptr common) { return *static_cast<Decoder*>(common->client_data); }
  static std::string message(j_common_ptr common) {
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    return text;
  }

  // Cameras and editors leave stray bytes between segments, zeros in scan headers and unknown revisions of JFIF, and
  // every viewer skips them. The warnings counted here mean that pixels were made up.
  void warned(j_common_ptr common) {
    const int code = common->err->msg_code;
    if (code == JWRN_JPEG_EOF) ended_early = true;
    const bool costs_pixels = code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE ||
                              code == JWRN_MUST_RESYNC;
    if (costs_pixels && fault.empty()) fault = message(common);
  }
};

// False after an error. No local variable here may have a destructor, because errors jump over this frame.
bool read_header(Decoder& d, PictureBytes bytes) {
  if (setjmp(d.failed)) return false;
  jpeg_mem_src(&d.jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&d.jpeg, TRUE);
  return true;
}

bool read_pixels(Decoder& d, uint8_t* pixels, size_t row_bytes) {
  if (setjmp(d.failed)) return false;
  jpeg_start_decompress(&d.jpeg);
  while (d.jpeg.output_scanline < d.jpeg.output_height) {
    JSAMPROW row = pixels + size_t(d.jpeg.output_scanline) * row_bytes;
    jpeg_read_scanlines(&d.jpeg, &row, 1);
  }
  // In a file with one scan, nothing after the last row matters; with several, the end must have been reached.
  const bool whole = !(d.ended_early && jpeg_has_multiple_scans(&d.jpeg));
  if (!whole && d.fault.empty()) d.fault = "ends before its last scan";
  jpeg_abort_decompress(&d.jpeg);
  return d.fault.empty();
}

Image decode(Decoder& d, PictureBytes bytes, std::string_view name) {
  d.fault.clear();
  d.ended_early = false;
  if (!read_header(d, bytes)) damaged_picture(name, "JPEG", d.fault);
  const int components = d.jpeg.num_components;
  if (components != 1 && components != 3 && components != 4) {
    throw input_error("{}: a JPEG of {} components, expected 1, 3 or 4", name, components);
  }
  Image image = new_image(name, d.jpeg.image_height, d.jpeg.image_width, components == 1 ? 1 : 3);
  if (components < 4) {
    d.jpeg.out_color_space = components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (!read_pixels(d, image.pixels.data(), size_t(image.width * image.channels))) {
      damaged_picture(name, "JPEG", d.fault);
    }
    return image;
  }
  d.jpeg.out_color_space = JCS_CMYK;  // Adobe's programs write it inverted: 255 is no ink
  std::vector<uint8_t> inks(size_t(image.height * image.width * 4));
  if (!read_pixels(d, inks.data(), size_t(image.width * 4))) damaged_picture(name, "JPEG", d.fault);
  for (size_t i = 0; i < inks.size() / 4; ++i) ink_to_rgb(&inks[4 * i], &image.pixels[3 * i]);
  return image;
}

}  // namespace

Image decode_jpeg(PictureBytes bytes, std::string_view name) {
  // A decoder's tables cost more than a 32x32 image, so each thread keeps one, but not after an error: the decoder
  // would continue in the middle of the damaged file.
  thread_local std::unique_ptr<Decoder> kept;
  std::unique_ptr<Decoder> decoder = std::move(kept);
  if (!decoder) decoder = std::make_unique<Decoder>();
  Image image = decode(*decoder, bytes, name);
  kept = std::move(decoder);
  return image;
}

}  // namespace spikemix
