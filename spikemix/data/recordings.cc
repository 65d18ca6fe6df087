#include "spikemix/data/recordings.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "spikemix/data/event_cache.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

/// One split of a cache.
class Recordings : public Dataset {
 public:
  Recordings(std::shared_ptr<const EventCache> cache, Split split) : cache_(std::move(cache)) {
    for (size_t i = 0; i < cache_->samples().size(); ++i) {
      if (cache_->samples()[i].test == (split == Split::kTest)) chosen_.push_back(i);
    }
  }

  int64_t size() const override { return int64_t(chosen_.size()); }
  int64_t label(int64_t i) const override { return sample(i).label; }
  std::string source(int64_t i) const override { return sample(i).source; }
  const std::vector<std::string>& classes() const override { return cache_->classes(); }
  bool holds_events() const override { return true; }
  RecordingInfo recording(int64_t i) const override {
    const CachedSample& s = sample(i);
    return {s.sensor, s.events, s.first_t, s.last_t};
  }
  std::vector<Event> events(int64_t i) const override { return cache_->events(chosen_[size_t(i)]); }

 private:
  const CachedSample& sample(int64_t i) const { return cache_->samples()[chosen_[size_t(i)]]; }

  std::shared_ptr<const EventCache> cache_;
  std::vector<size_t> chosen_;
};

/// Held while a cache is made, so that two trainings that begin together make it once. The kernel lets go of it when
/// the process ends, however it ends.
class Lock {
 public:
  explicit Lock(const fs::path& path) : descriptor_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) {
      throw input_error("{}: cannot create: {}; another folder? (data.cache, SPIKEMIX_CACHE)", path.string(),
                        std::strerror(errno));
    }
    while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { ::close(descriptor_); }

 private:
  int descriptor_;
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

void build_cache(const fs::path& file, uint64_t fingerprint, const fs::path& root, const DataFormat& format) {
  const FileTree tree(root);
  const RecordingList list = format.list(tree);
  if (list.samples.empty()) throw input_error("{}: no recordings", root.string());
  std::set<std::string> files;
  std::map<std::string, Parts> parts;
  for (size_t i = 0; i < list.samples.size(); ++i) {
    files.insert(list.samples[i].file);
    parts[list.samples[i].file].emplace_back(i, &list.samples[i]);
  }
  EventCacheWriter writer(file, fingerprint);
  std::vector<size_t> places(list.samples.size());
  SensorSize largest;
  std::set<std::string> missing = files;
  tree.read(files, [&](const std::string& name, ByteSource source) {
    const SensorSize sensor = add_file(tree, parts[name], std::move(source), list.sensor, writer, places);
    largest = {std::max(largest.width, sensor.width), std::max(largest.height, sensor.height)};
    missing.erase(name);
  });
  if (!missing.empty()) throw input_error("{}: is no longer there", tree.where(*missing.begin()));
  // In the list's order, not in that of the archive; all of one size, so that their frames are of one scale.
  std::vector<CachedSample> samples;
  for (const size_t place : places) {
    samples.push_back(std::move(writer.samples()[place]));
    samples.back().sensor = largest;
  }
  writer.samples() = std::move(samples);
  writer.commit(list.classes);
}

std::string cache_name(const fs::path& root, const DataFormat& format) {
  const fs::path path = fs::canonical(root);
  std::string name = path.filename().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '_'; }, '-');
  uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const char c : path.string() + "\n" + format.name) hash = (hash ^ uint8_t(c)) * 0x100000001B3;
  return fmt::format("{}-{:016x}.events", name, hash);
}

}  // namespace

fs::path default_cache_folder() {
  const auto set = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const fs::path folder = set("SPIKEMIX_CACHE"); !folder.empty()) return folder;
  if (const fs::path folder = set("XDG_CACHE_HOME"); !folder.empty()) return folder / "spikemix";
  if (const fs::path folder = set("HOME"); !folder.empty()) return folder / ".cache" / "spikemix";
  return fs::temp_directory_path() / "spikemix";
}

std::unique_ptr<Dataset> open_recordings(const fs::path& path, Split split, const DataFormat& format,
                                         const fs::path& cache_folder) {
  const uint64_t fingerprint = FileTree::fingerprint(path);
  const fs::path file = cache_folder / cache_name(path, format);
  std::shared_ptr<const EventCache> cache = EventCache::open(file, fingerprint);
  if (!cache) {
    std::error_code error;
    fs::create_directories(cache_folder, error);
    if (error)
      throw input_error("{}: {}; another folder? (data.cache, SPIKEMIX_CACHE)", cache_folder.string(), error.message());
    const Lock lock(file.string() + ".lock");
    cache = EventCache::open(file, fingerprint);  // made by another process meanwhile?
    if (!cache) {
      build_cache(file, fingerprint, path, format);
      cache = EventCache::open(file, fingerprint);
    }
    if (!cache) throw run_error("{}: was written, but is not what was written; a failing disk?", file.string());
  }
  auto recordings = std::make_unique<Recordings>(std::move(cache), split);
  if (recordings->size() == 0) {
    throw MissingSplit(
        fmt::format("{}: no {} recordings", path.string(), split == Split::kTrain ? "training" : "test"));
  }
  return recordings;
}

}  // namespace spikemix
