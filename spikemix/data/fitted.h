#pragma once

#include <memory>
#include <string_view>

#include "spikemix/data/dataset.h"
#include "spikemix/data/image_cache.h"

namespace spikemix {

struct FitOptions {
  ImageShape shape = {};
  int64_t images = 0;                ///< of the split, as subset() chooses them; 0: all
  std::string_view images_key = {};  ///< names that setting in errors
  int64_t threads = 1;               ///< to decode with
  bool make_cache = true;            ///< false: one that is there is used, none is made
};

/// Opens a split for a model. Where the format decodes pictures (DataFormat::decodes), they are decoded and fitted
/// once, when the data are opened for the first time or have changed; from then on they are read out of the cache
/// (image_cache.h), to the same bits, and the data's own files are only listed. A cache that cannot be written is told
/// to the listener, and the pictures are decoded whenever they are asked for, as with data.cache = "off".
/// Damaged samples that are left out (data.skip_bad) are told to the listener; the cache keeps what they were. So is
/// the data's report, which is of both splits, when the test split is opened.
/// @throws as open_dataset and subset; InputError naming the first damaged picture
std::shared_ptr<const Dataset> open_fitted(const DataConfig& data, Split split, const FitOptions& options,
                                           const OpenListener& listener = {});

}  // namespace spikemix
