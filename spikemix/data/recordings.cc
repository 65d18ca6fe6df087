// SPDX-License-Identifier: MIT
#include "spikemix/data/recordings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "spikemix/data/damaged.h"
#include "spikemix/data/event_cache.h"
#include "spikemix/data/whole_recording.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

/// One split of a cache.
class Recordings : public Dataset {
 public:
  Recordings(std::shared_ptr<const EventCache> cache, Split split) : cache_(std::move(cache)), split_(split) {
    for (size_t i = 0; i < cache_->samples().size(); ++i) {
      const CachedSample& s = cache_->samples()[i];
      if (s.test == (split == Split::kTest)) chosen_.push_back(i);
      largest_ = {std::max(largest_.width, s.sensor.width), std::max(largest_.height, s.sensor.height)};
    }
  }

  int64_t size() const override { return int64_t(chosen_.size()); }
  int64_t label(int64_t i) const override { return sample(i).label; }
  std::string source(int64_t i) const override { return sample(i).source; }
  const std::vector<std::string>& classes() const override { return cache_->classes(); }
  const DataReport& report() const override { return cache_->report(); }
  bool holds_events() const override { return true; }
  const std::vector<std::string>& damaged() const override { return cache_->damaged(split_); }
  RecordingInfo recording(int64_t i) const override {
    const CachedSample& s = sample(i);
    return {.sensor = largest_,
            .own = s.sensor,
            .says = s.says_sensor,
            .events = s.events,
            .first_t = s.first_t,
            .last_t = s.last_t};
  }
  std::vector<Event> events(int64_t i) const override { return cache_->events(chosen_[size_t(i)]); }

 private:
  const CachedSample& sample(int64_t i) const { return cache_->samples()[chosen_[size_t(i)]]; }

  std::shared_ptr<const EventCache> cache_;
  const Split split_;
  std::vector<size_t> chosen_;
  SensorSize largest_;  // in both splits
};

using Parts = std::vector<std::pair<size_t, const RecordingSample*>>;  // by their place in the list

// The events of a part of a recording; if the part is all of it, they are moved out.
std::vector<Event> part_of(std::vector<Event>& events, const RecordingSample& sample, bool last) {
  const auto within = [&](const Event& e) { return e.t >= sample.begin && e.t < sample.end; };
  if (last && std::ranges::all_of(events, within)) return std::move(events);
  std::vector<Event> part;
  std::ranges::copy_if(events, std::back_inserter(part), within);
  return part;
}

constexpr size_t kLeftOut = SIZE_MAX;  // the place of a sample that is not in the cache

/// What build_cache() knows about a sample once it is read.
struct ReadSample {
  size_t place = kLeftOut;  ///< index in the cache
  uint64_t contents = 0;    ///< a hash of its events, with times counted from the first; 0: it has none
};

uint64_t hash_of(const std::vector<Event>& events) {
  uint64_t hash = 0;
  for (const Event& e : events) {
    const uint64_t t = uint64_t(e.t) - uint64_t(events.front().t);
    for (const uint64_t value : {t, uint64_t(e.x) << 32 | uint64_t(e.y) << 1 | uint64_t(e.p)}) {
      hash = (hash ^ value) * 0x9E3779B97F4A7C15;
      hash ^= hash >> 32;
    }
  }
  return events.empty() ? 0 : std::max<uint64_t>(hash, 1);
}

// The same events under two names: reported, but an error if our own split has put one of them into training and the
// other into the test set.
void find_repeated(const FileTree& tree, RecordingList& list, const std::vector<ReadSample>& read) {
  std::map<uint64_t, std::vector<size_t>> by_contents;
  for (size_t i = 0; i < read.size(); ++i) {
    if (read[i].contents != 0) by_contents[read[i].contents].push_back(i);
  }
  const auto split_of = [&](size_t i) { return list.samples[i].split; };
  std::vector<Remark> shared;
  for (const auto& [contents, samples] : by_contents) {
    for (size_t k = 1; k < samples.size(); ++k) {
      const size_t a = samples[0], b = samples[k];
      const bool both = split_of(a) != split_of(b);
      add_remark(both ? shared : list.report.repeated,
                 both ? "test recordings that are training recordings too" : "recordings with the events of another",
                 fmt::format("{} = {}", tree.where(list.samples[b].file), tree.where(list.samples[a].file)));
    }
  }
  if (shared.empty()) return;
  if (list.report.drawn) {
    throw input_error("{}: {}; remove one of each pair", tree.root().string(), to_line(shared[0]));
  }
  list.report.repeated.push_back(shared[0]);
}

