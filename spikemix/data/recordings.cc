#include "spikemix/data/recordings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "spikemix/data/damaged.h"
#include "spikemix/data/event_cache.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

/// One split of a cache.
class Recordings : public Dataset {
 public:
  Recordings(std::shared_ptr<const EventCache> cache, Split split) : cache_(std::move(cache)), split_(split) {
    for (size_t i = 0; i < cache_->samples().size(); ++i) {
      if (cache_->samples()[i].test == (split == Split::kTest)) chosen_.push_back(i);
    }
  }

  int64_t size() const override { return int64_t(chosen_.size()); }
  int64_t label(int64_t i) const override { return sample(i).label; }
  std::string source(int64_t i) const override { return sample(i).source; }
  const std::vector<std::string>& classes() const override { return cache_->classes(); }
  bool holds_events() const override { return true; }
  const std::vector<std::string>& damaged() const override { return cache_->damaged(split_); }
  RecordingInfo recording(int64_t i) const override {
    const CachedSample& s = sample(i);
    return {s.sensor, s.events, s.first_t, s.last_t};
  }
  std::vector<Event> events(int64_t i) const override { return cache_->events(chosen_[size_t(i)]); }

 private:
  const CachedSample& sample(int64_t i) const { return cache_->samples()[chosen_[size_t(i)]]; }

  std::shared_ptr<const EventCache> cache_;
  const Split split_;
  std::vector<size_t> chosen_;
};

using Parts = std::vector<std::pair<size_t, const RecordingSample*>>;  // by their place in the list

// Reads one file from front to back, and puts the events of each of its samples into the cache.
// @returns the sensor; unknown: the smallest that holds all events
SensorSize add_file(const FileTree& tree, const Parts& parts, ByteSource source, SensorSize sensor,
                    EventCacheWriter& writer, std::vector<size_t>& places) {
  // In order of time they are put here: some published recordings run back by a few microseconds.
  const Recording recording =
      open_recording(std::move(source), {.truncated = false, .unordered = true, .sensor = sensor});
  std::vector<std::vector<Event>> events(parts.size());
  SensorSize extent;
  for (auto batch = recording.reader->read(); !batch.empty(); batch = recording.reader->read()) {
    for (size_t i = 0; i < parts.size(); ++i) {
      std::ranges::copy_if(batch, std::back_inserter(events[i]), [sample = parts[i].second](const Event& e) {
        return e.t >= sample->begin && e.t < sample->end;
      });
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const RecordingSample& sample = *parts[i].second;
    if (!std::ranges::is_sorted(events[i], {}, &Event::t)) std::ranges::stable_sort(events[i], {}, &Event::t);
    for (const Event& e : events[i]) {
      extent = {std::max(extent.width, e.x + 1), std::max(extent.height, e.y + 1)};
    }
    std::string name = tree.where(sample.file);
    if (sample.begin > 0) name += fmt::format(" from {} us", sample.begin);
    places[parts[i].first] =
        writer.add({.source = name, .label = sample.label, .test = sample.split == Split::kTest}, events[i]);
    events[i] = {};
  }
  return recording.reader->sensor().known() ? recording.reader->sensor() : extent;
}

constexpr size_t kLeftOut = SIZE_MAX;  // the place of a sample that the cache does not have

void build_cache(const fs::path& file, uint64_t fingerprint, const DataConfig& data, const DataFormat& format) {
  const FileTree tree(data.dir);
  const RecordingList list = format.list(tree);
  if (list.samples.empty()) throw input_error("{}: no recordings", data.dir);
  std::set<std::string> files;
  std::map<std::string, Parts> parts;
  for (size_t i = 0; i < list.samples.size(); ++i) {
    files.insert(list.samples[i].file);
    parts[list.samples[i].file].emplace_back(i, &list.samples[i]);
  }
  EventCacheWriter writer(file, fingerprint);
  std::vector<size_t> places(list.samples.size(), kLeftOut);
  std::array<std::vector<std::string>, 2> damaged;
  SensorSize largest;
  std::set<std::string> missing = files;
  tree.read(files, [&](const std::string& name, ByteSource source) {
    missing.erase(name);
    const Parts& own = parts[name];
    try {
      const SensorSize sensor = add_file(tree, own, std::move(source), list.sensor, writer, places);
      largest = {std::max(largest.width, sensor.width), std::max(largest.height, sensor.height)};
    } catch (const InputError& error) {
      for (const auto& [i, sample] : own) places[i] = kLeftOut;
      auto& of_split = damaged[own.front().second->split == Split::kTest];
      of_split.emplace_back(error.what());
      check_damaged(of_split, data.skip_bad);
    }
  });
  if (!missing.empty()) throw input_error("{}: is no longer there", tree.where(*missing.begin()));
  // In the list's order, not in that of the archive; all of one size, so that their frames are of one scale.
  std::vector<CachedSample> samples;
  for (const size_t place : places) {
    if (place == kLeftOut) continue;
    samples.push_back(std::move(writer.samples()[place]));
    samples.back().sensor = largest;
  }
  writer.samples() = std::move(samples);
  writer.commit(list.classes, damaged);
}

std::shared_ptr<const EventCache> open_cache(const DataConfig& data, const DataFormat& format,
                                             const OpenListener& listener) {
  const uint64_t fingerprint = FileTree::fingerprint(data.dir, cache_folder(data));
  std::shared_ptr<const EventCache> cache;
  if (!cache_is_off(data)) {
    const fs::path file = cache_path(data, format, ".events");
    try {
      open_or_build(
          file, listener,
          [&] {
            cache = std::make_shared<EventCache>(file, fingerprint);
            return cache->state();
          },
          [&] { build_cache(file, fingerprint, data, format); });
      return cache;
    } catch (const CacheUnwritable& error) {
      if (listener.note) listener.note(fmt::format("{}. The recordings are read anew in every run", error.what()));
      if (listener.cache) listener.cache({.state = CacheReport::State::kUnwritable, .file = file});
    }
  }
  const TemporaryFolder folder;  // the mapped file stays when its name goes
  build_cache(folder.path() / "cache", fingerprint, data, format);
  cache = std::make_shared<EventCache>(folder.path() / "cache", fingerprint);
  if (cache->state() != CacheFile::State::kWhole) {
    throw run_error("{}: is not what was written", folder.path().string());
  }
  return cache;
}

}  // namespace

std::unique_ptr<Dataset> open_recordings(const DataConfig& data, Split split, const DataFormat& format,
                                         const OpenListener& listener) {
  auto recordings = std::make_unique<Recordings>(open_cache(data, format, listener), split);
  check_damaged(recordings->damaged(), data.skip_bad);
  if (recordings->size() == 0) {
    throw MissingSplit(fmt::format("{}: no {} recordings", data.dir, split == Split::kTrain ? "training" : "test"));
  }
  return recordings;
}

}  // namespace spikemix
