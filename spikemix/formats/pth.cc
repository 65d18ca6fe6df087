// SPDX-License-Identifier: MIT
#include "spikemix/formats/pth.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/formats/pickle.h"
#include "spikemix/formats/stored_zip.h"

namespace spikemix {
namespace {

using Bytes = std::span<const std::byte>;
using Kind = PickleValue::Kind;

constexpr std::string_view kStateDictKeys[] = {"state_dict", "model", "model_state_dict", "net", "module"};
// Parts of names that do not name a part of the model.
constexpr std::string_view kWrappers[] = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"};
constexpr int kMaxNesting = 4;  // of dicts around a state dict
// A state dict of 400 tensors takes 80 kB, so this bounds the pickle's values at about 1 GB.
constexpr size_t kMaxPickle = 16 << 20;

// What the pickle says about a tensor: torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...).
struct TensorRecord {
  std::string name;
  DType dtype;
  std::string storage;
  int64_t storage_size, offset;  // in values
  std::vector<int64_t> shape, strides;
};

std::optional<DType> dtype_of_storage(std::string_view name) {
  constexpr std::pair<std::string_view, DType> kStorages[] = {
      {"DoubleStorage", DType::F64},    {"FloatStorage", DType::F32}, {"HalfStorage", DType::F16},
      {"BFloat16Storage", DType::BF16}, {"LongStorage", DType::I64},  {"IntStorage", DType::I32},
      {"ShortStorage", DType::I16},     {"CharStorage", DType::I8},   {"ByteStorage", DType::U8},
      {"BoolStorage", DType::BOOL}};
  for (const auto& [storage, dtype] : kStorages) {
    if (storage == name) return dtype;
  }
  return std::nullopt;
}

bool is_call(const PickleValue& value) { return value.kind == Kind::kCall && value.items[0]->kind == Kind::kGlobal; }

// Anything that torch itself rebuilds from arguments: tensors, parameters, sparse and quantised ones, ...
bool is_tensor(const PickleValue& value) {
  return is_call(value) && value.items[0]->items[0]->text.starts_with("torch") &&
         value.items[0]->items[1]->text.starts_with("_rebuild");
}

// A tuple of whole numbers >= 0.
std::optional<std::vector<int64_t>> numbers(const PickleValue& tuple) {
  if (tuple.kind != Kind::kTuple) return std::nullopt;
  std::vector<int64_t> values;
  for (const PickleValue* item : tuple.items) {
    if (item->kind != Kind::kInt || item->integer < 0) return std::nullopt;
    values.push_back(item->integer);
  }
  return values;
}

TensorRecord tensor_record(std::string name, const PickleValue* value, const std::string& where) {
  const auto damaged = [&](std::string_view what) {
    return input_error("{}: tensor '{}' has {}; damaged, or not written by torch.save?", where, name, what);
  };
  if (value->items[0]->is_global("torch._utils", "_rebuild_parameter")) {
    const PickleValue& arguments = *value->items[1];
    if (arguments.items.empty() || !is_tensor(*arguments.items[0])) throw damaged("no data");
    value = arguments.items[0];
  }
  if (!value->items[0]->is_global("torch._utils", "_rebuild_tensor_v2")) {
    throw input_error("{}: tensor '{}' needs {:?} to be read; save it as a plain tensor of floats or integers", where,
                      name, value->items[0]->items[1]->text);
  }
  const auto& arguments = value->items[1]->items;
  if (arguments.size() < 4 || arguments[0]->kind != Kind::kPersistent) throw damaged("no storage");
  const auto& id = arguments[0]->items[0]->items;  // ("storage", torch.FloatStorage, "0", "cpu", 384)
  if (id.size() != 5 || id[1]->kind != Kind::kGlobal || id[2]->kind != Kind::kString || id[4]->kind != Kind::kInt) {
    throw damaged("no storage");
  }
  const auto dtype = dtype_of_storage(id[1]->items[1]->text);
  if (!dtype) {
    throw input_error("{}: tensor '{}' is a {:?}; save it as a plain tensor of floats or integers", where, name,
                      id[1]->items[1]->text);
  }
  auto shape = numbers(*arguments[2]), strides = numbers(*arguments[3]);
  if (arguments[1]->kind != Kind::kInt || arguments[1]->integer < 0 || !shape || !strides ||
      shape->size() != strides->size()) {
    throw damaged("no shape");
  }
  return {
      std::move(name),    *dtype, std::string(id[2]->text), id[4]->integer, arguments[1]->integer, std::move(*shape),
      std::move(*strides)};
}

struct StateDict {
  std::string key;  // "" at the top level, otherwise the keys that lead to it
  const PickleValue* dict;
  int64_t tensors;
};

// Finds every dict that directly holds tensors. Optimisers' state is keyed by numbers, not names, so it is not reached.
void find_state_dicts(const PickleValue& value, const std::string& key, int depth, std::set<const PickleValue*>& seen,
                      std::vector<StateDict>& found) {
  if (value.kind != Kind::kDict || depth > kMaxNesting || !seen.insert(&value).second) return;
  int64_t tensors = 0;
  for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
    const PickleValue &name = *value.items[i], &item = *value.items[i + 1];
    if (name.kind != Kind::kString) continue;
    tensors += is_tensor(item);
    if (!is_printable(name.text) || name.text.starts_with("optim")) continue;
    find_state_dicts(item, key.empty() ? std::string(name.text) : fmt::format("{}.{}", key, name.text), depth + 1, seen,
                     found);
  }
  if (tensors > 0) found.push_back({key, &value, tensors});
}

// The lowest is taken first: a usual name, any other, an average of the weights.
size_t rank_of(const std::string& key) {
  if (key.find("ema") != key.npos || key.find("averag") != key.npos) return std::size(kStateDictKeys) + 1;
  return size_t(std::ranges::find(kStateDictKeys, std::string_view(key)) - std::begin(kStateDictKeys));
}

InputError no_state_dict(const PickleValue& root, const std::string& where) {
  if (is_call(root)) {
    return input_error("{}: holds a whole {:?}, not its weights: save model.state_dict()", where,
                       root.items[0]->items[1]->text);
  }
  std::vector<std::string> keys;
  for (size_t i = 0; root.kind == Kind::kDict && i < root.items.size() && keys.size() < 8; i += 2) {
    keys.push_back(fmt::format("{:?}", root.items[i]->text));
  }
  return input_error("{}: no tensors at its top level or under {}; its keys: {}", where,
                     fmt::join(kStateDictKeys, ", "), keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", ")));
}

