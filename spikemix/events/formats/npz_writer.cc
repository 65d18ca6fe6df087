// SPDX-License-Identifier: MIT
#include <array>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "spikemix/base/file.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/formats/spool.h"

namespace spikemix {
namespace {

// The file is column by column, but events come one by one: the columns are spooled until all events are there.
class NpzWriter : public EventWriter {
 public:
  explicit NpzWriter(const std::filesystem::path& path)
      : file_(path),
        columns_{Column{"t.npy", "<i8", Spool(path)},
                 {"x.npy", "<i2", Spool(path)},
                 {"y.npy", "<i2", Spool(path)},
                 {"p.npy", "|u1", Spool(path)}} {}

  void write(std::span<const Event> events) override {
    put<int64_t>(0, events, &Event::t);
    put<uint16_t>(1, events, &Event::x);
    put<uint16_t>(2, events, &Event::y);
    put<uint8_t>(3, events, &Event::p);
    number_ += events.size();
  }

  void close() override {
    const std::unique_ptr<archive, decltype(&archive_write_free)> zip(archive_write_new(), archive_write_free);
    archive_write_set_format_zip(zip.get());
    check(zip.get(), archive_write_zip_set_compression_store(zip.get()));
    archive_write_set_bytes_in_last_block(zip.get(), 1);  // no zeros after the directory
    check(zip.get(), archive_write_open(zip.get(), this, nullptr, write_block, nullptr));
    for (Column& column : columns_) write_member(zip.get(), column);
    check(zip.get(), archive_write_close(zip.get()));
    file_.commit();
  }

 private:
  struct Column {
    const char *name, *type;
    Spool values;
  };

  template <class T>
  void put(size_t column, std::span<const Event> events, T Event::*member) {
    std::vector<T> values(events.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = events[i].*member;
    columns_[column].values.append({reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(T)});
  }

  void write_member(archive* zip, Column& column) {
    // Padded with blanks to a multiple of 64 bytes, as in numpy, so that a mapped array is aligned.
    std::string header =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", column.type, number_);
    header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
    header += '\n';
    const std::string preamble =
        std::string("\x93NUMPY\1\0", 8) + char(header.size() & 0xFF) + char(header.size() >> 8);
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), column.name);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 315532800, 0);  // 1980, a zip's first day: the same events make the same file
    archive_entry_set_size(entry.get(), la_int64_t(preamble.size() + header.size() + column.values.size()));
    check(zip, archive_write_header(zip, entry.get()));
    for (const std::string& text : {preamble, header})
      check(zip, int(archive_write_data(zip, text.data(), text.size())));
    column.values.replay(
        [&](std::span<const uint8_t> bytes) { check(zip, int(archive_write_data(zip, bytes.data(), bytes.size()))); });
    check(zip, archive_write_finish_entry(zip));
  }

  static la_ssize_t write_block(archive*, void* self, const void* bytes, size_t n) {
    auto& writer = *static_cast<NpzWriter*>(self);
    try {
      writer.file_.write(std::span(static_cast<const std::byte*>(bytes), n));
      return la_ssize_t(n);
    } catch (...) {  // must not pass through the library's C frames
      writer.failure_ = std::current_exception();
      return -1;
    }
  }

  void check(archive* zip, int result) const {
    if (result >= ARCHIVE_OK) return;
    if (failure_) std::rethrow_exception(failure_);
    throw run_error("cannot write an npz: {}", archive_error_string(zip));
  }

  AtomicFile file_;
  std::array<Column, 4> columns_;
  uint64_t number_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<EventWriter> create_npz(const std::filesystem::path& path, SensorSize sensor) {
  check_writable(path, sensor, "npz");
  return std::make_unique<NpzWriter>(path);
}

}  // namespace spikemix
