// SPDX-License-Identifier: MIT
#include "spikemix/data/archive.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/text.h"

namespace spikemix {
namespace {

using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;
constexpr size_t kBlock = 1 << 16;

[[noreturn]] void fail(archive* a, const std::filesystem::path& file) {
  const char* why = archive_error_string(a);
  throw input_error("{}: {}; an incomplete download or copy?", file.string(), why ? why : "cannot be read");
}

/// How many bytes may come out of a compressed file: far more than any data set needs, and far less than a file made to
/// fill the memory holds (gzip twice turns 5 KB into a gigabyte).
class Budget {
 public:
  explicit Budget(const std::filesystem::path& file) : file_(file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    left_ = most_ = kFloor + kRatio * (error ? 0 : std::min<uint64_t>(size, UINT64_MAX / kRatio / 2));
  }
  /// @throws InputError if fewer are left
  void spend(uint64_t bytes) {
    if (bytes > left_) {
      throw input_error(
          "{}: unpacks to more than {} MiB, {} times its size: too much for a data set packed once; unpack "
          "it, check what it holds, and give the result",
          file_.string(), most_ >> 20, kRatio);
    }
    left_ -= bytes;
  }

 private:
  static constexpr uint64_t kFloor = uint64_t{256} << 20, kRatio = 256;
  const std::filesystem::path& file_;
  uint64_t most_ = 0, left_ = 0;
};

void open(archive* a, const std::filesystem::path& file) {
  // Checked first, because libarchive's errors for a folder and a missing file name neither.
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) throw input_error("{}: no such file", file.string());
  if (archive_read_open_filename(a, file.c_str(), kBlock) != ARCHIVE_OK) fail(a, file);
}

// The current entry's bytes, at most `limit`. The size that the entry claims is a hint, not trusted.
Bytes read_entry(archive* a, archive_entry* entry, const std::filesystem::path& file, size_t limit, Budget& budget) {
  std::array<uint8_t, kBlock> block;
  Bytes bytes;
  bytes.reserve(std::min<size_t>(size_t(std::max<int64_t>(0, archive_entry_size(entry))), 16 * kBlock));
  while (bytes.size() < limit) {
    const la_ssize_t got = archive_read_data(a, block.data(), std::min(kBlock, limit - bytes.size()));
    if (got < 0) fail(a, file);
    if (got == 0) break;
    budget.spend(uint64_t(got));
    bytes.insert(bytes.end(), block.begin(), block.begin() + got);
  }
  return bytes;
}

// The upper half of code page 437, two or three bytes of UTF-8 for each character.
std::string from_code_page_437(std::string_view text) {
  static constexpr const char* kUpper[] = {
      "Ç", "ü", "é", "â", "ä", "à", "å", "ç", "ê", "ë", "è", "ï", "î", "ì", "Ä", "Å", "É", "æ",     "Æ", "ô", "ö", "ò",
      "û", "ù", "ÿ", "Ö", "Ü", "¢", "£", "¥", "₧", "ƒ", "á", "í", "ó", "ú", "ñ", "Ñ", "ª", "º",     "¿", "⌐", "¬", "½",
      "¼", "¡", "«", "»", "░", "▒", "▓", "│", "┤", "╡", "╢", "╖", "╕", "╣", "║", "╗", "╝", "╜",     "╛", "┐", "└", "┴",
      "┬", "├", "─", "┼", "╞", "╟", "╚", "╔", "╩", "╦", "╠", "═", "╬", "╧", "╨", "╤", "╥", "╙",     "╘", "╒", "╓", "╫",
      "╪", "┘", "┌", "█", "▄", "▌", "▐", "▀", "α", "ß", "Γ", "π", "Σ", "σ", "µ", "τ", "Φ", "Θ",     "Ω", "δ", "∞", "φ",
      "ε", "∩", "≡", "±", "≥", "≤", "⌠", "⌡", "÷", "≈", "°", "∙", "·", "√", "ⁿ", "²", "■", "\u00a0"};
  static_assert(std::size(kUpper) == 128);
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    byte < 0x80 ? utf8 += c : utf8 += kUpper[byte - 0x80];
  }
  return utf8;
}

