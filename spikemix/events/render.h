#pragma once

#include <vector>

#include "spikemix/events/frames.h"
#include "spikemix/events/png.h"

namespace spikemix {

/// One picture a frame: on events red, off events blue on white, the stronger the more there are; a pixel of both is
/// between them. Full colour where a pixel has as many events as all but the busiest 1 % of the active pixels.
/// @param scale  pixels of the picture for each of the frame's, in both directions
std::vector<RgbPicture> draw_frames(const Frames& frames, int scale);

/// Pictures of one size side by side, row by row, in about a square, with grey lines between them.
RgbPicture contact_sheet(const std::vector<RgbPicture>& pictures);

}  // namespace spikemix
