#include "spikemix/events/evt.h"
#include "spikemix/events/readers.h"

namespace spikemix {
namespace {

struct Evt2 {
  using Word = uint32_t;
  static constexpr size_t kEventsOfWord = 1;
  static constexpr const char* kName = "EVT2";
  enum Type : uint32_t { kOff = 0x0, kOn = 0x1, kTimeHigh = 0x8, kTrigger = 0xA, kOthers = 0xE, kContinued = 0xF };

  template <class Sink>
  bool word(Word w, Sink&& sink) {
    const uint32_t type = w >> 28;
    if (type <= kOn) [[likely]] {
      if (high_ >= 0) sink(high_ | (w >> 22 & 0x3F), w >> 11 & 0x7FF, w & 0x7FF, uint8_t(type));
      return true;
    }
    if (type == kTimeHigh) {
      const uint32_t high = w & 0x0FFFFFFF;
      high_ = epoch_.next(high, 28, int64_t(1) << 34) + (int64_t(high) << 6);
      return true;
    }
    return type == kTrigger || type == kOthers || type == kContinued;
  }

 private:
  int64_t high_ = -1;  // microseconds, without the lowest 6 bits; -1: not known yet
  ClockEpoch epoch_;
};

}  // namespace

bool recognises_evt2(std::span<const uint8_t> head) {
  return prophesee_encoding(read_text_header(head, '%', "% end")) == "EVT2";
}

std::unique_ptr<EventReader> open_evt2(ByteSource source, const ReadOptions& options) {
  return open_evt<Evt2>(std::move(source), options);
}

}  // namespace spikemix
