// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/events/event.h"
#include "spikemix/events/formats/text_header.h"

namespace spikemix {

/// "EVT2", "EVT3", "EVT21" ...: the encoding in the header of a .raw file (its line "% evt 3.0" or "% format
/// EVT3;..."); empty for a .dat file.
std::string prophesee_encoding(const TextHeader& header);

/// Is the header complete?
bool prophesee_header_is_whole(std::span<const uint8_t> head);

/// From "% Width" and "% Height", "% geometry 640x480" or "height=480;width=640"; 0 x 0 if there is none.
/// @param where  the recording's name in errors
/// @throws InputError if there is one that is no size, or two lines of geometry that differ
SensorSize prophesee_sensor(const TextHeader& header, const std::string& where);

}  // namespace spikemix
