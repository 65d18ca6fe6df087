// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace spikemix {

/// The name of a run folder: the last part of its path, even if that is given as "runs/a/" or ".".
inline std::string run_name(const std::filesystem::path& run) {
  const std::filesystem::path whole = std::filesystem::absolute(run).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace spikemix
