// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "spikemix/base/nearest.h"
#include "spikemix/data/damaged.h"
#include "spikemix/data/file_tree.h"
#include "spikemix/data/readers.h"
#include "spikemix/data/recordings.h"
#include "spikemix/data/report.h"

namespace spikemix {
namespace {

// The only list: `data formats`, --format and "auto" read it. The most specific names come first.
constexpr DataFormat kFormats[] = {
    {"cifar10", "cifar-10-binary.tar.gz, or its folder", recognises_cifar10, open_cifar10},
    {"cifar100", "cifar-100-binary.tar.gz, or its folder", recognises_cifar100, open_cifar100},
    {"idx", "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-*, or these with .gz", recognises_idx, open_idx},
    {"dvsgesture", "DVS128 Gesture: trials_to_train.txt, trials_to_test.txt, *.aedat, *_labels.csv: folder or archive",
     recognises_dvs_gesture, nullptr, list_dvs_gesture},
    {"recordings",
     "event cameras: train/CLASS/* and test/CLASS/* (N-MNIST, N-CARS), or CLASS/*, split 9:1 (CIFAR10-DVS, "
     "N-Caltech101): a folder or archive, or a folder of archives",
     recognises_recordings, nullptr, list_recordings},
    {"imagefolder",
     "train/CLASS/*.jpg (.png, .webp, .gif, .bmp, .tif, .ppm), and test/ or val/: a folder, a tar or zip, or one for "
     "each",
     recognises_image_folder, open_image_folder, nullptr, /*decodes=*/true},
};

// "12 .parquet, 1 .json": what was found instead of a data set; "" if there is nothing.
std::string endings_seen(const std::filesystem::path& path) {
  std::map<std::string, int64_t> counts;
  for (const std::string& name : FileTree::some_names(path)) {
    const std::string ending = std::filesystem::path(name).extension().string();
    ++counts[ending.empty() ? "without an ending" : ending];
  }
  std::vector<std::pair<std::string, int64_t>> most(counts.begin(), counts.end());
  std::ranges::stable_sort(most, std::ranges::greater{}, &std::pair<std::string, int64_t>::second);
  if (most.size() > 4) most.resize(4);
  std::string text;
  for (const auto& [ending, count] : most) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, ending);
  return text;
}

}  // namespace

std::span<const DataFormat> data_formats() { return kFormats; }

void check_format(const std::string& format) {
  std::vector<std::string> names = {"auto"};
  for (const DataFormat& f : kFormats) names.emplace_back(f.name);
  if (std::ranges::find(names, format) == names.end())
    throw input_error("unknown data format {}", unknown_name(format, names));
}

const DataFormat& find_format(const std::filesystem::path& path, const std::string& format) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw input_error("{}: no such file or folder", path.string());
  check_format(format);
  std::string looked_for;
  for (const DataFormat& f : kFormats) {
    if (f.name == format || (format == "auto" && f.recognises(path))) return f;
    looked_for += fmt::format("{}{} ({})", looked_for.empty() ? "" : "; ", f.name, f.summary);
  }
  const std::string seen = endings_seen(path);
  throw input_error("{}: no data set found here{}{}; looked for {}", path.string(),
                    seen.empty() ? "" : ", but files: ", seen, looked_for);
}

std::unique_ptr<Dataset> open_dataset(const DataConfig& data, Split split, const OpenListener& listener) {
  const std::filesystem::path path = data.dir;
  const DataFormat& found = find_format(path, data.format);
  try {
    if (!found.open) return open_recordings(data, split, found, listener);
    auto dataset = found.open(path, split);
    return found.decodes ? sound_pictures(std::move(dataset), data.skip_bad) : std::move(dataset);
  } catch (const std::filesystem::filesystem_error& e) {  // a folder that may not be read
    throw_file_error(e.path1().string(), e.code().value());
  }
}

std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& path, Split split, const std::string& format) {
  DataConfig data;
  data.dir = path, data.format = format;
  return open_dataset(data, split);
}

const DataReport& Dataset::report() const {
  static const DataReport kNothing;
  return kNothing;
}

Image Dataset::image(int64_t i) const {
  throw input_error("{}: a recording of an event camera, expected an image", source(i));
}

RecordingInfo Dataset::recording(int64_t i) const {
  throw input_error("{}: an image, expected a recording of an event camera", source(i));
}

std::vector<Event> Dataset::events(int64_t i) const {
  throw input_error("{}: an image, expected a recording of an event camera", source(i));
}

}  // namespace spikemix
