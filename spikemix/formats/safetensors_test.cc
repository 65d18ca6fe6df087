// SPDX-License-Identifier: MIT
#include "spikemix/formats/safetensors.h"

#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/rng.h"

namespace spikemix {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A file with this header, which anyone could write.
std::string file_with(const std::string& header, size_t data_bytes) {
  std::string file(8, '\0');
  for (size_t i = 0; i < 8; ++i) file[i] = char(header.size() >> (8 * i) & 0xff);
  return file + header + std::string(data_bytes, 'd');
}

SafeTensors parsed(const std::string& file) { return SafeTensors::parse(bytes_of(file), "m.safetensors"); }

class SafeTensorsFile : public ::testing::Test {
 protected:
  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(SafeTensorsFile, ComesBackAsWritten) {
  const std::vector<float> weight = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> steps = {7};
  const std::vector<uint8_t> flags = {1, 0, 1};
  const std::vector<NamedTensor> tensors = {
      {"flags", {DType::U8, {3}, std::as_bytes(std::span(flags))}},
      {"weight", {DType::F32, {2, 3}, std::as_bytes(std::span(weight))}},
      {"steps", {DType::I64, {}, std::as_bytes(std::span(steps))}},
      {"none", {DType::F32, {0, 4}, {}}},
  };
  const fs::path path = folder_ / "model.safetensors";
  write_safetensors(path, tensors, {{"format", "pt"}, {"spikemix", R"({"name": "Katze \u00fc"})"}});

  const std::vector<std::byte> in_memory =
      safetensors_bytes(tensors, {{"format", "pt"}, {"spikemix", R"({"name": "Katze \u00fc"})"}});
  EXPECT_TRUE(std::ranges::equal(in_memory, bytes_of(read_file(path))));

  const SafeTensors file = SafeTensors::open(path);
  // Larger types first: each tensor is aligned to its type, because the data begin at a multiple of 8.
  EXPECT_THAT(file.names(), ElementsAre("steps", "weight", "none", "flags"));
  for (const NamedTensor& want : tensors) {
    const TensorView* got = file.find(want.name);
    ASSERT_NE(got, nullptr) << want.name;
    EXPECT_EQ(got->dtype, want.tensor.dtype);
    EXPECT_EQ(got->shape, want.tensor.shape);
    EXPECT_TRUE(std::ranges::equal(got->data, want.tensor.data)) << want.name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(got->data.data()) % size_t(size_of(got->dtype)), 0u) << want.name;
  }
  EXPECT_EQ(file.find("bias"), nullptr);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(model_config_text(file, path), R"({"name": "Katze \u00fc"})");

