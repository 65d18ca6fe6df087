// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

struct NMnist {
  static constexpr size_t kBytes = 5;
  static constexpr int64_t kPeriod = 0;

  Event event(const uint8_t* record) const {
    return {.t = (record[2] & 0x7F) << 16 | record[3] << 8 | record[4],
            .x = record[0],
            .y = record[1],
            .p = uint8_t(record[2] >> 7)};
  }
  bool is_event(const uint8_t* record) const { return record[1] != 240; }
  int64_t advance(const uint8_t* record) const { return is_event(record) ? 0 : 1 << 13; }
};

}  // namespace

bool recognises_nmnist(std::span<const uint8_t> head) {
  // Text is not a recording, even if its bytes happen to be in order.
  const auto first = head.first(std::min<size_t>(head.size(), 16));
  if (std::ranges::all_of(first, [](uint8_t c) { return (c >= ' ' && c < 0x7F) || (c >= '\t' && c <= '\r'); }))
    return false;
  // In other data, every second time would be earlier than the one before. One wrong event in twenty is tolerated here:
  // the reader then says which one it is.
  const size_t n = std::min<size_t>(head.size() / NMnist::kBytes, 2000);
  size_t back = 0;
  int64_t last = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint8_t* record = head.data() + i * NMnist::kBytes;
    const int64_t t = NMnist().event(record).t;
    back += t < last && NMnist().is_event(record);
    last = t;
  }
  return n > 0 && back * 20 <= n;
}

// Random bytes are in order by chance once in 16!.
bool enough_for_nmnist(std::span<const uint8_t> head) { return head.size() >= 16 * NMnist::kBytes; }

std::unique_ptr<EventReader> open_nmnist(ByteSource source, const ReadOptions& options) {
  const SensorSize sensor = options.fallback.known() ? options.fallback : SensorSize{34, 34};
  return std::make_unique<FlatReader<NMnist>>(std::move(source), NMnist{}, sensor, options);
}

}  // namespace spikemix
