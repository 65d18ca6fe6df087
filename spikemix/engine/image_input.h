// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/formats/model_card.h"

namespace spikemix {

/// Turns an image into a model's input: (x / 255 - mean) / std of each channel, as in training (data/augment.h's
/// Normaliser).
///
/// @param pixels  [height, width, channels] bytes: RGB for 3 channels, grey for 1
/// @param input   [channels, height, width]
/// @throws InputError if the model takes events or images of another size
void image_to_input(const ModelCard& card, const uint8_t* pixels, int64_t height, int64_t width, float* input);

}  // namespace spikemix
