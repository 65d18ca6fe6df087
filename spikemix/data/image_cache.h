// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "spikemix/data/cache_file.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/report.h"

namespace spikemix {

/// Height, width and channels of a model's images.
struct ImageShape {
  int64_t height = 32, width = 32, channels = 3;
  uint64_t bytes() const { return uint64_t(height * width * channels); }
};

/// A split's pictures after fit(): a cache (cache_file.h) of [height, width, channels] bytes for each, in the split's
/// order. Its index has classes, labels, sources, and a checksum for each picture, which is compared when the picture
/// is first read.
class ImageCache : public Dataset {
 public:
  /// @param source opens the source of the cache; called only for a damaged picture, which is then decoded from there.
  /// The cache is removed, so that the next opening makes it again
  ImageCache(const std::filesystem::path& file, uint64_t fingerprint, ImageShape shape, OpenListener listener,
             std::function<std::shared_ptr<const Dataset>()> source);

  CacheFile::State state() const { return file_.state(); }

  int64_t size() const override { return int64_t(labels_.size()); }
  int64_t label(int64_t i) const override { return labels_[size_t(i)]; }
  Image image(int64_t i) const override;
  std::string source(int64_t i) const override { return sources_[size_t(i)]; }
  const std::vector<std::string>& classes() const override { return classes_; }
  const std::vector<std::string>& damaged() const override { return left_out_; }
  const DataReport& report() const override { return report_; }

 private:
  bool read_index();
  Image decode_again(int64_t i) const;

  CacheFile file_;
  const ImageShape shape_;
  const OpenListener listener_;
  std::vector<std::string> classes_, sources_, left_out_;
  std::vector<int64_t> labels_;
  std::vector<uint32_t> checksums_;
  DataReport report_;
  mutable std::vector<uint8_t> checked_;  ///< by picture; a race only checks twice

  const std::function<std::shared_ptr<const Dataset>()> open_source_;
  mutable std::once_flag damaged_;
  mutable std::shared_ptr<const Dataset> original_;  ///< once damaged
};

/// Decodes all of `data` on `threads` threads and writes the cache.
/// @throws InputError naming the first damaged picture; CacheUnwritable; what listener.progress throws
void build_image_cache(const std::filesystem::path& file, uint64_t fingerprint, ImageShape shape, const Dataset& data,
                       int64_t threads, const OpenListener& listener);

}  // namespace spikemix
