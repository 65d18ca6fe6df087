// SPDX-License-Identifier: MIT
#include "spikemix/formats/pth.h"

#include <cstring>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"
#include "spikemix/base/rng.h"

// tests/test_files.py reads files written by torch.save itself. Here the bytes are assembled by hand, so that they can
// be wrong in every way.
namespace spikemix {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Entries = std::vector<std::pair<std::string, std::string>>;

std::string zip_of(const Entries& entries) {
  std::string zip(1 << 14, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_set_options(writer, "zip:compression=store");
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open_memory(writer, zip.data(), zip.size(), &used);
  for (const auto& [name, bytes] : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, int64_t(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(writer, entry);
    archive_write_data(writer, bytes.data(), bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  zip.resize(used);
  return zip;
}

// A pickle assembler.
std::string text(const std::string& s) { return "X" + std::string{char(s.size()), 0, 0, 0} + s; }
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
std::string number(int64_t n) {  // LONG1 of 8 bytes
  std::string code = "\x8a\x08";
  for (int i = 0; i < 8; ++i) code += char(uint64_t(n) >> (8 * i) & 0xff);
  return code;
}
std::string tuple(const std::vector<int64_t>& values) {
  std::string code = "(";
  for (const int64_t value : values) code += number(value);
  return code + "t";
}
struct Tensor {
  std::vector<int64_t> shape, strides;
  int64_t offset = 0;
  std::string storage = "FloatStorage", key = "0";
  int64_t storage_size = 6;
};
std::string tensor(const Tensor& t) {
  return global("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") + global("torch", t.storage) +
         text(t.key) + text("cpu") + number(t.storage_size) + "tQ" + number(t.offset) + tuple(t.shape) +
         tuple(t.strides) + "\x89" + global("collections", "OrderedDict") + ")RtR";
}
std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string code = global("collections", "OrderedDict") + ")R(";
  for (const auto& [key, value] : items) code += text(key) + value;
  return code + "u";
}
std::string pickle(const std::string& code) { return "\x80\x02" + code + "."; }

constexpr float kStorage[] = {0, 1, 2, 3, 4, 5};
std::string storage_bytes() { return std::string(reinterpret_cast<const char*>(kStorage), sizeof(kStorage)); }
std::string pth_of(const std::string& code) {
  return zip_of({{"m/data.pkl", pickle(code)}, {"m/byteorder", "little"}, {"m/data/0", storage_bytes()}});
}
PthFile parse(const std::string& file) { return PthFile::parse(std::as_bytes(std::span(file)), "m.pth"); }
std::vector<float> values_of(const NamedTensor& tensor) {
  std::vector<float> values(tensor.tensor.data.size() / 4);
  if (!values.empty()) std::memcpy(values.data(), tensor.tensor.data.data(), tensor.tensor.data.size());
  return values;
}

TEST(Pth, ReadsViewsOfOneStorage) {
  const PthFile file = parse(pth_of(dict({{"w", tensor({{2, 3}, {3, 1}})},
                                          {"transposed", tensor({{3, 2}, {1, 3}})},
                                          {"tail", tensor({{2}, {1}, 4})},
                                          {"scalar", tensor({{}, {}, 5})},
                                          {"expanded", tensor({{2, 2}, {0, 4}, 1})},
                                          {"none", tensor({{0, 3}, {3, 1}})},
                                          {"extra", "N"}})));
  std::vector<std::string> names;
  for (const NamedTensor& t : file.tensors()) names.push_back(t.name);
  ASSERT_THAT(names, ElementsAre("w", "transposed", "tail", "scalar", "expanded", "none"));
  EXPECT_THAT(values_of(file.tensors()[0]), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(values_of(file.tensors()[1]), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(file.tensors()[1].tensor.shape, ElementsAre(3, 2));
  EXPECT_THAT(values_of(file.tensors()[2]), ElementsAre(4, 5));
  EXPECT_THAT(values_of(file.tensors()[3]), ElementsAre(5));
  EXPECT_THAT(values_of(file.tensors()[4]), ElementsAre(1, 5, 1, 5));
  EXPECT_THAT(values_of(file.tensors()[5]), ElementsAre());
  EXPECT_THAT(file.skipped(), ElementsAre("extra"));
}

std::vector<std::string> names_in(const PthFile& file) {
  std::vector<std::string> names;
  for (const NamedTensor& t : file.tensors()) names.push_back(t.name);
  return names;
}

TEST(Pth, DropsWrappersWhereverTheyAre) {
  const std::string w = tensor({{2}, {1}});
  for (const std::string before : {"", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."}) {
    const PthFile file = parse(pth_of(dict({{before + "block.0.w", w}, {before + "block._orig_mod.1.w", w}})));
    EXPECT_THAT(names_in(file), ElementsAre("block.0.w", "block.1.w")) << before;
  }
  EXPECT_THAT(names_in(parse(pth_of(dict({{"module", w}, {"modules.w", w}})))), ElementsAre("module", "modules.w"));
  EXPECT_THAT(
      [&] {
        parse(pth_of(dict({{"a.w", w}, {"module.a.w", w}})));
      },
      ThrowsMessage<InputError>(HasSubstr("tensor 'a.w' appears twice")));
}

TEST(Pth, TakesTheUsualDictAndNamesTheOthers) {
  const std::string model = dict({{"a", tensor({{2}, {1}})}, {"b", tensor({{2}, {1}})}});
  const std::string average =
      dict({{"a", tensor({{2}, {1}, 2})}, {"b", tensor({{2}, {1}})}, {"c", tensor({{2}, {1}})}});
  const std::string best = tensor({{}, {}, 1});
  const auto key_of = [](const std::string& file, const std::string& key = "") {
    return PthFile::parse(std::as_bytes(std::span(file)), "m.pth", key).key();
  };
  EXPECT_EQ(key_of(pth_of(dict({{"state_dict_ema", average}, {"state_dict", model}, {"best", best}}))), "state_dict");
  EXPECT_THAT(parse(pth_of(dict({{"state_dict_ema", average}, {"state_dict", model}}))).others(),
              ElementsAre("state_dict_ema"));
  EXPECT_EQ(key_of(pth_of(dict({{"state_dict_ema", average}, {"state_dict", model}})), "state_dict_ema"),
            "state_dict_ema");
  EXPECT_EQ(key_of(pth_of(dict({{"ema", dict({{"module", average}})}}))), "ema.module");
  EXPECT_EQ(key_of(pth_of(dict({{"checkpoint", dict({{"weights", model}})}}))), "checkpoint.weights");
  EXPECT_EQ(key_of(pth_of(dict({{"best_acc", best}, {"net", model}, {"optimizer", dict({{"x", average}})}}))), "net");
  EXPECT_THAT(
      [&] {
        key_of(pth_of(dict({{"student", model}, {"teacher", model}})));
      },
      ThrowsMessage<InputError>(HasSubstr("several sets of weights: student, teacher; name one")));
  EXPECT_THAT(
      [&] {
        key_of(pth_of(dict({{"net", model}})), "nett");
      },
      ThrowsMessage<InputError>(HasSubstr("no weights under 'nett', only under net")));
}

TEST(Pth, NamesTheFault) {
  const auto with = [](const Tensor& t) { return pth_of(dict({{"w", tensor(t)}})); };
  const std::string good = with({{2, 3}, {3, 1}});
  ASSERT_EQ(parse(good).tensors().size(), 1u);
  constexpr int64_t kHuge = int64_t(1) << 40, kMax = INT64_MAX;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "is not a PyTorch checkpoint (not a zip archive)"},
      {"\x80\x02\x8a\x0al\xfc\x9c"
       "F\xf9 j\xa8P\x19.",
       "saved by PyTorch before 1.6"},
      {good.substr(0, good.size() / 2), "damaged zip archive"},
      {zip_of({{"m/readme", "text"}}), "without data.pkl"},
      {zip_of({{"m/data.pkl", pickle("}")}, {"m/byteorder", "big"}}), "big-endian"},
      {pth_of(global("models", "Spikformer") + ")R"), "holds a whole \"Spikformer\", not its weights"},
      {pth_of(dict({{"epoch", "K\x03"}, {"weights", "}"}})), "no tensors at its top level or under state_dict, model"},
      {pth_of(dict({{"epoch", "K\x03"}, {"weights", "}"}})), "its keys: \"epoch\", \"weights\""},
      {pth_of("K\x03"), "its keys: none"},
      {pth_of(dict({{"w\n", tensor({{2}, {1}})}})), "a key that is not a name"},
      {pth_of(dict({{"w", tensor({{2}, {1}})}, {"w", tensor({{2}, {1}})}})), "tensor 'w' appears twice"},
      {pth_of(dict({{"w", global("torch._utils", "_rebuild_sparse_tensor") + ")R"}})),
       "tensor 'w' needs \"_rebuild_sparse_tensor\""},
      {pth_of(dict({{"w", global("torch._utils", "_rebuild_tensor_v2") + ")R"}})), "tensor 'w' has no storage"},
      {pth_of(dict({{"w", global("torch._utils", "_rebuild_parameter") + ")R"}})), "tensor 'w' has no data"},
      {with({{2}, {1}, 0, "ComplexFloatStorage"}), "tensor 'w' is a \"ComplexFloatStorage\""},
      {with({{2}, {1}, 0, "FloatStorage", "1"}), "tensor 'w': its storage \"1\" is not in the file"},
      {with({{2}, {1}, 0, "FloatStorage", "0", 7}), "tensor 'w' needs a storage of 7 values, \"0\" has 6"},
      {with({{2}, {1, 1}}), "tensor 'w' has no shape"},
      {with({{-2}, {1}}), "tensor 'w' has no shape"},
      {with({{2}, {1}, -1}), "tensor 'w' has no shape"},
      {with({{2}, {1}, 5}), "tensor 'w' [2] reaches past the 6 values of its storage"},
      {with({{2, 3}, {4, 1}}), "tensor 'w' [2, 3] reaches past the 6 values"},
      {with({{kHuge, kHuge}, {0, 0}}), "reaches past the 6 values"},
      {with({{3, 2}, {kMax, 1}}), "reaches past the 6 values"},
      {with({{kHuge}, {0}}), "tensor 'w' [1099511627776] is far larger than its file"},
  };
  for (const auto& [file, message] : cases) {
    EXPECT_THAT([&] { parse(file); }, ThrowsMessage<InputError>(AllOf(HasSubstr("m.pth: "), HasSubstr(message))));
  }
  // The stride of an axis with one value means nothing, however large it is.
  EXPECT_THAT(values_of(parse(with({{1, 2}, {kMax, 3}})).tensors()[0]), ElementsAre(0, 3));
}

TEST(Pth, NamesTheOpcodeThatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x80\x01.", "pickle protocol 1"},
      {pickle("X\xff\xff\xff\x7f"), "byte 2: wants 2147483647 bytes, 1 remain"},
      {pickle(""), "the stack is empty"},
      {pickle("("), "the stack is empty"},
      {pickle("u"), "no mark"},
      {pickle("}(K\x01u"), "a key has no value"},
      {pickle("h\x05"), "no value 5 in the memo"},
      {pickle("cos\nsystem"), "a name does not end"},
      {pickle("NN\x93"), "a class without a name"},
      {pickle("I01\n"), "pickle opcode 0x49 is unknown here"},
  };
  for (const auto& [code, message] : cases) {
    EXPECT_THAT(
        [&] {
          parse(zip_of({{"m/data.pkl", code}}));
        },
        ThrowsMessage<InputError>(AllOf(HasSubstr("m.pth: data.pkl, byte "), HasSubstr(message))));
  }
}

// Damaged files are refused in one line, or give tensors whose bytes can be read.
void expect_refused_or_whole(const std::string& file, uint64_t mutation, int& taken) {
  try {
    const PthFile pth = parse(file);
    for (const NamedTensor& tensor : pth.tensors()) {
      ASSERT_EQ(int64_t(tensor.tensor.data.size()), byte_count(tensor.tensor.dtype, tensor.tensor.shape));
      ASSERT_LE(tensor.tensor.data.size(), 2 * file.size()) << "mutation " << mutation;
      values_of(tensor);  // for the sanitizers
    }
    ++taken;
  } catch (const InputError& error) {
    ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos)
        << "mutation " << mutation << ": " << error.what();
  }
}

TEST(Pth, DamagedIsRefusedOrWhole) {
  const std::string code = pickle(
      dict({{"epoch", "K\x03"},
            {"args", global("argparse", "Namespace") + ")\x81}" + text("lr") + "Nsb"},
            {"state_dict",
             dict({{"w", tensor({{2, 3}, {3, 1}})}, {"t", tensor({{3, 2}, {1, 3}})}, {"n", tensor({{}, {}, 1})}})}}));
  const std::string good = pth_of(code.substr(2, code.size() - 3));
  int taken = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    Rng rng(/*seed=*/2, Rng::Purpose::kTest, i);
    const bool whole_archive = rng.coin(0.3);  // otherwise the pickle alone, under a correct checksum
    std::string bytes = whole_archive ? good : code;
    for (uint64_t edits = 1 + rng.below(3); edits > 0 && !bytes.empty(); --edits) {
      const size_t at = rng.below(bytes.size());
      switch (rng.below(4)) {
        case 0:
          bytes[at] = char(rng.bits());
          break;
        case 1:
          bytes[at] = "()]}.tQRbuse012aNJKqh\x85\x86\x87\x88\x8a\x81\x93\x94"[rng.below(29)];
          break;
        case 2:
          bytes.insert(at, bytes.substr(rng.below(bytes.size()), rng.below(40)));
          break;
        case 3:
          bytes.erase(at, rng.below(40));
          break;
      }
    }
    if (!whole_archive) {
      bytes = zip_of({{"m/data.pkl", bytes}, {"m/byteorder", "little"}, {"m/data/0", storage_bytes()}});
    }
    expect_refused_or_whole(bytes, i, taken);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(taken, 100);
  EXPECT_LT(taken, 3000);
}

}  // namespace
}  // namespace spikemix
