// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/npz_columns.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "spikemix/events/formats/decompress.h"
#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/zip_directory.h"

namespace spikemix {
namespace {

// The names that others give the columns; the first one is preferred.
constexpr std::array<std::array<std::string_view, 7>, 4> kNames = {
    {{"t", "ts", "time", "times", "timestamp", "timestamps"},
     {"x", "xs"},
     {"y", "ys"},
     {"p", "ps", "pol", "pols", "polarity", "polarities", "on"}}};
constexpr std::string_view kEnding = ".npy";
constexpr size_t kLargestHeader = 1 << 16, kMembersInErrors = 8;

// The place in `names` of the one that is column `column`; nullopt if there is none.
// @param where  precedes the names in the error
std::optional<size_t> find_column(const std::vector<std::string>& names, size_t column, const ByteSource& source,
                                  std::string_view where) {
  std::optional<size_t> found;
  bool twice = false;
  for (const std::string_view wanted : kNames[column]) {
    if (wanted.empty()) break;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != wanted) continue;
      twice |= found.has_value();
      found = found.value_or(i);
    }
    if (found && wanted == kNames[column][0]) break;
  }
  if (twice) throw source.error_at(0, "{}more than one array could be {}, expected one", where, kNames[column][0]);
  return found;
}

// The text before the elements, from the member's start. @throws InputError if it is not a numpy array
std::string read_header(const ByteSource& source, const std::string& name, ZipMember& member) {
  const auto fail = [&](std::string_view what) { return source.error_at(member.byte(), "{}: {}", name, what); };
  std::array<uint8_t, 12> start{};
  const size_t preamble = member.read(std::span(start).first(10));
  if (preamble < 10 || std::memcmp(start.data(), "\x93NUMPY", 6) != 0)
    throw fail("not a numpy array, expected '\\x93NUMPY'");
  size_t length = load_little_endian<uint16_t>(&start[8]);
  if (start[6] > 1) {  // version 2 and 3: four bytes for the length
    if (member.read(std::span(start).subspan(10)) < 2) throw fail("ends within its header");
    length = load_little_endian<uint32_t>(&start[8]);
  }
  if (length > kLargestHeader)
    throw fail(fmt::format("header of {} bytes, expected {} at most", length, kLargestHeader));
  std::string text(length, '\0');
  if (member.read({reinterpret_cast<uint8_t*>(text.data()), length}) < length) throw fail("ends within its header");
  return text;
}

NpzArray open_array(const ByteSource& source, const ZipEntry& entry) {
  ZipMember member(source, entry);
  std::string text = read_header(source, entry.name, member);
  if (auto header = parse_npy_header(text)) return {entry.name, std::move(member), std::move(*header)};
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace_if(
      text, [](char c) { return c < ' '; }, '?');
  throw source.error_at(member.byte(),
                        "{}: array {}, expected one dimension of numbers, or of records with the fields t, x, y, p",
                        entry.name, text.substr(0, 200));
}

// Four arrays, one for each column.
NpzColumns take_arrays(const ByteSource& source, const std::array<const ZipEntry*, 4>& entries) {
  NpzColumns found;
  for (size_t i = 0; i < entries.size(); ++i) {
    NpzArray array = open_array(source, *entries[i]);
    NpyField field = array.header.fields[0];
    if (!field.name.empty() || field.kind == NpyField::kOther) {
      throw source.error_at(array.member.byte(),
                            "{}: its elements are not numbers, expected integers or floats of 32 or 64 bits",
                            array.name);
    }
    if (i > 0 && array.header.length != found.arrays[0].header.length) {
      throw source.error_at(array.member.byte(), "{} has {} elements, expected {} as {}", array.name,
                            array.header.length, found.arrays[0].header.length, found.arrays[0].name);
    }
    field.name = array.name.substr(0, array.name.size() - kEnding.size());
    found.columns[i] = {i, field};
    found.arrays.push_back(std::move(array));
  }
  return found;
}

// The fields of an array of records; nullopt, and the first column that is missing, if these are other records.
std::optional<NpzColumns> take_records(const ByteSource& source, NpzArray array, std::string_view& missing) {
  NpzColumns found;
  std::vector<std::string> names;
  for (const NpyField& field : array.header.fields) {
    names.push_back(field.kind == NpyField::kOther ? std::string() : field.name);
  }
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto place = find_column(names, i, source, array.name + ": ");
    if (!place) return missing = kNames[i][0], std::nullopt;
    found.columns[i] = {0, array.header.fields[*place]};
  }
  found.arrays.push_back(std::move(array));
  return found;
}

// Arrays of other types do not matter: what cannot be opened is not one of ours.
std::optional<NpzColumns> find_records(const ByteSource& source, const std::vector<ZipEntry>& entries) {
  std::optional<NpzColumns> found;
  for (const ZipEntry& entry : entries) {
    std::string_view missing;
    std::optional<NpzColumns> records;
    try {
      records = take_records(source, open_array(source, entry), missing);
    } catch (const InputError&) {
      if (entries.size() == 1) throw;
      continue;
    }
    if (!records && entries.size() == 1) {
      throw source.error_at(entry.header,
                            "{} has no field {}; expected records of t, x, y, p, or t.npy, x.npy, y.npy, p.npy",
                            entry.name, missing);
    }
    if (records && found) {
      throw source.error_at(entry.header, "{} and {} both hold records of t, x, y, p; expected one of them",
                            found->arrays[0].name, entry.name);
    }
    if (records) found = std::move(records);
  }
  return found;
}

void check_size(const ByteSource& source, const NpzColumns& columns) {
  uint64_t bytes = 0;
  for (const NpzArray& array : columns.arrays)
    bytes += array.header.length * array.header.element;  // 2^48 * 2^16 at most
  const uint64_t packed = source.input()->size().value_or(0);
  if (is_bomb(packed, bytes)) {
    throw source.error_at(0, "{} bytes that become {}: an archive bomb, not a recording", packed, bytes);
  }
}

}  // namespace

NpzColumns find_npz_columns(const ByteSource& source) {
  std::vector<ZipEntry> entries = read_zip_directory(source);
  std::string members;
  for (size_t i = 0; i < entries.size() && i < kMembersInErrors; ++i) members += (i > 0 ? ", " : "") + entries[i].name;
  if (entries.size() > kMembersInErrors) members += fmt::format(" and {} more", entries.size() - kMembersInErrors);
  std::erase_if(entries, [](const ZipEntry& entry) { return !entry.name.ends_with(kEnding); });

  std::vector<std::string> names;
  for (const ZipEntry& entry : entries) names.push_back(entry.name.substr(0, entry.name.size() - kEnding.size()));
  const auto has = [&](const auto& columns) { return std::ranges::count(names, columns[0]) > 0; };
  std::optional<NpzColumns> found;
  // Arrays with the exact names take precedence over records, and records over arrays with similar names.
  if (!std::ranges::all_of(kNames, has) && !entries.empty()) found = find_records(source, entries);
  if (!found) {
    std::array<const ZipEntry*, 4> four{};
    std::string missing;
    for (size_t i = 0; i < four.size(); ++i) {
      const auto place = find_column(names, i, source, "");
      if (place) four[i] = &entries[*place];
      if (!place) missing += fmt::format("{}{}.npy", missing.empty() ? "" : ", ", kNames[i][0]);
    }
    if (!missing.empty()) {
      throw source.error_at(0, "zip archive of {}; expected also {}", members.empty() ? "nothing" : members, missing);
    }
    found = take_arrays(source, four);
  }
  check_size(source, *found);
  return std::move(*found);
}

}  // namespace spikemix
