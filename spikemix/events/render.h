// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <vector>

#include "spikemix/events/frames.h"
#include "spikemix/events/png.h"

namespace spikemix {

/// One picture for each frame: on events red, off events blue, on white, stronger with more events; a pixel with both
/// is in between. A colour is full at the count that all but the busiest 1 % of the active pixels stay within.
/// @param scale  side of a frame's pixel in the picture
std::vector<RgbPicture> draw_frames(const Frames& frames, int scale);

/// Pictures of one size side by side, row by row, in roughly a square, with grey lines between them.
RgbPicture contact_sheet(const std::vector<RgbPicture>& pictures);

/// @throws InputError for a name that render_frames() cannot write: one that does not end with .png or .apng
void check_picture_name(const std::filesystem::path& file);

/// Writes frames as pictures: a contact sheet (.png), or an animation (.apng) that lasts about `duration_us`, as far as
/// a screen can show that. @param scale  0: frames become about 128 pixels wide
/// @throws InputError for another ending or a file that cannot be written; RunError on a full disk
void render_frames(const std::filesystem::path& file, const Frames& frames, int64_t duration_us, int scale = 0);

}  // namespace spikemix
