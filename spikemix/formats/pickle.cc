// SPDX-License-Identifier: MIT
#include "spikemix/formats/pickle.h"

#include <algorithm>
#include <unordered_map>

#include "spikemix/base/error.h"

namespace spikemix {

using Kind = PickleValue::Kind;

const PickleValue* PickleValue::find(std::string_view key) const {
  if (kind != Kind::kDict) return nullptr;
  for (size_t i = items.size(); i >= 2; i -= 2) {
    if (items[i - 2]->kind == Kind::kString && items[i - 2]->text == key) return items[i - 1];
  }
  return nullptr;
}

bool PickleValue::is_global(std::string_view module, std::string_view name) const {
  return kind == Kind::kGlobal && items[0]->text == module && items[1]->text == name;
}

/// The pickle virtual machine: a stack of values, marks in it, and a memo of values by number.
class Unpickler {
 public:
  Unpickler(Pickle& pickle, std::span<const std::byte> bytes, const std::string& where)
      : pickle_(pickle), bytes_(bytes), where_(where) {}

  const PickleValue* run();

 private:
  InputError damaged(const std::string& what) const {
    return input_error("{}, byte {}: {}; damaged, or not written by torch.save?", where_, at_, what);
  }

  // The data after the opcode.
  std::string_view take(uint64_t size) {
    if (size > bytes_.size() - next_)
      throw damaged(fmt::format("wants {} bytes, {} remain", size, bytes_.size() - next_));
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + next_;
    next_ += size;
    return {begin, size_t(size)};
  }
  uint64_t take_number(uint64_t size) {
    uint64_t value = 0;
    const std::string_view bytes = take(size);
    for (size_t i = 0; i < size; ++i) value |= uint64_t(uint8_t(bytes[i])) << (8 * i);
    return value;
  }
  std::string_view take_line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + next_, bytes_.size() - next_);
    const size_t size = rest.find('\n');
    if (size == rest.npos) throw damaged("a name does not end");
    next_ += size + 1;
    return rest.substr(0, size);
  }

  PickleValue* make(PickleValue value) { return &pickle_.values_.emplace_back(std::move(value)); }
  PickleValue* make_string(std::string_view text) { return make({Kind::kString, 0, text, {}}); }
  PickleValue* make_items(Kind kind, std::vector<const PickleValue*> items) {
    return make({kind, 0, {}, std::move(items)});
  }
  PickleValue* make_long(std::string_view little_endian);

  // The stack. Nothing below the last mark may be popped.
  void push(PickleValue* value) { stack_.push_back(value); }
  PickleValue* top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) throw damaged("the stack is empty");
    return stack_.back();
  }
  PickleValue* pop() {
    PickleValue* value = top();
    stack_.pop_back();
    return value;
  }
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) throw damaged("no mark on the stack");
    const auto begin = stack_.begin() + std::ptrdiff_t(marks_.back());
    std::vector<const PickleValue*> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void tuple_of(size_t n) {
    std::vector<const PickleValue*> items(n);
    for (size_t i = n; i-- > 0;) items[i] = pop();
    push(make_items(Kind::kTuple, std::move(items)));
  }

  void call(PickleValue* callable, PickleValue* arguments);
  void extend(Kind kind, const std::vector<const PickleValue*>& items);
  void remember(uint64_t number) { memo_[number] = top(); }
  void recall(uint64_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) throw damaged(fmt::format("no value {} in the memo", number));
    push(found->second);
  }
  void step(uint8_t opcode);

  Pickle& pickle_;
  const std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t at_ = 0, next_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

// Two's complement, any number of bytes.
PickleValue* Unpickler::make_long(std::string_view bytes) {
  if (bytes.size() > 8) return make({});
  uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~uint64_t(0) : 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | uint8_t(bytes[i]);
  return make({Kind::kInt, int64_t(value), {}, {}});
}

void Unpickler::call(PickleValue* callable, PickleValue* arguments) {
  // The only class that matters: state dicts are OrderedDicts, which are made empty and then filled.
  const bool is_dict = callable->is_global("collections", "OrderedDict") && arguments->items.empty();
  push(is_dict ? make_items(Kind::kDict, {}) : make_items(Kind::kCall, {callable, arguments}));
}

// Appends to the list or dict on top. Other objects (defaultdict, deque, ...) also take items: they stay opaque.
void Unpickler::extend(Kind kind, const std::vector<const PickleValue*>& items) {
  if (kind == Kind::kDict && items.size() % 2 != 0) throw damaged("a key has no value");
  PickleValue* target = top();
  if (target->kind == kind) target->items.insert(target->items.end(), items.begin(), items.end());
}