// Reads one file, and writes the events of each of its samples to the cache.
void add_file(const FileTree& tree, const Parts& parts, ByteSource source, const ReadOptions& options,
              EventCacheWriter& writer, std::vector<ReadSample>& read) {
  WholeRecording recording = read_recording(std::move(source), options);
  const std::string file = tree.where(parts.front().second->file);
  for (size_t i = 0; i < parts.size(); ++i) {
    const RecordingSample& sample = *parts[i].second;
    std::vector<Event> events = part_of(recording.events, sample, i + 1 == parts.size());
    put_in_order(events, file);
    std::string name = file;
    if (sample.begin > 0) name += fmt::format(" from {} us", sample.begin);
    ReadSample& sample_read = read[parts[i].first];
    sample_read.contents = hash_of(events);
    sample_read.place = writer.add({.source = name,
                                    .label = sample.label,
                                    .test = sample.split == Split::kTest,
                                    .sensor = recording.sensor,
                                    .says_sensor = recording.says,
                                    .left_out = i == 0 ? recording.left_out : 0},
                                   events);
  }
}

void build_cache(const fs::path& file, uint64_t fingerprint, const DataConfig& data, const DataFormat& format) {
  // Sorts events by time: in some published recordings, time runs back by a few microseconds.
  ReadOptions options{.truncated = false, .unordered = true, .sensor = parse_sensor(data.sensor, "data.sensor")};
  options.time_unit = parse_time_unit(data.time_unit, "data.time_unit");
  options.of_data_set = true;
  const FileTree tree(data.dir);
  RecordingList list = format.list(tree);
  if (!options.sensor.known()) options.sensor = list.sensor;
  if (list.samples.empty()) throw input_error("{}: no recordings", data.dir);
  std::set<std::string> files;
  std::map<std::string, Parts> parts;
  for (size_t i = 0; i < list.samples.size(); ++i) {
    files.insert(list.samples[i].file);
    parts[list.samples[i].file].emplace_back(i, &list.samples[i]);
  }
  EventCacheWriter writer(file, fingerprint);
  std::vector<ReadSample> read(list.samples.size());
  std::array<std::vector<std::string>, 2> damaged;
  std::set<std::string> missing = files;
  tree.read(files, [&](const std::string& name, ByteSource source) {
    missing.erase(name);
    const Parts& own = parts[name];
    try {
      add_file(tree, own, std::move(source), options, writer, read);
    } catch (const InputError& error) {
      for (const auto& [i, sample] : own) read[i] = {};
      auto& of_split = damaged[own.front().second->split == Split::kTest];
      of_split.emplace_back(error.what());
      check_damaged(of_split, data.skip_bad);
    }
  });
  if (!missing.empty()) throw input_error("{}: is no longer there", tree.where(*missing.begin()));
  find_repeated(tree, list, read);
  // In the list's order, not in the archive's.
  std::vector<CachedSample> samples;
  for (const ReadSample& sample : read) {
    if (sample.place != kLeftOut) samples.push_back(std::move(writer.samples()[sample.place]));
  }
  writer.samples() = std::move(samples);
  writer.commit(list.classes, damaged, list.report);
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
      if (listener.note) listener.note(fmt::format("{}. The recordings are read again in every run", error.what()));
      if (listener.cache) listener.cache({.state = CacheReport::State::kUnwritable, .file = file});
    }
  }
  const TemporaryFolder folder;  // the mapped file survives the removal of its name
  build_cache(folder.path() / "cache", fingerprint, data, format);
  cache = std::make_shared<EventCache>(folder.path() / "cache", fingerprint);
  if (cache->state() != CacheFile::State::kWhole) {
    throw run_error("{}: reads back differently from what was written", folder.path().string());
  }
  return cache;
}

// One line for each of the first recordings with events left out, and one for all others.
void say_left_out(const EventCache& cache, Split split, const OpenListener& listener) {
  constexpr int64_t kNamed = 3;
  int64_t recordings = 0, events = 0;
  for (const CachedSample& sample : cache.samples()) {
    if (sample.left_out == 0 || sample.test != (split == Split::kTest)) continue;
    if (++recordings > kNamed) {
      events += sample.left_out;
      continue;
    }
    listener.note(told_left_out(sample.source, sample.left_out));
  }
  if (recordings > kNamed) {
    listener.note(fmt::format("and {} events beyond the sensor of {} more recordings", events, recordings - kNamed));
  }
}

}  // namespace

std::unique_ptr<Dataset> open_recordings(const DataConfig& data, Split split, const DataFormat& format,
                                         const OpenListener& listener) {
  const auto cache = open_cache(data, format, listener);
  if (listener.note) say_left_out(*cache, split, listener);
  auto recordings = std::make_unique<Recordings>(cache, split);
  check_damaged(recordings->damaged(), data.skip_bad);
  if (recordings->size() == 0) {
    const DataReport& report = recordings->report();
    const std::string found = report.train_folder + report.test_folder;  // at most one of them
    throw MissingSplit(fmt::format("{}: no {} recordings{}", data.dir, split == Split::kTrain ? "training" : "test",
                                   found.empty() ? "" : "; found only " + found + "/, expected train/ and test/"));
  }
  return recordings;
}

}  // namespace spikemix
