// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>

#include "spikemix/data/picture_formats.h"

// PBM, PGM and PPM (https://netpbm.sourceforge.net/doc/): P1 to P3 in decimal digits, P4 to P6 in bytes.
namespace spikemix {
namespace {

class Text {
 public:
  Text(PictureBytes bytes, std::string_view name) : left_(bytes.subspan(2)), name_(name) {}

  /// The next decimal number, skipping comments. @param digits  the most digits that it may have
  int64_t number(int digits = 10) {
    skip_space();
    int64_t value = 0;
    int count = 0;
    for (; !left_.empty() && left_[0] >= '0' && left_[0] <= '9' && count < digits; ++count) {
      value = 10 * value + (left_[0] - '0');
      left_ = left_.subspan(1);
    }
    if (count == 0) damaged_picture(name_, "PPM", left_.empty() ? "the file ends early" : "expected a number");
    return value;
  }
  /// The data after the header: one white space, then bytes.
  PictureBytes bytes() const { return left_.empty() ? left_ : left_.subspan(1); }

 private:
  static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip_space() {
    for (bool comment = false; !left_.empty(); left_ = left_.subspan(1)) {
      const uint8_t c = left_[0];
      if (comment) {
        comment = c != '\n' && c != '\r';
      } else if (c == '#') {
        comment = true;
      } else if (!is_space(c)) {
        return;
      }
    }
  }

  PictureBytes left_;
  std::string_view name_;
};

}  // namespace

Image decode_pnm(PictureBytes bytes, std::string_view name) {
  const int kind = bytes[1] - '0';
  const bool text = kind <= 3, bits = kind == 1 || kind == 4;
  Text header(bytes, name);
  const int64_t width = header.number(), height = header.number(), most = bits ? 1 : header.number();
  if (most < 1 || most > 65535) damaged_picture(name, "PPM", "a largest value that is not 1 to 65535");
  Image image = new_image(name, height, width, kind == 3 || kind == 6 ? 3 : 1);
  std::array<uint8_t, 65536> scaled;
  for (int64_t v = 0; v <= most; ++v) scaled[size_t(v)] = uint8_t(std::nearbyint(double(v) / double(most) * 255));
  const auto set = [&](size_t i, int64_t value) {
    if (value > most) damaged_picture(name, "PPM", "a value above its largest");
    image.pixels[i] = bits ? (value ? 0 : 255) : scaled[size_t(value)];
  };
  const size_t count = image.pixels.size();
  if (text) {
    for (size_t i = 0; i < count; ++i) set(i, header.number(bits ? 1 : 10));
    return image;
  }
  const PictureBytes data = header.bytes();
  const auto row = size_t(bits ? (width + 7) / 8 : width * image.channels * (most > 255 ? 2 : 1));
  if (data.size() / row < size_t(height)) damaged_picture(name, "PPM", "the file ends early");
  for (size_t i = 0; i < count; ++i) {
    if (bits) {
      const size_t x = i % size_t(width);
      set(i, data[i / size_t(width) * row + x / 8] >> (7 - x % 8) & 1);
    } else {
      set(i, most > 255 ? data[2 * i] << 8 | data[2 * i + 1] : data[i]);
    }
  }
  return image;
}

}  // namespace spikemix
