// SPDX-License-Identifier: MIT
#include "spikemix/formats/safetensors.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/base/text.h"

namespace spikemix {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr size_t kMostDimensions = 64;        // of torch
constexpr char kDamaged[] = "incomplete download or corrupt file?";

uint64_t read_u64(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= uint64_t(bytes[i]) << (8 * i);
  return value;
}

std::optional<DType> dtype_named(const std::string& name) {
  for (int i = 0; i <= int(DType::BOOL); ++i) {
    if (name == name_of(DType(i))) return DType(i);
  }
  return std::nullopt;
}

// The header as JSON: at most three levels, and no key that would break an error's single line.
json parse_header(std::span<const std::byte> text, const std::string& where) {
  const json header =
      parse_json({reinterpret_cast<const char*>(text.data()), text.size()}, where + ": its header", /*depth=*/3);
  if (!header.is_object()) throw input_error("{}: its header is not a JSON object; is it a safetensors file?", where);
  for (const auto& [name, value] : header.items()) {
    if (!is_printable(name)) {
      throw input_error("{}: its header has a name with a control character; {}", where, kDamaged);
    }
  }
  return header;
}

// A list of whole numbers >= 0, or nothing.
std::optional<std::vector<int64_t>> numbers(const json& entry, const char* key) {
  const auto list = entry.find(key);
  if (list == entry.end() || !list->is_array()) return std::nullopt;
  std::vector<int64_t> values;
  for (const json& item : *list) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > uint64_t(INT64_MAX)) return std::nullopt;
    values.push_back(item.get<int64_t>());
  }
  return values;
}

struct Entry {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  int64_t begin, end;
};

Entry parse_entry(const std::string& name, const json& value, const std::string& where) {
  const auto damaged = [&](const std::string& what) {
    return input_error("{}: tensor '{}' {}; {}", where, shortened(name), what, kDamaged);
  };
  if (!value.is_object()) throw damaged("has no dtype, shape and data_offsets");
  const auto dtype_name = value.find("dtype");
  if (dtype_name == value.end() || !dtype_name->is_string()) throw damaged("has no dtype");
  const auto dtype = dtype_named(dtype_name->get<std::string>());
  if (!dtype) {
    throw input_error("{}: tensor '{}' is of type {:?}, expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL",
                      where, shortened(name), shortened(dtype_name->get<std::string>()));
  }
  auto shape = numbers(value, "shape");
  if (!shape) throw damaged("has no shape of whole numbers");
  if (shape->size() > kMostDimensions) {
    throw damaged(fmt::format("has {} dimensions, expected {} at most", shape->size(), kMostDimensions));
  }
  const auto offsets = numbers(value, "data_offsets");
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1]) {
    throw damaged("has no data_offsets [begin, end]");
  }
  const int64_t begin = (*offsets)[0], end = (*offsets)[1], expected = byte_count(*dtype, *shape);
  if (end - begin != expected) {
    throw damaged(fmt::format("has {} bytes, but {} [{}] needs {}", end - begin, name_of(*dtype),
                              fmt::join(*shape, ", "), expected < 0 ? "more than 2^63" : std::to_string(expected)));
  }
  return {name, *dtype, std::move(*shape), begin, end};
}

}  // namespace

SafeTensors SafeTensors::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  SafeTensors result = parse(file->bytes(), path.string());
  result.file_ = std::move(file);
  return result;
}