// The one that was asked for, or that is taken first; and the others' keys.
StateDict choose_state_dict(const PickleValue& root, const std::string& asked, std::vector<std::string>& others,
                            const std::string& where) {
  std::vector<StateDict> found;
  std::set<const PickleValue*> seen;
  find_state_dicts(root, "", 0, seen, found);
  if (found.empty()) throw no_state_dict(root, where);
  // A best accuracy next to the state dict may be a tensor, too.
  int64_t most = 0;
  for (const StateDict& dict : found) most = std::max(most, dict.tensors);
  std::erase_if(found, [&](const StateDict& dict) { return 2 * dict.tensors < most; });
  std::ranges::stable_sort(found, {}, [](const StateDict& dict) { return rank_of(dict.key); });
  std::vector<std::string> keys;
  for (const StateDict& dict : found) keys.push_back(dict.key);
  const auto chosen = asked.empty() ? found.begin() : std::ranges::find(found, asked, &StateDict::key);
  if (chosen == found.end()) {
    std::ranges::replace(keys, "", "the top");
    throw input_error("{}: has no weights under '{}', only under {}", where, asked, fmt::join(keys, ", "));
  }
  if (asked.empty() && found.size() > 1 && rank_of(found[0].key) == rank_of(found[1].key)) {
    throw input_error("{}: has several sets of weights: {}; name one with --weights", where, fmt::join(keys, ", "));
  }
  for (const std::string& key : keys) {
    if (key != chosen->key) others.push_back(key);
  }
  return *chosen;
}

// The state dict's tensors, without their bytes.
std::vector<TensorRecord> tensor_records(const PickleValue& state_dict, std::vector<std::string>& skipped,
                                         const std::string& where) {
  const auto& items = state_dict.items;
  std::set<std::string> seen;
  std::vector<TensorRecord> records;
  for (size_t i = 0; i < items.size(); i += 2) {
    if (items[i]->kind != Kind::kString || !is_printable(items[i]->text)) {
      throw input_error("{}: its state dict has a key that is not a name", where);
    }
    std::string name = without_wrappers(items[i]->text);
    if (!seen.insert(name).second) throw input_error("{}: tensor '{}' appears twice", where, name);
    const PickleValue* value = items[i + 1];
    if (is_tensor(*value)) {
      records.push_back(tensor_record(std::move(name), value, where));
    } else {
      skipped.push_back(std::move(name));
    }
  }
  return records;
}

bool is_contiguous(const TensorRecord& record) {
  int64_t expected = 1;
  for (size_t i = record.shape.size(); i-- > 0;) {
    if (record.shape[i] != 1 && record.strides[i] != expected) return false;
    expected *= record.shape[i];
  }
  return true;
}

// Copies any strides into row-major order. bytes: those of the record's shape.
std::vector<std::byte> gather(const TensorRecord& record, Bytes storage, size_t bytes) {
  const size_t item = size_t(size_of(record.dtype));
  std::vector<std::byte> result(bytes);
  std::vector<int64_t> index(record.shape.size(), 0);
  int64_t from = record.offset;
  for (size_t to = 0; to < bytes; to += item) {
    std::memcpy(result.data() + to, storage.data() + size_t(from) * item, item);
    for (size_t axis = index.size(); axis-- > 0;) {
      if (index[axis] + 1 < record.shape[axis]) {
        ++index[axis];
        from += record.strides[axis];
        break;
      }
      from -= record.strides[axis] * index[axis];
      index[axis] = 0;
    }
  }
  return result;
}

