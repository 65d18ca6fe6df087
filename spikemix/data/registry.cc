#include "spikemix/core/nearest.h"
#include "spikemix/data/readers.h"

namespace spikemix {
namespace {

// The only list: `data formats`, --format and "auto" read it. The most particular names come first.
constexpr DataFormat kFormats[] = {
    {"cifar10", "cifar-10-binary.tar.gz, or its folder", recognises_cifar10, open_cifar10},
    {"cifar100", "cifar-100-binary.tar.gz, or its folder", recognises_cifar100, open_cifar100},
    {"idx", "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-*, or these with .gz", recognises_idx, open_idx},
    {"imagefolder", "train/CLASS/*.jpg, .jpeg or .png, and test/, val/ or valid/: a folder, a tar, or a tar for each",
     recognises_image_folder, open_image_folder},
};

}  // namespace

std::span<const DataFormat> data_formats() { return kFormats; }

const DataFormat& find_format(const std::filesystem::path& path, const std::string& format) {
  std::vector<std::string> names = {"auto"};
  for (const DataFormat& f : kFormats) names.emplace_back(f.name);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw input_error("{}: no such file or folder", path.string());
  std::string looked_for;
  for (const DataFormat& f : kFormats) {
    if (f.name == format || (format == "auto" && f.recognises(path))) return f;
    looked_for += fmt::format("{}{} ({})", looked_for.empty() ? "" : "; ", f.name, f.summary);
  }
  if (format != "auto") throw input_error("unknown data format {}", unknown_name(format, names));
  throw input_error("{}: no data set found here; looked for {}", path.string(), looked_for);
}

std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& path, Split split, const std::string& format) {
  const DataFormat& found = find_format(path, format);
  try {
    return found.open(path, split);
  } catch (const std::filesystem::filesystem_error& e) {  // a folder that may not be read
    throw input_error("{}: {}", e.path1().string(), e.code().message());
  }
}

}  // namespace spikemix
