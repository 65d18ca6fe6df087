#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace spikemix {

/// A picture as decoded: [height, width, channels] bytes, row-major, R G B or grey.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

/// One split of a data set: labelled images, read at random. Thread-safe after construction.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int64_t label(int64_t i) const = 0;
  /// Decodes image i. @throws InputError naming the file
  virtual Image image(int64_t i) const = 0;
  /// Where image i comes from: "train/cat/0001.jpg", "data_batch_1.bin record 17".
  virtual std::string source(int64_t i) const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
};

enum class Split { kTrain, kTest };

/// A format that data can come in. One file and one line in registry.cc.
struct DataFormat {
  const char* name;
  const char* summary;
  /// Looks at names only; cheap.
  bool (*recognises)(const std::filesystem::path&);
  /// @throws InputError naming the file and byte
  std::unique_ptr<Dataset> (*open)(const std::filesystem::path&, Split);
};

std::span<const DataFormat> data_formats();

/// Opens `path` as `format` ("auto": the first that recognises it).
/// @throws InputError if the path is missing, if no format fits (saying what was looked for), or if the format is
/// unknown
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& path, Split split,
                                      const std::string& format = "auto");

}  // namespace spikemix