std::string entry_name(archive* a, archive_entry* entry) {
  // The UTF-8 form first: in the C locale the other one is missing if a name is not ASCII.
  const char* stored = archive_entry_pathname_utf8(entry);
  if (!stored) stored = archive_entry_pathname(entry);
  std::string_view name = stored ? stored : "";
  while (name.starts_with("./")) name.remove_prefix(2);
  while (name.ends_with('/')) name.remove_suffix(1);
  const bool zip = (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
  return zip && !is_utf8(name) ? from_code_page_437(name) : std::string(name);
}

// The ending that makes a name an archive's; "" if it has none.
std::string_view archive_ending(std::string_view name) {
  constexpr std::array<std::string_view, 8> kEndings = {".tar",    ".tar.gz", ".tgz",     ".tar.bz2",
                                                        ".tar.xz", ".txz",    ".tar.zst", ".zip"};
  for (const std::string_view ending : kEndings) {
    const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    if (name.size() > ending.size() && std::ranges::equal(name.substr(name.size() - ending.size()), ending, same)) {
      return ending;
    }
  }
  return "";
}

}  // namespace

bool is_tar_name(const std::filesystem::path& file) {
  return is_archive_name(file) && archive_ending(file.filename().string()) != ".zip";
}

bool is_archive_name(const std::filesystem::path& file) { return !archive_ending(file.filename().string()).empty(); }

std::string archive_stem(std::string_view name) {
  return std::string(name.substr(0, name.size() - archive_ending(name).size()));
}

bool is_hidden_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> kOfSystems = {"__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini",
                                                          "@eaDir"};
  return name.starts_with('.') || std::ranges::count(kOfSystems, name) > 0;
}

void read_archive(const std::filesystem::path& file,
                  const std::function<Choice(const std::string&, bool folder)>& choose,
                  const std::function<void(std::string, Bytes)>& take) {
  const Archive a(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(a.get());
  archive_read_support_format_zip(a.get());
  archive_read_support_filter_all(a.get());
  open(a.get(), file);
  archive_entry* entry = nullptr;
  Budget budget(file);
  for (;;) {
    const int status = archive_read_next_header(a.get(), &entry);
    if (status == ARCHIVE_EOF) return;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail(a.get(), file);  // a warning: an odd character in a name
    std::string name = entry_name(a.get(), entry);
    const auto type = archive_entry_filetype(entry);
    const Choice chosen = choose(name, type == AE_IFDIR);
    if (chosen == Choice::kStop) return;
    if (chosen == Choice::kSkip || type == AE_IFDIR) {
      budget.spend(uint64_t(std::max<int64_t>(0, archive_entry_size(entry))));  // it is unpacked even if it is skipped
      continue;
    }
    if (archive_entry_hardlink(entry) || type == AE_IFLNK) {
      throw input_error("{}: '{}' is a link; pack the files themselves (tar --dereference --hard-dereference)",
                        file.string(), name);
    }
    take(std::move(name), read_entry(a.get(), entry, file, SIZE_MAX, budget));
  }
}

void read_tar(const std::filesystem::path& file, const std::function<bool(const std::string&, bool folder)>& want,
              const std::function<void(std::string, Bytes)>& take) {
  read_archive(
      file, [&](const std::string& name, bool folder) { return want(name, folder) ? Choice::kTake : Choice::kSkip; },
      take);
}

Bytes read_bytes(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  const auto* first = reinterpret_cast<const uint8_t*>(mapped.bytes().data());
  return {first, first + mapped.bytes().size()};
}

Bytes read_maybe_gzip(const std::filesystem::path& file, size_t limit) {
  const Archive a(archive_read_new(), archive_read_free);
  archive_read_support_format_raw(a.get());
  archive_read_support_format_empty(a.get());
  archive_read_support_filter_gzip(a.get());
  open(a.get(), file);
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(a.get(), &entry);
  if (status == ARCHIVE_EOF) return {};  // an empty file
  if (status != ARCHIVE_OK) fail(a.get(), file);
  Budget budget(file);
  return read_entry(a.get(), entry, file, limit, budget);
}

}  // namespace spikemix
