// SPDX-License-Identifier: MIT
#include "spikemix/base/json_lines.h"

#include <csignal>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"

namespace spikemix {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

class JsonLog : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const fs::path path_ = folder_.path() / "metrics.jsonl";
};

TEST_F(JsonLog, ContinuesWhereItEnded) {
  JsonLines(path_).append({{"step", 1}, {"loss", 2.5}});
  JsonLines(path_).append({{"step", 2}, {"loss", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(read_file(path_), "{\"loss\":2.5,\"step\":1}\n{\"loss\":null,\"step\":2}\n");
  EXPECT_THAT(read_json_lines(path_),
              ElementsAre(json{{"step", 1}, {"loss", 2.5}}, json{{"step", 2}, {"loss", nullptr}}));
}

TEST_F(JsonLog, ReturnsToACheckpoint) {
  JsonLines log(path_);
  log.append(1);
  const int64_t checkpoint = log.sync();
  EXPECT_EQ(checkpoint, 2);
  log.append(2);
  log.truncate(checkpoint);
  log.append(3);
  EXPECT_THAT(read_json_lines(path_), ElementsAre(1, 3));
  log.truncate(1'000'000);  // somebody cleared the log: nothing to drop
  EXPECT_EQ(log.sync(), 4);
}

TEST_F(JsonLog, DropsALastHalfLine) {
  write_file_atomically(path_, "1\n{\"step\": 2, \"lo");
  EXPECT_THAT(read_json_lines(path_), ElementsAre(1));
  JsonLines(path_).append(3);
  EXPECT_THAT(read_json_lines(path_), ElementsAre(1, 3));
  write_file_atomically(path_, "{\"st");
  EXPECT_TRUE(read_json_lines(path_).empty());
  JsonLines(path_).append(4);
  EXPECT_THAT(read_json_lines(path_), ElementsAre(4));
}

TEST_F(JsonLog, NamesADamagedLine) {
  write_file_atomically(path_, "1\n2\nnot json\n4\n");
  EXPECT_THAT([&] { read_json_lines(path_); },
              ThrowsMessage<InputError>(HasSubstr("metrics.jsonl, line 3: is not JSON")));
  EXPECT_THAT([&] { JsonLines log(path_ / "no"); }, ThrowsMessage<InputError>(HasSubstr("cannot write: Not a dir")));
}

TEST_F(JsonLog, OnAFullDiskKeepsItsWholeLines) {
  JsonLines log(path_);
  log.append("first");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{20, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT([&] { log.append(std::string(100, 'x')); },
              ThrowsMessage<RunError>(HasSubstr("metrics.jsonl: cannot write: File too large; the lines before")));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_file(path_), "\"first\"\n");
  log.append("second");
  EXPECT_THAT(read_json_lines(path_), ElementsAre("first", "second"));
}

}  // namespace
}  // namespace spikemix
