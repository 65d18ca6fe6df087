// SPDX-License-Identifier: MIT
#include "spikemix/events/render.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

constexpr std::array<double, 3> kOn = {214, 39, 40}, kOff = {31, 87, 200};
constexpr uint8_t kLine = 200;
constexpr int64_t kGap = 2;

// The number of events at which a pixel's colour is full.
double full_count(const Frames& frames) {
  std::vector<uint32_t> active;
  std::ranges::copy_if(frames.counts, std::back_inserter(active), [](uint32_t c) { return c > 0; });
  if (active.empty()) return 1;
  const auto rank = active.begin() + std::ptrdiff_t(active.size() * 99 / 100);
  std::nth_element(active.begin(), rank, active.end());
  return double(*rank);
}

}  // namespace

std::vector<RgbPicture> draw_frames(const Frames& frames, int scale) {
  const double full = full_count(frames);
  const auto plane = size_t(frames.height * frames.width);
  std::vector<RgbPicture> pictures;
  for (int64_t t = 0; t < frames.T; ++t) {
    RgbPicture picture{frames.width * scale, frames.height * scale, {}};
    picture.rgb.resize(size_t(3 * picture.width * picture.height));
    const auto counts = frames.frame(t);
    for (int64_t y = 0; y < picture.height; ++y) {
      for (int64_t x = 0; x < picture.width; ++x) {
        const auto pixel = size_t(y / scale * frames.width + x / scale);
        const double off = counts[pixel], on = counts[plane + pixel];
        // The square root makes a single event visible next to many.
        const double strength = std::sqrt(std::min(1.0, (on + off) / full));
        const double share = on + off > 0 ? on / (on + off) : 0;
        for (size_t c = 0; c < 3; ++c) {
          const double colour = share * kOn[c] + (1 - share) * kOff[c];
          picture.rgb[size_t(3 * (y * picture.width + x)) + c] = uint8_t(std::lround(255 + strength * (colour - 255)));
        }
      }
    }
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

RgbPicture contact_sheet(const std::vector<RgbPicture>& pictures) {
  const auto n = int64_t(pictures.size());
  const auto columns = int64_t(std::ceil(std::sqrt(double(n)))), rows = (n + columns - 1) / columns;
  const int64_t width = pictures.front().width, height = pictures.front().height;
  RgbPicture sheet{columns * (width + kGap) - kGap, rows * (height + kGap) - kGap, {}};
  sheet.rgb.assign(size_t(3 * sheet.width * sheet.height), kLine);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t left = i % columns * (width + kGap), top = i / columns * (height + kGap);
    for (int64_t y = 0; y < height; ++y) {
      std::copy_n(pictures[size_t(i)].rgb.begin() + 3 * y * width, 3 * width,
                  sheet.rgb.begin() + 3 * ((top + y) * sheet.width + left));
    }
  }
  return sheet;
}

void check_picture_name(const std::filesystem::path& file) {
  if (file.extension() != ".png" && file.extension() != ".apng")
    throw input_error("{}: expected a name that ends with .png (contact sheet) or .apng (animation)", file.string());
}

void render_frames(const std::filesystem::path& file, const Frames& frames, int64_t duration_us, int scale) {
  check_picture_name(file);
  const bool animated = file.extension() == ".apng";
  if (scale == 0) scale = int(std::max<int64_t>(1, 128 / frames.width));
  const std::vector<RgbPicture> pictures = draw_frames(frames, scale);
  if (animated) {
    write_png(file, pictures, int(std::clamp<int64_t>(duration_us / 1000 / frames.T, 20, 1000)));
  } else {
    write_png(file, {{contact_sheet(pictures)}});
  }
}

}  // namespace spikemix
