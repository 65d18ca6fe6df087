// SPDX-License-Identifier: MIT
#include "spikemix/data/event_cache.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "spikemix/data/event_words.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kEventsMagic = "spikemix events 5";

Json to_json(const CachedSample& s) {
  return {s.source, s.label,  s.test,   s.sensor.width, s.sensor.height, s.events,   s.first_t,    s.last_t,
          s.x_bits, s.y_bits, s.offset, s.words,        s.checksum,      s.left_out, s.says_sensor};
}

// The largest sensor and time that an event's fields can hold, with room to subtract.
constexpr int64_t kMostSide = 1 << 16;

// Accepts only numbers that one of our caches can hold: a sample's other fields are checked against the file.
bool is_sample(const Json& j) {
  if (!j.is_array() || j.size() != 15 || !j[0].is_string() || !j[2].is_boolean() || !j[14].is_boolean()) return false;
  for (const size_t i : {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) {
    if (!j[i].is_number_integer()) return false;
  }
  const auto within = [&](size_t i, int64_t least, int64_t most) {
    if (j[i].is_number_unsigned() && j[i].get<uint64_t>() > uint64_t(most)) return false;
    return j[i].get<int64_t>() >= least && j[i].get<int64_t>() <= most;
  };
  return within(1, 0, INT32_MAX) && within(3, 0, kMostSide) && within(4, 0, kMostSide) && within(5, 0, INT64_MAX) &&
         within(6, -kMostTime, kMostTime) && within(7, -kMostTime, kMostTime) && within(8, 0, 16) && within(9, 0, 16) &&
         within(10, 0, INT64_MAX) && within(11, 0, INT64_MAX) && within(12, 0, UINT32_MAX) &&
         within(13, 0, INT64_MAX) && j[6].get<int64_t>() <= j[7].get<int64_t>();
}

// Do the events match the index: in order, within the sensor, from the first time to the last?
bool agree(const CachedSample& s, std::span<const Event> events) {
  if (events.empty()) return true;
  return events.front().t == s.first_t && events.back().t == s.last_t &&
         std::ranges::is_sorted(events, {}, &Event::t) &&
         std::ranges::all_of(events, [&](const Event& e) { return e.x < s.sensor.width && e.y < s.sensor.height; });
}

CachedSample sample_from(const Json& j) {
  return {.source = j.at(0),
          .label = j.at(1),
          .test = j.at(2),
          .sensor = {j.at(3), j.at(4)},
          .says_sensor = j.at(14),
          .events = j.at(5),
          .first_t = j.at(6),
          .last_t = j.at(7),
          .left_out = j.at(13),
          .x_bits = j.at(8),
          .y_bits = j.at(9),
          .offset = j.at(10),
          .words = j.at(11),
          .checksum = j.at(12)};
}

}  // namespace

EventCache::EventCache(const std::filesystem::path& file, uint64_t fingerprint)
    : file_(file, kEventsMagic, fingerprint) {
  if (file_.state() == CacheFile::State::kWhole) file_.drop_index(read_index());
}

bool EventCache::read_index() {
  const uint64_t size = file_.data().size();
  try {
    classes_ = file_.index().at("classes");
    damaged_ = file_.index().at("damaged");
    report_ = file_.index().at("report");
    for (const Json& item : file_.index().at("samples")) {
      if (!is_sample(item)) return false;
      const CachedSample s = samples_.emplace_back(sample_from(item));
      const bool inside = s.offset <= size && s.words <= (size - s.offset) / 4;
      if (!inside || s.offset % 4 != 0 || s.events < 0 || uint64_t(s.events) > s.words || s.label < 0 ||
          size_t(s.label) >= classes_.size())
        return false;
    }
  } catch (const Json::exception&) {
    return false;
  }
  checked_.resize(samples_.size());
  return true;
}

std::vector<Event> EventCache::events(size_t i) const {
  const CachedSample& s = samples_[i];
  const auto bytes = file_.data().subspan(s.offset, 4 * s.words);
  const std::span words(reinterpret_cast<const uint32_t*>(bytes.data()), s.words);
  std::atomic_ref<uint8_t> checked(checked_[i]);
  std::vector<Event> events(size_t(s.events));
  if ((!checked && checksum_of(bytes) != s.checksum) || !unpack_events(words, s.x_bits, s.y_bits, s.first_t, events) ||
      (!checked && !agree(s, events))) {
    throw run_error("{}: the copy of {} is damaged; remove this file, it will be made again", file_.path().string(),
                    s.source);
  }
  checked = 1;
  return events;
}

EventCacheWriter::EventCacheWriter(const std::filesystem::path& file, uint64_t fingerprint)
    : file_(file, kEventsMagic, fingerprint) {}

size_t EventCacheWriter::add(CachedSample sample, std::span<const Event> events) {
  const EventWords packed = pack_events(events);
  const auto bytes = std::as_bytes(std::span(packed.words));
  sample.events = int64_t(events.size());
  if (!events.empty()) sample.first_t = events.front().t, sample.last_t = events.back().t;
  sample.x_bits = packed.x_bits, sample.y_bits = packed.y_bits;
  sample.offset = file_.write(bytes), sample.words = packed.words.size();
  sample.checksum = checksum_of(bytes);
  samples_.push_back(std::move(sample));
  return samples_.size() - 1;
}

void EventCacheWriter::commit(const std::vector<std::string>& classes,
                              const std::array<std::vector<std::string>, 2>& damaged, const DataReport& report) {
  Json samples = Json::array();
  for (const CachedSample& sample : samples_) samples.push_back(to_json(sample));
  file_.commit({{"classes", classes}, {"samples", samples}, {"damaged", damaged}, {"report", report}});
}

}  // namespace spikemix
