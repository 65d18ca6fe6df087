#pragma once

#include <span>
#include <string>
#include <string_view>

#include "spikemix/data/dataset.h"
#include "spikemix/events/png.h"
#include "spikemix/report/look.h"

namespace spikemix::reports {

std::string base64(std::span<const uint8_t> bytes);

/// <img> that holds its picture. @param kind  CSS classes
std::string html(const RgbPicture& picture, std::string_view alt, std::string_view kind);

/// As large as it is, or smaller, so that no side is longer than `most`.
RgbPicture small_picture(Image image, int64_t most);

/// A layer's spikes: a column for each token or pixel of a step, the steps side by side, a row for each channel; a
/// spike is dark. Of more than fit, every n-th. One line of grey between steps.
struct Raster {
  RgbPicture picture;
  int64_t tokens, channels;  // how many of them are shown
};
Raster raster(const LayerSpikes& layer);

/// How many channels fire at each place, the darker the more: [height, T x width], steps side by side; where
/// that would be wide, a pixel stands for a square of places.
RgbPicture firing_map(const LayerSpikes& layer);

/// Counts as a square picture, the darker the more of its row's sum: [n, n].
RgbPicture shares_picture(const std::vector<int64_t>& counts, int64_t n);

}  // namespace spikemix::reports
