// SPDX-License-Identifier: MIT
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

/// Its own size, or smaller, so that no side is longer than `most`.
RgbPicture small_picture(Image image, int64_t most);

/// A layer's spikes: a column for each token or pixel of a step, the steps side by side, and a row for each channel;
/// spikes are dark. If there are more than fit, every n-th is shown. A grey line separates steps.
struct Raster {
  RgbPicture picture;
  int64_t tokens, channels;  // the number shown
};
Raster raster(const LayerSpikes& layer);

/// How many channels fire at each place; darker means more: [height, T x width], steps side by side. Where that would
/// be wide, a pixel stands for a square of places.
RgbPicture firing_map(const LayerSpikes& layer);

/// Counts as a square picture, darker for a larger share of the row's sum: [n, n].
RgbPicture shares_picture(const std::vector<int64_t>& counts, int64_t n);

}  // namespace spikemix::reports
