#include "spikemix/data/event_cache.h"

#include <atomic>
#include <cstring>

#include <nlohmann/json.hpp>
#include <zlib.h>

#include "spikemix/data/event_words.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic = "spikemix events 1\n";

/// The last bytes of the file.
struct Tail {
  uint64_t index_offset, index_size, fingerprint;
  uint32_t index_checksum, unused;
  char magic[24];
};
static_assert(sizeof(Tail) == 56);

uint32_t checksum(std::span<const std::byte> bytes) {
  return uint32_t(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Json to_json(const CachedSample& s) {
  return {s.source, s.label,  s.test,   s.sensor.width, s.sensor.height, s.events,  s.first_t,
          s.last_t, s.x_bits, s.y_bits, s.offset,       s.words,         s.checksum};
}

CachedSample sample_from(const Json& j) {
  return {.source = j.at(0),
          .label = j.at(1),
          .test = j.at(2),
          .sensor = {j.at(3), j.at(4)},
          .events = j.at(5),
          .first_t = j.at(6),
          .last_t = j.at(7),
          .x_bits = j.at(8),
          .y_bits = j.at(9),
          .offset = j.at(10),
          .words = j.at(11),
          .checksum = j.at(12)};
}

}  // namespace

EventCache::EventCache(const std::filesystem::path& file) : path_(file), file_(file) {}

std::unique_ptr<EventCache> EventCache::open(const std::filesystem::path& file, uint64_t fingerprint) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return nullptr;
  std::unique_ptr<EventCache> cache(new EventCache(file));
  return cache->read_index(fingerprint) ? std::move(cache) : nullptr;
}

bool EventCache::read_index(uint64_t fingerprint) {
  const auto bytes = file_.bytes();
  Tail tail;
  if (bytes.size() < kMagic.size() + sizeof tail) return false;
  std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
  const uint64_t end = bytes.size() - sizeof tail;
  if (std::string_view(tail.magic, kMagic.size()) != kMagic || tail.fingerprint != fingerprint) return false;
  if (tail.index_offset > end || tail.index_size != end - tail.index_offset) return false;
  const auto index = bytes.subspan(tail.index_offset, tail.index_size);
  if (checksum(index) != tail.index_checksum) return false;
  const auto* text = reinterpret_cast<const char*>(index.data());
  const Json json = Json::parse(text, text + index.size(), nullptr, /*allow_exceptions=*/false);
  try {
    classes_ = json.at("classes");
    for (const Json& item : json.at("samples")) {
      const CachedSample s = samples_.emplace_back(sample_from(item));
      const bool inside = s.offset <= tail.index_offset && s.words <= (tail.index_offset - s.offset) / 4;
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
  const auto bytes = file_.bytes().subspan(s.offset, 4 * s.words);
  const std::span words(reinterpret_cast<const uint32_t*>(bytes.data()), s.words);
  std::atomic_ref<uint8_t> checked(checked_[i]);
  std::vector<Event> events(size_t(s.events));
  if ((!checked && checksum(bytes) != s.checksum) || !unpack_events(words, s.x_bits, s.y_bits, s.first_t, events)) {
    throw run_error("{}: the copy of {} is damaged; remove this file, it will be made anew", path_.string(), s.source);
  }
  checked = 1;
  return events;
}

EventCacheWriter::EventCacheWriter(const std::filesystem::path& file, uint64_t fingerprint)
    : file_(file), fingerprint_(fingerprint) {}

size_t EventCacheWriter::add(CachedSample sample, std::span<const Event> events) {
  const EventWords packed = pack_events(events);
  const auto bytes = std::as_bytes(std::span(packed.words));
  file_.write(bytes);
  sample.events = int64_t(events.size());
  if (!events.empty()) sample.first_t = events.front().t, sample.last_t = events.back().t;
  sample.x_bits = packed.x_bits, sample.y_bits = packed.y_bits;
  sample.offset = offset_, sample.words = packed.words.size();
  sample.checksum = checksum(bytes);
  offset_ += bytes.size();
  samples_.push_back(std::move(sample));
  return samples_.size() - 1;
}

void EventCacheWriter::commit(const std::vector<std::string>& classes) {
  Json samples = Json::array();
  for (const CachedSample& sample : samples_) samples.push_back(to_json(sample));
  const std::string index =
      Json{{"classes", classes}, {"samples", samples}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  Tail tail{.index_offset = offset_,
            .index_size = index.size(),
            .fingerprint = fingerprint_,
            .index_checksum = checksum(std::as_bytes(std::span(index))),
            .unused = 0,
            .magic = {}};
  kMagic.copy(tail.magic, sizeof tail.magic);
  file_.write(index);
  file_.write(std::as_bytes(std::span(&tail, 1)));
  file_.commit();
}

}  // namespace spikemix
