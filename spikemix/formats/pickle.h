// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix {

/// A value from a Python pickle. Classes and functions are only names: nothing is ever imported, called or built, so a
/// hostile file is as harmless as any other.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,        // integer
    kInt,         // integer
    kString,      // text
    kTuple,       // items
    kList,        // items
    kDict,        // items: key, value, key, value, ...
    kGlobal,      // items: module, name
    kPersistent,  // items: the id by which torch.save refers to a storage
    kCall,        // items: what would be called, its arguments
    kOther,       // a float, bytes, a set, an integer of more than 64 bits
  };
  Kind kind = Kind::kOther;
  int64_t integer = 0;
  std::string_view text;  // inside the pickle's own bytes
  std::vector<const PickleValue*> items;

  /// A dict's value for that key, the last one if the key appears twice; nullptr if there is none.
  const PickleValue* find(std::string_view key) const;
  bool is_global(std::string_view module, std::string_view name) const;
};

/// Reads a pickle's value from the opcodes of protocols 2 to 5 that torch.save writes.
/// Memory: at most about 60 bytes for each byte of the pickle.
class Pickle {
 public:
  /// `bytes` must outlive it. @throws InputError naming the byte
  Pickle(std::span<const std::byte> bytes, const std::string& where);
  const PickleValue& root() const { return *root_; }

 private:
  friend class Unpickler;
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
};

}  // namespace spikemix
