// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace spikemix {

/// The kind of a folder's or archive's samples, by the endings of their names.
enum class DataKind { kNone, kPictures, kRecordings };

bool is_recording_name(const std::string& name);

/// The kind of a data set with these files (or some of them). A few files of the other kind do not count: a table in
/// npz next to pictures, a preview next to each recording.
/// @throws InputError naming `root` if there are many of both
DataKind kind_of(const std::vector<std::string>& names, const std::string& root);

}  // namespace spikemix
