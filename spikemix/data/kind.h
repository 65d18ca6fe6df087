#pragma once

#include <string>
#include <vector>

namespace spikemix {

/// What the samples of a folder or archive are, by their names' endings.
enum class DataKind { kNone, kPictures, kRecordings };

bool is_recording_name(const std::string& name);

/// What a data set with these files (or some of them) is of. A few files of the other kind do not count: a table in npz
/// beside pictures, a preview beside each recording.
/// @throws InputError naming `root` if there are many of both
DataKind kind_of(const std::vector<std::string>& names, const std::string& root);

}  // namespace spikemix
