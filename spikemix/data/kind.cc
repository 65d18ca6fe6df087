// SPDX-License-Identifier: MIT
#include "spikemix/data/kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>
#include <span>
#include <string_view>

#include "spikemix/base/error.h"
#include "spikemix/data/decode.h"

namespace spikemix {
namespace {

bool has_ending(const std::string& name, std::span<const std::string_view> endings) {
  std::string ending = std::filesystem::path(name).extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return std::ranges::count(endings, ending) > 0;
}

}  // namespace

bool is_recording_name(const std::string& name) {
  static constexpr std::array<std::string_view, 6> kEndings = {".aedat", ".aedat4", ".npz", ".bin", ".dat", ".raw"};
  return has_ending(name, kEndings);
}

DataKind kind_of(const std::vector<std::string>& names, const std::string& root) {
  size_t pictures = 0, recordings = 0;
  std::set<std::string> folders;  // that hold recordings
  for (const std::string& name : names) {
    const size_t slash = name.rfind('/');
    if (slash == name.npos) continue;  // in no class
    pictures += is_picture_name(name);
    if (is_recording_name(name)) ++recordings, folders.insert(name.substr(0, slash));
  }
  if (recordings >= pictures) return recordings > 0 ? DataKind::kRecordings : DataKind::kNone;
  // These are tables among pictures: .npz, .dat and .bin are endings of many kinds of files.
  if (recordings <= folders.size()) return DataKind::kPictures;
  throw input_error(
      "{}: pictures and recordings of event cameras in the same folders; say which: data.format, or --format, = "
      "imagefolder or recordings",
      root);
}

}  // namespace spikemix
