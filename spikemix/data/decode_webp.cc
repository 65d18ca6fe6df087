// SPDX-License-Identifier: MIT
#include <memory>

#include <webp/decode.h>
#include <webp/demux.h>

#include "spikemix/data/picture_formats.h"

namespace spikemix {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

// The first frame, at its place on the canvas.
Image decode_first_frame(PictureBytes bytes, std::string_view name) {
  const WebPData data = {bytes.data(), bytes.size()};
  const Demuxer demuxer(WebPDemux(&data), WebPDemuxDelete);
  WebPIterator frame = {};
  if (!demuxer || !WebPDemuxGetFrame(demuxer.get(), 1, &frame)) damaged_picture(name, "WebP", "no whole first frame");
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(&frame, WebPDemuxReleaseIterator);
  Image image = new_image(name, WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
                          WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH), 3);
  if (frame.x_offset + frame.width > image.width || frame.y_offset + frame.height > image.height) {
    damaged_picture(name, "WebP", "its first frame is larger than its canvas");
  }
  const int64_t row = 3 * image.width, first = row * frame.y_offset + 3 * frame.x_offset;
  if (!WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, image.pixels.data() + first,
                         image.pixels.size() - size_t(first), int(row))) {
    damaged_picture(name, "WebP", "its first frame cannot be decoded");
  }
  return image;
}

}  // namespace

Image decode_webp(PictureBytes bytes, std::string_view name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK) {
    damaged_picture(name, "WebP", status == VP8_STATUS_NOT_ENOUGH_DATA ? "the file ends early" : "its header");
  }
  if (features.has_animation) return decode_first_frame(bytes, name);
  Image image = new_image(name, features.height, features.width, 3);
  if (!WebPDecodeRGBInto(bytes.data(), bytes.size(), image.pixels.data(), image.pixels.size(), int(3 * image.width))) {
    damaged_picture(name, "WebP", "the file ends early, or its data are wrong");
  }
  return image;
}

}  // namespace spikemix
