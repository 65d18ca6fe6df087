// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// The picture as lines of text: coloured half blocks on a terminal that shows colours, otherwise shades of grey in
/// ASCII.
/// @param columns  width in characters; the height follows
std::vector<std::string> draw(const Image& image, int64_t columns, bool colour);

/// Is standard output a terminal that shows 24-bit or 256 colours?
bool stdout_shows_colour();

/// "██████▌    ": `share` in 0..1 as a bar of `width` characters.
std::string bar(double share, int width);

}  // namespace spikemix