SafeTensors SafeTensors::parse(std::span<const std::byte> bytes, const std::string& where) {
  refuse_lfs_pointer(bytes, where);
  if (bytes.size() < 8) throw input_error("{}: has {} bytes; is it a safetensors file?", where, bytes.size());
  const uint64_t header_size = read_u64(bytes);
  if (header_size > kMaxHeader) {
    throw input_error("{}: claims a header of {} bytes, at most {} are allowed; is it a safetensors file?", where,
                      header_size, kMaxHeader);
  }
  if (header_size > bytes.size() - 8) {
    throw input_error("{}: header of {} bytes, {} remain; {}", where, header_size, bytes.size() - 8, kDamaged);
  }
  const json header = parse_header(bytes.subspan(8, header_size), where);
  const std::span<const std::byte> data = bytes.subspan(8 + header_size);

  SafeTensors result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(parse_entry(name, value, where));
      continue;
    }
    if (!value.is_object()) throw input_error("{}: its __metadata__ is not a JSON object", where);
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) throw input_error("{}: metadata '{}' is not text", where, shortened(key));
      result.metadata_[key] = text.get<std::string>();
    }
  }

  // Adjacent from the first byte to the last: an overlap or a gap is a mistake, or an attack.
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  int64_t position = 0;
  for (Entry& entry : entries) {
    if (entry.begin != position) {
      throw input_error("{}: tensor '{}' begins at byte {} of the data, expected {}; {}", where, shortened(entry.name),
                        entry.begin, position, kDamaged);
    }
    if (uint64_t(entry.end) > data.size()) {
      throw input_error("{}: tensor '{}' ends at byte {} of the data, {} are there; {}", where, shortened(entry.name),
                        entry.end, data.size(), kDamaged);
    }
    position = entry.end;
    result.names_.push_back(entry.name);
    result.tensors_.emplace(std::move(entry.name),
                            TensorView{entry.dtype, std::move(entry.shape),
                                       data.subspan(size_t(entry.begin), size_t(entry.end - entry.begin))});
  }
  if (uint64_t(position) != data.size()) {
    throw input_error("{}: its tensors have {} bytes, the file holds {}; {}", where, position, data.size(), kDamaged);
  }
  return result;
}

void SafeTensors::release(const TensorView& tensor) const {
  if (file_) file_->release(tensor.data);
}

const TensorView* SafeTensors::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

namespace {

// The header before the tensors' bytes, and the order of the tensors: larger types first.
struct Layout {
  std::string head;
  std::vector<const NamedTensor*> order;
};

Layout layout_of(std::span<const NamedTensor> tensors, const std::map<std::string, std::string>& metadata) {
  Layout layout;
  for (const NamedTensor& tensor : tensors) layout.order.push_back(&tensor);
  std::ranges::stable_sort(layout.order, std::greater<>(),
                           [](const NamedTensor* t) { return size_of(t->tensor.dtype); });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t position = 0;
  for (const NamedTensor* item : layout.order) {
    const auto& [name, tensor] = *item;
    if (byte_count(tensor.dtype, tensor.shape) != int64_t(tensor.data.size()) || header.contains(name)) {
      throw std::logic_error(fmt::format("safetensors: '{}' appears twice, or its {} bytes are not {} [{}]", name,
                                         tensor.data.size(), name_of(tensor.dtype), fmt::join(tensor.shape, ", ")));
    }
    header[name] = {{"dtype", name_of(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {position, position + tensor.data.size()}}};
    position += tensor.data.size();
  }
  std::string text = json_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = char(uint64_t(text.size()) >> (8 * i) & 0xff);
  layout.head = length + text;
  return layout;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const Layout layout = layout_of(tensors, metadata);
  AtomicFile file(path);
  file.write(layout.head);
  for (const NamedTensor* item : layout.order) file.write(item->tensor.data);
  file.commit();
}

std::vector<std::byte> safetensors_bytes(std::span<const NamedTensor> tensors,
                                         const std::map<std::string, std::string>& metadata) {
  const Layout layout = layout_of(tensors, metadata);
  const auto head = std::as_bytes(std::span(layout.head));
  std::vector<std::byte> bytes(head.begin(), head.end());
  for (const NamedTensor* item : layout.order)
    bytes.insert(bytes.end(), item->tensor.data.begin(), item->tensor.data.end());
  return bytes;
}

std::string model_config_text(const SafeTensors& file, const std::filesystem::path& path) {
  if (const auto own = file.metadata().find("spikemix"); own != file.metadata().end()) return own->second;
  const std::filesystem::path beside = path.parent_path() / "config.json";
  if (std::filesystem::is_regular_file(beside)) return read_file(beside);
  throw input_error("{}: no 'spikemix' in its metadata and no '{}' beside it: the model's config is missing",
                    path.string(), beside.string());
}

}  // namespace spikemix
