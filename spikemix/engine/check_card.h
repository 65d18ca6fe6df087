#pragma once

#include <string>

#include "spikemix/core/model_card.h"

namespace spikemix {

/// Refuses a config that the engine cannot run: sizes that no weight in the file bears out and that buffers grow with
/// (beyond any real use, so that a small file cannot ask for much memory), and those that its integer types rest on.
/// ModelCard::from_text() has checked the values against each other.
/// @throws InputError naming `where` and the key
void check_card(const ModelCard& card, const std::string& where);

}  // namespace spikemix