// Checks that a record is inside its storage. Returns the bytes of its shape.
int64_t check_bounds(const TensorRecord& record, Bytes storage, const std::string& where) {
  const int64_t values = int64_t(storage.size()) / size_of(record.dtype);
  if (values != record.storage_size) {
    throw input_error("{}: tensor '{}' needs a storage of {} values, {:?} has {}; corrupt file?", where, record.name,
                      record.storage_size, record.storage, values);
  }
  const int64_t bytes = byte_count(record.dtype, record.shape);
  if (bytes == 0) return 0;
  int64_t last = record.offset;
  bool overflow = bytes < 0;
  for (size_t i = 0; i < record.shape.size(); ++i) {
    int64_t reach = 0;
    overflow |= __builtin_mul_overflow(record.shape[i] - 1, record.strides[i], &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  if (overflow || last >= values) {
    throw input_error("{}: tensor '{}' [{}] reaches past the {} values of its storage; corrupt file?", where,
                      record.name, fmt::join(record.shape, ", "), values);
  }
  return bytes;
}

}  // namespace

std::string without_wrappers(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const size_t dot = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
    if (std::ranges::find(kWrappers, part) != std::end(kWrappers) && !name.empty()) continue;
    if (!result.empty()) result += '.';
    result += part;
  }
  return result;
}

PthFile PthFile::open(const std::filesystem::path& path, const std::string& key) {
  const MappedFile file(path);
  return parse(file.bytes(), path.string(), key);
}

PthFile PthFile::parse(Bytes bytes, const std::string& where, const std::string& key) {
  const auto starts_with = [&](std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  refuse_lfs_pointer(bytes, where);
  if (starts_with("\x80")) {
    throw input_error(
        "{}: saved by PyTorch before 1.6: load and save it again with a newer one "
        "(torch.save(torch.load(old), new))",
        where);
  }
  if (!starts_with("PK\x03\x04")) throw input_error("{}: is not a PyTorch checkpoint (not a zip archive)", where);

  PthFile result;
  StoredZip zip(bytes, where);
  std::string root;
  std::vector<std::byte> pickle;
  zip.for_each([&](const std::string& name, const StoredZip::Read& read) {
    if (name.ends_with("/data.pkl") && pickle.empty()) {
      root = name.substr(0, name.size() - std::strlen("data.pkl"));
      pickle = read();
    }
    if (name.ends_with("/byteorder")) {
      const std::vector<std::byte> order = read();
      if (std::string_view(reinterpret_cast<const char*>(order.data()), order.size()) != "little") {
        throw input_error("{}: was saved on a big-endian machine; save it again on a little-endian one", where);
      }
    }
  });
  if (pickle.empty()) throw input_error("{}: is not a PyTorch checkpoint (a zip archive without data.pkl)", where);
  if (pickle.size() > kMaxPickle) {
    throw input_error("{}: its data.pkl has {} bytes, at most {} are read", where, pickle.size(), kMaxPickle);
  }

  const Pickle parsed(pickle, where + ": data.pkl");
  const StateDict state_dict = choose_state_dict(parsed.root(), key, result.others_, where);
  result.key_ = state_dict.key;
  const std::vector<TensorRecord> records = tensor_records(*state_dict.dict, result.skipped_, where);
  std::map<std::string, std::optional<Bytes>> storages;
  for (const TensorRecord& record : records) storages[root + "data/" + record.storage];
  zip.for_each([&](const std::string& name, const StoredZip::Read& read) {
    if (const auto wanted = storages.find(name); wanted != storages.end() && !wanted->second) {
      wanted->second = result.memory_.emplace_back(read());
    }
  });

  uint64_t copied = 0;
  for (const TensorRecord& record : records) {
    const std::optional<Bytes> storage = storages.at(root + "data/" + record.storage);
    if (!storage) {
      throw input_error("{}: tensor '{}': its storage {:?} is not in the file", where, record.name, record.storage);
    }
    const int64_t size = check_bounds(record, *storage, where);
    Bytes data;
    if (size > 0 && is_contiguous(record)) {
      data = storage->subspan(size_t(record.offset * size_of(record.dtype)), size_t(size));
    } else if (size > 0) {
      // An expanded view can repeat its values without end; an honest one is about as large as its file.
      if (uint64_t(size) > 2 * bytes.size() - copied) {
        throw input_error("{}: tensor '{}' [{}] is far larger than its file; save it with .contiguous()", where,
                          record.name, fmt::join(record.shape, ", "));
      }
      copied += uint64_t(size);
      data = result.memory_.emplace_back(gather(record, *storage, size_t(size)));
    }
    result.tensors_.push_back({record.name, {record.dtype, record.shape, data}});
  }
  return result;
}

}  // namespace spikemix
