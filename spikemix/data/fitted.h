// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string_view>

#include "spikemix/data/dataset.h"
#include "spikemix/data/image_cache.h"

namespace spikemix {

struct FitOptions {
  ImageShape shape = {};
  int64_t images = 0;                ///< of the split, as chosen by subset(); 0: all
  std::string_view images_key = {};  ///< name of that setting, for errors
  int64_t threads = 1;               ///< to decode with
  bool make_cache = true;            ///< false: an existing cache is used, but none is made
};

/// Opens a split for a model. If the format decodes pictures (DataFormat::decodes), they are decoded and fitted once,
/// when the data are opened for the first time or have changed. From then on they are read from the cache
/// (image_cache.h), with the same bits, and the data's own files are only listed. If the cache cannot be written, the
/// listener is told, and the pictures are decoded whenever they are requested, as with data.cache = "off". The listener
/// is also told of damaged samples that are left out (data.skip_bad), whose faults the cache keeps, and, when the test
/// split is opened, of the data's report, which covers both splits.
/// @throws as open_dataset and subset; InputError naming the first damaged picture
std::shared_ptr<const Dataset> open_fitted(const DataConfig& data, Split split, const FitOptions& options,
                                           const OpenListener& listener = {});

}  // namespace spikemix
