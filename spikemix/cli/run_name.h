#pragma once

#include <filesystem>
#include <string>

namespace spikemix {

/// What a run folder is called: the last name of its path, though it be given as "runs/a/" or ".".
inline std::string run_name(const std::filesystem::path& run) {
  const std::filesystem::path whole = std::filesystem::absolute(run).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace spikemix
