// SPDX-License-Identifier: MIT
#include "spikemix/cli/samples.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/event_input.h"
#include "spikemix/data/whole_recording.h"
#include "spikemix/events/render.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNamedSkips = 20;
constexpr uint64_t kMostBytes = uint64_t{1} << 30;  // of a picture, or of what is read from a pipe to its end

// All files below a folder, those of linked folders too, each once.
void list_folder(const fs::path& folder, std::set<fs::path>& seen, std::vector<FilesToRead::File>& files) {
  if (!seen.insert(fs::canonical(folder)).second) return;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::ranges::sort(entries);
  for (const fs::path& entry : entries) {
    std::error_code dangling;
    if (fs::is_directory(entry, dangling)) {
      list_folder(entry, seen, files);
    } else {
      files.push_back({entry.string(), /*found=*/true});
    }
  }
}

std::vector<uint8_t> read_to_end(ByteSource source) {
  std::vector<uint8_t> bytes;
  for (auto next = source.peek(1); !next.empty(); next = source.peek(1)) {
    if (bytes.size() + next.size() > kMostBytes) {
      throw input_error("{}: more than {} bytes, expected a picture or a recording", source.name(), kMostBytes);
    }
    bytes.insert(bytes.end(), next.begin(), next.end());
    source.skip(next.size());
  }
  return bytes;
}

Sample recording_of(ByteSource source, const ModelCard& card, const ReadOptions& options) {
  const std::string name = source.name();
  SeenRecording seen = see_recording(std::move(source), card, options);
  if (seen.left_out > 0) say("{}", told_left_out(name, seen.left_out));
  Sample sample;
  sample.recording = seen.info, sample.events = std::move(seen.events);
  return sample;
}

Sample read_sample(const std::string& path, const ModelCard& card, const ReadOptions& options) {
  ByteSource source = ByteSource::open(path);
  std::string name = source.name();
  Sample sample;
  // To its end: a zip's directory stands there, and a picture is decoded as a whole.
  if (!card.model.takes_events() || path == "-") {
    const std::vector<uint8_t> bytes = read_to_end(std::move(source));
    if (card.model.takes_events()) {
      sample = recording_of(ByteSource::memory(name, bytes), card, options);
    } else {
      sample.image = decode_image(bytes, name);
    }
  } else {
    sample = recording_of(std::move(source), card, options);
  }
  sample.source = std::move(name);
  return sample;
}

}  // namespace

Sample sample_of(const Dataset& data, int64_t i) {
  Sample sample{.source = data.source(i), .label = data.label(i)};
  if (data.holds_events()) {
    sample.events = data.events(i), sample.recording = data.recording(i);
  } else {
    sample.image = data.image(i);
  }
  return sample;
}

FilesToRead::FilesToRead(const std::vector<std::string>& arguments, const ReadOptions& options, int64_t skip_bad)
    : options_(options), skip_bad_(skip_bad) {
  if (std::ranges::count(arguments, "-") > 1) throw input_error("-: standard input can be read once");
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (argument == "-" || !fs::is_directory(argument, error)) {
      files_.push_back({argument, /*found=*/false});
      continue;
    }
    const size_t before = files_.size();
    try {
      std::set<fs::path> seen;
      list_folder(argument, seen, files_);
    } catch (const fs::filesystem_error& e) {  // a folder that may not be read
      throw_file_error(e.path1().string(), e.code().value());
    }
    if (files_.size() == before) throw input_error("{}: holds no files", argument);
  }
}

std::optional<Sample> FilesToRead::read(const File& file, const ModelCard& card) {
  try {
    std::error_code error;
    if (file.found && !fs::exists(file.path, error)) throw input_error("{}: a link to nothing", file.path);
    if (file.found && !fs::is_regular_file(file.path, error)) throw input_error("{}: not a regular file", file.path);
    return read_sample(file.path, card, options_);
  } catch (const InputError& error) {
    skip(file, error);
    return {};
  }
}

void FilesToRead::skip(const File& file, const InputError& why) {
  if (!file.found && ++skipped_named_ > skip_bad_) throw why;
  if (skipped_++ < kNamedSkips) say("skipped: {}", why.what());
}

void FilesToRead::finish() const {
  if (skipped_ == 0) return;
  const std::string text = fmt::format("skipped {} of {} files{}", skipped_, files_.size(),
                                       skipped_ > kNamedSkips ? fmt::format(", {} are named", kNamedSkips) : "");
  if (skipped_ == files_.size()) throw InputError(text + ": nothing to predict");
  say("{}", text);
}

Image picture_of(std::span<const Event> events, SensorSize sensor) {
  RgbPicture picture = std::move(draw_frames(integrate(events, sensor, {.T = 1}), 1).front());
  return {picture.height, picture.width, 3, std::move(picture.rgb)};
}

}  // namespace spikemix
