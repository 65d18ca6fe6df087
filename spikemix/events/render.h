#pragma once

#include <filesystem>
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

/// @throws InputError for a name that render_frames() cannot write: one that does not end with .png or .apng
void check_picture_name(const std::filesystem::path& file);

/// Writes frames as pictures: a contact sheet (.png), or an animation (.apng) that lasts about `duration_us`, as far as
/// a screen can show it. @param scale  0: so that a frame is about 128 pixels wide
/// @throws InputError for another ending or a file that cannot be written; RunError on a full disk
void render_frames(const std::filesystem::path& file, const Frames& frames, int64_t duration_us, int scale = 0);

}  // namespace spikemix