  const std::string first = read_file(path);
  write_safetensors(path, tensors, file.metadata());
  EXPECT_EQ(read_file(path), first);
}

TEST_F(SafeTensorsFile, WithoutOurMetadataTakesConfigJsonBesideIt) {
  const fs::path path = folder_ / "model.safetensors";
  write_safetensors(path, {}, {});
  const SafeTensors file = SafeTensors::open(path);
  EXPECT_THAT(
      [&] { model_config_text(file, path); },
      ThrowsMessage<InputError>(AllOf(HasSubstr("model.safetensors: no 'spikemix'"), HasSubstr("config.json"))));
  write_file_atomically(folder_ / "config.json", "{}");
  EXPECT_EQ(model_config_text(file, path), "{}");
}

TEST_F(SafeTensorsFile, RefusesToWriteMismatchedTensors) {
  const NamedTensor short_one{"weight", {DType::F32, {2}, {}}}, twice{"none", {DType::F32, {0}, {}}};
  EXPECT_THROW(write_safetensors(folder_ / "m", std::vector{short_one}, {}), std::logic_error);
  EXPECT_THROW(write_safetensors(folder_ / "m", std::vector{twice, twice}, {}), std::logic_error);
  EXPECT_FALSE(fs::exists(folder_ / "m"));
}

TEST(SafeTensors, NamesTheFault) {
  const auto entry = [](const char* dtype, const char* shape, int64_t begin, int64_t end) {
    return fmt::format(R"({{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", dtype, shape, begin, end);
  };
  const std::string w = R"({"w":)", good = w + entry("F32", "[2]", 0, 8) + "}";
  EXPECT_EQ(parsed(file_with(good, 8)).find("w")->data.size(), 8u);
  EXPECT_EQ(parsed(file_with(good + "     ", 8)).names().size(), 1u);  // padded, as the format requires

  const auto shape_of = [](size_t dimensions) {
    return fmt::format("[{}]", fmt::join(std::vector<int>(dimensions, 1), ","));
  };
  EXPECT_EQ(parsed(file_with(w + entry("F32", shape_of(64).c_str(), 0, 4) + "}", 4)).find("w")->shape.size(), 64u);
  const std::string long_name(100'000, 'n');

  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "has 0 bytes"},
      {"PK\3\4 a zip file", "claims a header of"},
      {file_with(good, 8).substr(0, 40), "header of 54 bytes, 32 remain; incomplete download"},
      {file_with(good, 7), "tensor 'w' ends at byte 8 of the data, 7 are there; incomplete download"},
      {file_with(good, 9), "its tensors have 8 bytes, the file holds 9"},
      {file_with("{\"w\": nan}", 0), "its header is not JSON (byte"},
      {file_with("[]", 0), "not a JSON object"},
      {file_with(w + entry("F32", "[1e400]", 0, 8) + "}", 8), "a number that is too large"},
      {file_with(R"({"w":{"dtype":[[[[]]]]}})", 0), "nested deeper"},
      {file_with(std::string(100'000, '['), 0), "nested deeper"},
      {file_with(w + entry("F32", "[2]", 0, 8) + R"(,"w":)" + entry("F32", "[2]", 0, 8) + "}", 8), "'w' twice"},
      {file_with(R"({"w\n":3})", 0), "control character"},
      {file_with(w + entry("F\\n", "[8]", 0, 8) + "}", 8), "tensor 'w' is of type \"F\\n\", expected"},
      {file_with(R"({"w":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8), "'dtype' twice"},
      {file_with(R"({"w":3})", 0), "tensor 'w' has no dtype"},
      {file_with(R"({"w":{"shape":[2],"data_offsets":[0,8]}})", 8), "tensor 'w' has no dtype"},
      {file_with(w + entry("F8_E4M3", "[8]", 0, 8) + "}", 8), "tensor 'w' is of type \"F8_E4M3\", expected F64, F32"},
      {file_with(w + entry("F32", "[-2]", 0, 8) + "}", 8), "tensor 'w' has no shape"},
      {file_with(w + entry("F32", "[2.0]", 0, 8) + "}", 8), "tensor 'w' has no shape"},
      {file_with(w + entry("F32", "[2]", 8, 0) + "}", 8), "tensor 'w' has no data_offsets"},
      {file_with(w + entry("F32", "[2]", -8, 0) + "}", 8), "tensor 'w' has no data_offsets"},
      {file_with(w + entry("F32", "[3]", 0, 8) + "}", 8), "tensor 'w' has 8 bytes, but F32 [3] needs 12"},
      {file_with(w + entry("F32", "[4294967296, 4294967296]", 0, 8) + "}", 8), "needs more than 2^63"},
      {file_with(w + entry("F32", shape_of(65).c_str(), 0, 4) + "}", 4), "tensor 'w' has 65 dimensions, expected 64"},
      {file_with(R"({")" + long_name + R"(":3})", 0), "tensor '" + long_name.substr(0, 200) + "...' has no dtype"},
      {file_with(R"({")" + long_name + R"(":)" + entry("F32", "[2]", 4, 12) + "}", 12),
       "tensor '" + long_name.substr(0, 200) + "...' begins"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "is a Git LFS pointer"},
      {file_with(w + entry("F32", "[2]", 4, 12) + "}", 12), "tensor 'w' begins at byte 4 of the data, expected 0"},
      {file_with(w + entry("F32", "[2]", 0, 8) + R"(,"x":)" + entry("F32", "[2]", 4, 12) + "}", 12),
       "tensor 'x' begins at byte 4 of the data, expected 8"},
      {file_with(R"({"__metadata__":{"a":1}})", 0), "metadata 'a' is not text"},
      {file_with(R"({"__metadata__":"a"})", 0), "its __metadata__ is not a JSON object"},
  };
  for (const auto& [file, message] : cases) {
    EXPECT_THAT([&] { parsed(file); },
                ThrowsMessage<InputError>(AllOf(HasSubstr("m.safetensors: "), HasSubstr(message))));
  }
}

// In time that grows with the header, not with its square: this took minutes once.
TEST(SafeTensors, OfManyTensors) {
  std::string header;
  constexpr int kTensors = 50'000;
  for (int i = 0; i < kTensors; ++i)
    header += fmt::format(R"({}"layer.{}.weight":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})",
                          i == 0 ? "{" : ",", i, i, i + 1);
  const std::string bytes = file_with(header + "}", kTensors);
  const SafeTensors file = parsed(bytes);
  EXPECT_EQ(file.names().size(), size_t(kTensors));
  EXPECT_EQ(file.names().back(), "layer.49999.weight");
}

// Damaged files are refused in one line, or give tensors that are inside the file and fit their shapes.
TEST_F(SafeTensorsFile, DamagedIsRefusedOrWhole) {
  const std::vector<float> values(20, 0.5f);
  const auto data = std::as_bytes(std::span(values));
  write_safetensors(folder_ / "m",
                    std::vector<NamedTensor>{{"block.0.attn.bn.weight", {DType::F32, {8}, data.first(32)}},
                                             {"head.weight", {DType::F32, {3, 4}, data.subspan(32)}},
                                             {"steps", {DType::I16, {}, data.first(2)}}},
                    {{"format", "pt"}, {"spikemix", "{}"}});
  const std::string good = read_file(folder_ / "m");
  int refused = 0, taken = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    Rng rng(/*seed=*/1, Rng::Purpose::kTest, i);
    std::string file = good;
    for (uint64_t edits = 1 + rng.below(3); edits > 0 && !file.empty(); --edits) {
      const size_t at = rng.below(rng.coin() ? file.size() : std::min<size_t>(file.size(), 300));
      switch (rng.below(4)) {
        case 0:
          file[at] = char(rng.bits());
          break;
        case 1:
          file[at] = "0123456789-.\"[]{},:eFIBU"[rng.below(24)];
          break;
        case 2:
          file.insert(at, 1, "0123456789-\\"[rng.below(12)]);
          break;
        case 3:
          file.resize(at);
          break;
      }
    }
    try {
      const SafeTensors tensors = parsed(file);
      for (const std::string& name : tensors.names()) {
        const TensorView& view = *tensors.find(name);
        ASSERT_EQ(int64_t(view.data.size()), byte_count(view.dtype, view.shape)) << "mutation " << i;
        ASSERT_TRUE(view.data.empty() || (view.data.data() >= bytes_of(file).data() &&
                                          view.data.data() + view.data.size() <= bytes_of(file).data() + file.size()))
            << "mutation " << i;
      }
      ++taken;
    } catch (const InputError& error) {
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "mutation " << i << ": " << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 2000);
  EXPECT_GT(taken, 100);
}

}  // namespace
}  // namespace spikemix
