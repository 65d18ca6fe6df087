#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "spikemix/core/error.h"

namespace spikemix {

/// A folder of its own that goes when it does. @throws RunError if it cannot be made
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "spikemix-XXXXXX").string();
    if (!mkdtemp(name.data())) throw run_error("{}: cannot be made", name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace spikemix