void Unpickler::step(uint8_t opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      if (const uint64_t protocol = take_number(1); protocol < 2 || protocol > 5) {
        throw damaged(fmt::format("pickle protocol {}, expected 2 to 5", protocol));
      }
      return;
    case 0x95:  // FRAME
      take(8);
      return;
    // Constants and containers.
    case 'N':
      return push(make({Kind::kNone, 0, {}, {}}));
    case 0x88:
    case 0x89:
      return push(make({Kind::kBool, opcode == 0x88, {}, {}}));
    case 'J':
      return push(make({Kind::kInt, int32_t(take_number(4)), {}, {}}));
    case 'K':
      return push(make({Kind::kInt, int64_t(take_number(1)), {}, {}}));
    case 'M':
      return push(make({Kind::kInt, int64_t(take_number(2)), {}, {}}));
    case 0x8a:
      return push(make_long(take(take_number(1))));
    case 0x8b:
      return push(make_long(take(take_number(4))));
    case 'G':
      take(8);
      return push(make({}));
    case 0x8c:  // text: SHORT_BINUNICODE, BINUNICODE, BINUNICODE8, and Python 2's SHORT_BINSTRING, BINSTRING
    case 'U':
      return push(make_string(take(take_number(1))));
    case 'X':
    case 'T':
      return push(make_string(take(take_number(4))));
    case 0x8d:
      return push(make_string(take(take_number(8))));
    case 'C':  // bytes
      take(take_number(1));
      return push(make({}));
    case 'B':
      take(take_number(4));
      return push(make({}));
    case 0x8e:
    case 0x96:
      take(take_number(8));
      return push(make({}));
    case ')':
      return push(make_items(Kind::kTuple, {}));
    case 0x85:
    case 0x86:
    case 0x87:
      return tuple_of(opcode - 0x84u);
    case 't':
      return push(make_items(Kind::kTuple, pop_to_mark()));
    case ']':
      return push(make_items(Kind::kList, {}));
    case '}':
      return push(make_items(Kind::kDict, {}));
    case 0x8f:  // EMPTY_SET
      return push(make({}));
    case 0x91:  // FROZENSET
      pop_to_mark();
      return push(make({}));
    // Filling them.
    case 'a': {
      const PickleValue* item = pop();
      return extend(Kind::kList, {item});
    }
    case 'e':
      return extend(Kind::kList, pop_to_mark());
    case 's': {
      const PickleValue *value = pop(), *key = pop();
      return extend(Kind::kDict, {key, value});
    }
    case 'u':
      return extend(Kind::kDict, pop_to_mark());
    case 0x90:  // ADDITEMS
      pop_to_mark();
      top();
      return;
    // Names, and what Python would do with them.
    case 'c': {
      PickleValue *module = make_string(take_line()), *name = make_string(take_line());
      return push(make_items(Kind::kGlobal, {module, name}));
    }
    case 0x93: {  // STACK_GLOBAL
      PickleValue *name = pop(), *module = pop();
      if (module->kind != Kind::kString || name->kind != Kind::kString) throw damaged("a class without a name");
      return push(make_items(Kind::kGlobal, {module, name}));
    }
    case 'Q': {
      PickleValue* id = pop();
      return push(make_items(Kind::kPersistent, {id}));
    }
    case 'R':
    case 0x81: {  // REDUCE, NEWOBJ
      PickleValue *arguments = pop(), *callable = pop();
      return call(callable, arguments);
    }
    case 0x92: {  // NEWOBJ_EX: keyword arguments on top
      pop();
      PickleValue *arguments = pop(), *callable = pop();
      return call(callable, arguments);
    }
    case 'b':  // BUILD: an object's attributes; torch.save uses it only for a state dict's _metadata
      pop();
      top();
      return;
    // Stack and memo.
    case '(':
      marks_.push_back(stack_.size());
      return;
    case '0':
      pop();
      return;
    case '1':
      pop_to_mark();
      return;
    case '2':
      return push(top());
    case 'q':
      return remember(take_number(1));
    case 'r':
      return remember(take_number(4));
    case 0x94:
      return remember(memo_.size());
    case 'h':
      return recall(take_number(1));
    case 'j':
      return recall(take_number(4));
    default:
      throw damaged(fmt::format("pickle opcode 0x{:02x} is unknown here", opcode));
  }
}

const PickleValue* Unpickler::run() {
  for (;;) {
    at_ = next_;
    const uint8_t opcode = uint8_t(take_number(1));
    if (opcode == '.') return pop();
    step(opcode);
  }
}

Pickle::Pickle(std::span<const std::byte> bytes, const std::string& where) {
  root_ = Unpickler(*this, bytes, where).run();
}

}  // namespace spikemix
