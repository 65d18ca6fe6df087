// SPDX-License-Identifier: MIT
#include "spikemix/data/fitted.h"

#include "spikemix/data/damaged.h"
#include "spikemix/data/file_tree.h"
#include "spikemix/data/report.h"
#include "spikemix/data/resize.h"
#include "spikemix/data/subset.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

// "-train-32x32x3.images": everything that determines a cache's contents, apart from the data's own files.
std::string ending(Split split, const FitOptions& o) {
  const ImageShape& s = o.shape;
  return fmt::format("-{}{}-{}x{}x{}.images", split == Split::kTrain ? "train" : "test",
                     o.images > 0 ? fmt::format("-{}", o.images) : "", s.height, s.width, s.channels);
}

std::shared_ptr<const Dataset> open_cached(const DataConfig& data, Split split, const DataFormat& format,
                                           const FitOptions& o, const OpenListener& listener) {
  const fs::path file = cache_path(data, format, ending(split, o));
  const uint64_t fingerprint = FileTree::fingerprint(data.dir, cache_folder(data));
  const auto open_source = [=] { return subset(open_dataset(data, split), o.images, o.images_key); };
  std::shared_ptr<const Dataset> decoding;
  std::shared_ptr<const ImageCache> cache;
  const auto open = [&] {
    cache = std::make_shared<ImageCache>(file, fingerprint, o.shape, listener, open_source);
    return cache->state();
  };
  const auto checked = [&] {
    check_damaged(cache->damaged(), data.skip_bad);
    return cache;
  };
  if (!o.make_cache) return open() == CacheFile::State::kWhole ? checked() : open_source();
  try {
    open_or_build(file, listener, open, [&] {
      decoding = open_source();
      build_image_cache(file, fingerprint, o.shape, *decoding, o.threads, listener);
    });
    return checked();
  } catch (const CacheUnwritable& error) {
    if (listener.note) listener.note(fmt::format("{}. The pictures are decoded in every epoch", error.what()));
    if (listener.cache) listener.cache({.state = CacheReport::State::kUnwritable, .file = file});
    return decoding ? decoding : open_source();
  }
}

}  // namespace

std::shared_ptr<const Dataset> open_fitted(const DataConfig& data, Split split, const FitOptions& options,
                                           const OpenListener& listener) {
  const DataFormat& format = find_format(data.dir, data.format);
  if (format.decodes) check_picture_channels(options.shape.channels);
  std::shared_ptr<const Dataset> opened;
  if (!format.decodes || cache_is_off(data)) {
    opened = subset(open_dataset(data, split, listener), options.images, options.images_key);
  } else {
    try {
      opened = open_cached(data, split, format, options, listener);
    } catch (const fs::filesystem_error& e) {  // a folder that may not be read
      throw_file_error(e.path1().string(), e.code().value());
    }
  }
  tell_damaged(*opened, split, listener);
  if (split == Split::kTest) tell(opened->report(), data.dir, listener.note);
  return opened;
}

}  // namespace spikemix
