// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/decompress.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include <lz4frame.h>
#include <zstd.h>

namespace spikemix {
namespace {

// A frame's first block must fit, so that LZ4 need not decompress into a buffer of its own and copy.
constexpr size_t kFirstBuffer = 1 << 18;

[[noreturn]] void fail(const char* why) { throw std::runtime_error(why); }

// Calls decompress(buffer), which returns the number of bytes it made, or nothing if the buffer is too small, with ever
// larger buffers.
template <class Function>
std::span<const uint8_t> into(std::vector<uint8_t>& buffer, size_t limit, size_t shift, Function decompress) {
  limit += shift;
  buffer.resize(std::max(buffer.size(), std::min(limit, kFirstBuffer)));
  for (;;) {
    size_t made = 0;
    if (decompress(std::span(buffer).subspan(shift), made)) return {buffer.data() + shift, made};
    if (buffer.size() >= limit) throw std::runtime_error("holds more than " + std::to_string(limit - shift) + " bytes");
    buffer.resize(std::min(limit, 4 * buffer.size()));
  }
}

class Lz4 : public Decompressor {
 public:
  Lz4() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION))) throw std::bad_alloc();
  }
  ~Lz4() override { LZ4F_freeDecompressionContext(context_); }

  std::span<const uint8_t> operator()(std::span<const uint8_t> frame, size_t limit, size_t shift) override {
    return into(buffer_, limit, shift, [&](std::span<uint8_t> out, size_t& made) {
      LZ4F_resetDecompressionContext(context_);
      // The buffer does not move during a frame: later blocks may refer to earlier ones in it.
      LZ4F_decompressOptions_t options{};
      options.stableDst = 1;
      size_t used = 0;
      for (;;) {
        size_t step = out.size() - made, taken = frame.size() - used;
        const size_t more = LZ4F_decompress(context_, out.data() + made, &step, frame.data() + used, &taken, &options);
        if (LZ4F_isError(more)) fail(LZ4F_getErrorName(more));
        made += step, used += taken;
        if (more == 0) return true;
        if (made == out.size()) return false;
        if (step == 0 && taken == 0) fail("ends within its frame");
      }
    });
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  std::vector<uint8_t> buffer_;
};

class Zstd : public Decompressor {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
  }
  ~Zstd() override { ZSTD_freeDCtx(context_); }

  std::span<const uint8_t> operator()(std::span<const uint8_t> frame, size_t limit, size_t shift) override {
    return into(buffer_, limit, shift, [&](std::span<uint8_t> out, size_t& made) {
      ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
      // Into the whole buffer at once, without a window, whatever the frame's header asks for.
      ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 27);
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      ZSTD_inBuffer from{frame.data(), frame.size(), 0};
      for (;;) {
        const size_t before = from.pos + to.pos;
        const size_t more = ZSTD_decompressStream(context_, &to, &from);
        if (ZSTD_isError(more)) fail(ZSTD_getErrorName(more));
        made = to.pos;
        if (more == 0) return true;
        if (to.pos == to.size) return false;
        if (from.pos + to.pos == before) fail("ends within its frame");
      }
    });
  }

 private:
  ZSTD_DCtx* context_;
  std::vector<uint8_t> buffer_;
};

}  // namespace

std::unique_ptr<Decompressor> make_lz4() { return std::make_unique<Lz4>(); }
std::unique_ptr<Decompressor> make_zstd() { return std::make_unique<Zstd>(); }

}  // namespace spikemix
