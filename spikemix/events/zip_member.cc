#include "spikemix/events/zip_member.h"

#include <cstring>
#include <functional>

#include <archive.h>
#include <archive_entry.h>

namespace spikemix {
namespace {

constexpr size_t kBlock = 1 << 16;

// libarchive reads through these from a place of its own in the input, which several of them share.
struct Place {
  std::shared_ptr<Input> input;
  uint64_t at = 0;
  std::vector<uint8_t> block = std::vector<uint8_t>(kBlock);
};

la_ssize_t read_block(archive*, void* data, const void** buffer) {
  auto& place = *static_cast<Place*>(data);
  const size_t n = place.input->read(place.at, place.block);
  place.at += n;
  *buffer = place.block.data();
  return la_ssize_t(n);
}

la_int64_t seek(archive*, void* data, la_int64_t offset, int whence) {
  auto& place = *static_cast<Place*>(data);
  const auto size = int64_t(place.input->size().value_or(0));
  const int64_t from = whence == SEEK_SET ? 0 : (whence == SEEK_CUR ? int64_t(place.at) : size);
  if (offset < -from || offset > size - from) return ARCHIVE_FATAL;
  place.at = uint64_t(from + offset);
  return la_int64_t(place.at);
}

}  // namespace

struct ZipMember::State {
  std::string name;  // of the archive
  std::string member;
  std::unique_ptr<archive, decltype(&archive_read_free)> zip{archive_read_new(), archive_read_free};
  Place place;

  // By the directory at the archive's end, so that a cut one is noticed, or from its front.
  explicit State(std::string name_, std::shared_ptr<Input> input, bool by_directory = true)
      : name(std::move(name_)), place{std::move(input)} {
    if (by_directory) {
      archive_read_support_format_zip_seekable(zip.get());
    } else {
      archive_read_support_format_zip_streamable(zip.get());
    }
    archive_read_set_callback_data(zip.get(), &place);
    archive_read_set_read_callback(zip.get(), read_block);
    archive_read_set_seek_callback(zip.get(), seek);
    if (archive_read_open1(zip.get()) != ARCHIVE_OK) throw damaged();
  }

  InputError damaged() const {
    const char* text = archive_error_string(zip.get());
    std::string reason = text ? text : "no directory at its end";
    while (!reason.empty() && reason.back() == '\n') reason.pop_back();
    return input_error("{}, byte {}: {}damaged zip archive ({}); an incomplete copy?", name, byte(),
                       member.empty() ? "" : member + ": ", reason);
  }

  // Where the member begins. Only a reader from the front knows it, so one is made for it: errors alone ask.
  uint64_t byte() const {
    if (member.empty()) return 0;  // not there yet
    try {
      State from_front(name, place.input, /*by_directory=*/false);
      if (from_front.find([&](const std::string& other) { return other == member; })) {
        return uint64_t(std::max<la_int64_t>(0, archive_read_header_position(from_front.zip.get())));
      }
    } catch (const InputError&) {  // damaged before it
    }
    return 0;
  }

  // Calls see(name) for each file until it returns true. @return whether it did
  bool find(const std::function<bool(const std::string&)>& see) {
    for (;;) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(zip.get(), &entry);
      if (result == ARCHIVE_EOF) return false;
      if (result < ARCHIVE_WARN) throw damaged();
      const char* path = archive_entry_pathname(entry);
      if (path && see(path)) return true;
    }
  }
};

std::vector<std::string> zip_members(const ByteSource& source) {
  std::vector<std::string> names;
  ZipMember::State(source.name(), source.input()).find([&](const std::string& name) {
    names.push_back(name);
    return false;
  });
  return names;
}

ZipMember::ZipMember(const ByteSource& source, const std::string& name)
    : state_(std::make_unique<State>(source.name(), source.input())) {
  if (!state_->find([&](const std::string& other) { return other == name; })) throw state_->damaged();
  state_->member = name;
}

ZipMember::ZipMember(ZipMember&&) noexcept = default;
ZipMember::~ZipMember() = default;

size_t ZipMember::read(std::span<uint8_t> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const la_ssize_t n = archive_read_data(state_->zip.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0) throw state_->damaged();
    if (n == 0) break;
    done += size_t(n);
  }
  return done;
}

uint64_t ZipMember::byte() const { return state_->byte(); }

}  // namespace spikemix
