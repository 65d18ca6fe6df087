// SPDX-License-Identifier: MIT
#include "spikemix/data/image_cache.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "spikemix/data/resize.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kImagesMagic = "spikemix images 2";
constexpr uint64_t kDecodedBlock = 16 << 20;  // bytes decoded together, then written
constexpr double kLarge = 1e9;                // from this many bytes on, the user is told first

// Decodes images first, first + 1, ... into `pixels`. @throws what the first undecodable one threw
void decode_block(const Dataset& data, int64_t first, ImageShape shape, int64_t threads, std::span<uint8_t> pixels) {
  const auto count = int64_t(pixels.size() / shape.bytes());
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  int64_t lowest = count;
  std::exception_ptr error;
  const auto work = [&] {
    for (int64_t i = next++; i < count; i = next++) {
      try {
        const Image image = fit(data.image(first + i), shape.height, shape.width, shape.channels);
        std::ranges::copy(image.pixels, pixels.begin() + std::ptrdiff_t(uint64_t(i) * shape.bytes()));
      } catch (...) {
        next = count;  // earlier ones are already being decoded
        const std::lock_guard lock(mutex);
        if (i < lowest) lowest = i, error = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (int64_t t = 1; t < std::min(threads, count); ++t) others.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

ImageCache::ImageCache(const std::filesystem::path& file, uint64_t fingerprint, ImageShape shape, OpenListener listener,
                       std::function<std::shared_ptr<const Dataset>()> source)
    : file_(file, kImagesMagic, fingerprint),
      shape_(shape),
      listener_(std::move(listener)),
      open_source_(std::move(source)) {
  if (file_.state() == CacheFile::State::kWhole) file_.drop_index(read_index());
}

bool ImageCache::read_index() {
  try {
    const Json& index = file_.index();
    index.at("classes").get_to(classes_);
    index.at("sources").get_to(sources_);
    index.at("damaged").get_to(left_out_);
    if (!holds_whole_numbers(index.at("labels")) || !holds_whole_numbers(index.at("checksums"))) return false;
    index.at("labels").get_to(labels_);
    index.at("checksums").get_to(checksums_);
    index.at("report").get_to(report_);
    const Json shape = {shape_.height, shape_.width, shape_.channels};
    if (index.at("shape") != shape) return false;
  } catch (const Json::exception&) {
    return false;
  }
  const size_t count = labels_.size();
  checked_.resize(count);
  return count > 0 && sources_.size() == count && checksums_.size() == count &&
         file_.data().size() == count * shape_.bytes() &&
         std::ranges::all_of(labels_, [&](int64_t l) { return l >= 0 && size_t(l) < classes_.size(); });
}

Image ImageCache::image(int64_t i) const {
  const auto bytes = file_.data().subspan(size_t(i) * shape_.bytes(), shape_.bytes());
  std::atomic_ref<uint8_t> checked(checked_[size_t(i)]);
  if (!checked && checksum_of(bytes) != checksums_[size_t(i)]) return decode_again(i);
  checked = 1;
  const auto* pixels = reinterpret_cast<const uint8_t*>(bytes.data());
  return {shape_.height, shape_.width, shape_.channels, {pixels, pixels + bytes.size()}};
}

Image ImageCache::decode_again(int64_t i) const {
  std::call_once(damaged_, [&] {
    std::error_code ignored;
    std::filesystem::remove(file_.path(), ignored);
    if (listener_.note) {
      listener_.note(
          fmt::format("{}: the copy of {} is damaged: it is decoded again, and the cache is made again when the data "
                      "are opened next",
                      file_.path().string(), source(i)));
    }
    original_ = open_source_();
  });
  return fit(original_->image(i), shape_.height, shape_.width, shape_.channels);
}

void build_image_cache(const std::filesystem::path& file, uint64_t fingerprint, ImageShape shape, const Dataset& data,
                       int64_t threads, const OpenListener& listener) {
  const int64_t count = data.size();
  const uint64_t bytes = uint64_t(count) * shape.bytes();
  CacheWriter writer(file, kImagesMagic, fingerprint, bytes);
  if (double(bytes) > kLarge && listener.note) {
    listener.note(
        fmt::format("writes {:.1f} GB of decoded pictures to {} (data.cache: another folder; off: decodes "
                    "them in every epoch)",
                    1e-9 * double(bytes), file.string()));
  }
  const auto block = int64_t(std::max<uint64_t>(uint64_t(threads), kDecodedBlock / shape.bytes()));
  std::vector<uint8_t> pixels;
  std::vector<uint32_t> checksums;
  for (int64_t first = 0; first < count; first += block) {
    pixels.resize(uint64_t(std::min(block, count - first)) * shape.bytes());
    decode_block(data, first, shape, threads, pixels);
    const auto written = std::as_bytes(std::span(pixels));
    writer.write(written);
    for (size_t at = 0; at < written.size(); at += shape.bytes()) {
      checksums.push_back(checksum_of(written.subspan(at, shape.bytes())));
    }
    if (listener.progress) listener.progress(std::min(first + block, count), count);
  }
  std::vector<int64_t> labels;
  std::vector<std::string> sources;
  for (int64_t i = 0; i < count; ++i) labels.push_back(data.label(i)), sources.push_back(data.source(i));
  writer.commit({{"shape", {shape.height, shape.width, shape.channels}},
                 {"classes", data.classes()},
                 {"labels", labels},
                 {"sources", sources},
                 {"damaged", data.damaged()},
                 {"checksums", checksums},
                 {"report", data.report()}});
}

}  // namespace spikemix
