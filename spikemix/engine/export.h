// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "spikemix/engine/precision.h"

namespace spikemix {

/// Writes a trained model with integer weights: each layer's `weight` as I8 or I16, with its `weight_unit` [out]; the
/// first convolution, norms, biases and head stay F32. Without `wide` layers, load_network() makes the same network of
/// the file, to the bit, as of the trained model at this precision.
///
/// @param precision  kInt8 or kInt16
/// @param wide       layers ("block.0.mlp.fc1") whose weights get all 8 or 16 bits (calibrate.h)
/// @throws InputError if `from` is not a trained model; RunError if `to` cannot be written
void export_model(const std::filesystem::path& from, const std::filesystem::path& to, Precision precision,
                  const std::set<std::string>& wide = {});

}  // namespace spikemix
