// SPDX-License-Identifier: MIT
#include "spikemix/data/cache_file.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "spikemix/base/clock.h"
#include "spikemix/base/hash.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// The last bytes of the file.
struct Tail {
  uint64_t index_offset, index_size, fingerprint;
  uint32_t index_checksum, unused;
  char magic[24];
};
static_assert(sizeof(Tail) == 56);

constexpr std::string_view kAdvice = "another folder? (data.cache, SPIKEMIX_CACHE)";

/// Walks through a document and stops if it is nested deeper than an index: building, copying and destroying it
/// recurse, and a forged file can have as many levels as bytes.
class ShallowDocument : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= kDepth; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return ++depth_ <= kDepth; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  static constexpr int kDepth = 8;
  int depth_ = 0;
};

// Turns AtomicFile's error into a cache's.
template <class F>
auto or_unwritable(F&& f) {
  try {
    return f();
  } catch (const InputError& error) {
    throw CacheUnwritable(fmt::format("{}; {}", error.what(), kAdvice));
  } catch (const RunError& error) {
    throw CacheUnwritable(error.what());
  }
}

}  // namespace

uint32_t checksum_of(std::span<const std::byte> bytes) {
  return uint32_t(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool holds_whole_numbers(const Json& list) {
  return list.is_array() && std::ranges::all_of(list, [](const Json& item) { return item.is_number_integer(); });
}

CacheFile::CacheFile(const fs::path& file, std::string_view magic, uint64_t fingerprint) : path_(file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return;
  try {
    file_ = std::make_unique<MappedFile>(file);
  } catch (const InputError&) {  // deleted meanwhile, or unreadable: as good as missing
    return;
  }
  state_ = read(magic, fingerprint);
}

CacheFile::State CacheFile::read(std::string_view magic, uint64_t fingerprint) {
  const auto bytes = file_->bytes();
  Tail tail;
  if (bytes.size() < sizeof tail) return State::kDamaged;
  std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
  const uint64_t end = bytes.size() - sizeof tail;
  char expected[sizeof tail.magic] = {};
  magic.copy(expected, sizeof expected);
  if (std::memcmp(tail.magic, expected, sizeof expected) != 0) {
    return std::string_view(tail.magic, sizeof tail.magic).starts_with("spikemix ") ? State::kStale : State::kDamaged;
  }
  if (tail.fingerprint != fingerprint) return State::kStale;
  if (tail.index_offset > end || tail.index_size != end - tail.index_offset) return State::kDamaged;
  const auto index = bytes.subspan(tail.index_offset, tail.index_size);
  if (checksum_of(index) != tail.index_checksum || tail.unused != 0) return State::kDamaged;
  const auto* first = reinterpret_cast<const uint8_t*>(index.data());
  ShallowDocument shallow;
  if (!Json::sax_parse(first, first + index.size(), &shallow, Json::input_format_t::cbor)) return State::kDamaged;
  index_ = Json::from_cbor(first, first + index.size(), /*strict=*/true, /*allow_exceptions=*/false);
  if (index_.is_discarded()) return State::kDamaged;
  data_ = bytes.first(tail.index_offset);
  return State::kWhole;
}

void CacheFile::drop_index(bool good) {
  index_ = {};
  if (!good) state_ = State::kDamaged;
}

CacheWriter::CacheWriter(const fs::path& file, std::string_view magic, uint64_t fingerprint, uint64_t bytes)
    : magic_(magic), fingerprint_(fingerprint) {
  std::error_code error;
  const fs::space_info space = fs::space(file.parent_path(), error);
  if (!error && space.available < bytes) {
    throw CacheUnwritable(fmt::format("{}: needs {:.1f} GB, {:.1f} GB are free; {}", file.string(),
                                      1e-9 * double(bytes), 1e-9 * double(space.available), kAdvice));
  }
  file_ = or_unwritable([&] { return std::make_unique<AtomicFile>(file); });
}

uint64_t CacheWriter::write(std::span<const std::byte> bytes) {
  or_unwritable([&] { file_->write(bytes); });
  const uint64_t offset = size_;
  size_ += bytes.size();
  return offset;
}

void CacheWriter::commit(const Json& index) {
  // CBOR rather than text: file names need not be UTF-8.
  const std::vector<uint8_t> bytes = Json::to_cbor(index);
  Tail tail{.index_offset = size_,
            .index_size = bytes.size(),
            .fingerprint = fingerprint_,
            .index_checksum = checksum_of(std::as_bytes(std::span(bytes))),
            .unused = 0,
            .magic = {}};
  magic_.copy(tail.magic, sizeof tail.magic);
  or_unwritable([&] {
    file_->write(std::as_bytes(std::span(bytes)));
    file_->write(std::as_bytes(std::span(&tail, 1)));
    file_->commit();
  });
}

CacheLock::CacheLock(const fs::path& file, const OpenListener& listener) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw CacheUnwritable(fmt::format("{}: {}; {}", file.parent_path().string(), error.message(), kAdvice));
  const fs::path path = file.string() + ".lock";
  descriptor_ = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw CacheUnwritable(fmt::format("{}: cannot create: {}; {}", path.string(), std::strerror(errno), kAdvice));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  if (listener.note) listener.note(fmt::format("{}: another process is making it; waiting", file.string()));
  while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

CacheLock::~CacheLock() { ::close(descriptor_); }

bool cache_is_off(const DataConfig& data) { return data.cache == "off"; }

fs::path cache_folder(const DataConfig& data) {
  if (!data.cache.empty()) return data.cache;
  const auto set = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const fs::path folder = set("SPIKEMIX_CACHE"); !folder.empty()) return folder;
  if (const fs::path folder = set("XDG_CACHE_HOME"); !folder.empty()) return folder / "spikemix";
  if (const fs::path folder = set("HOME"); !folder.empty()) return folder / ".cache" / "spikemix";
  return fs::temp_directory_path() / "spikemix";
}

fs::path cache_path(const DataConfig& data, const DataFormat& format, const std::string& ending) {
  const fs::path path = fs::canonical(data.dir);
  std::string name = path.filename().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '_'; }, '-');
  const std::string read_as = format.name + data.sensor + data.time_unit;
  return cache_folder(data) / fmt::format("{}-{}{}", name, Hash().add(path.string() + "\n" + read_as).text(), ending);
}

void open_or_build(const fs::path& file, const OpenListener& listener, const std::function<CacheFile::State()>& open,
                   const std::function<void()>& build) {
  using State = CacheFile::State;
  CacheReport report{.state = CacheReport::State::kFound, .file = file};
  if (open() != State::kWhole) {
    const CacheLock lock(file, listener);
    const State state = open();  // has another process made it meanwhile?
    if (state == State::kDamaged && listener.note) listener.note(file.string() + ": damaged; making it again");
    if (state != State::kWhole) {
      const auto start = Clock::now();
      build();
      if (open() != State::kWhole) {
        throw CacheUnwritable(file.string() + ": reads back differently from what was written; a failing disk?");
      }
      report.state = CacheReport::State::kBuilt;
      report.build_seconds = seconds_since(start);
    }
  }
  std::error_code ignored;
  report.bytes = fs::file_size(file, ignored);
  if (listener.cache) listener.cache(report);
}

}  // namespace spikemix
