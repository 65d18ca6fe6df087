#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/core/error.h"
#include "spikemix/core/file.h"

namespace spikemix {
namespace {

nlohmann::json read_summary(const std::string& run) {
  const std::filesystem::path file = std::filesystem::path(run) / "summary.json";
  if (!std::filesystem::exists(file)) {
    throw input_error("{}: no finished run (it has no summary.json)", run);
  }
  nlohmann::json summary = nlohmann::json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  for (const char* key : {"mixer", "parameters", "best_top1", "last_top1", "train_images_per_second",
                          "test_images_per_second", "peak_memory_bytes"}) {
    if (!summary.is_object() || !summary.contains(key)) throw input_error("{}: has no '{}'", file.string(), key);
  }
  summary["run"] = run;
  return summary;
}

}  // namespace

void add_compare(CLI::App& app) {
  struct Options {
    std::vector<std::string> runs;
    bool json = false;
  };
  auto* command = app.add_subcommand("compare", "a table of finished runs: mixer, accuracy, speed, memory");
  auto options = std::make_shared<Options>();
  command->add_option("RUN", options->runs, "run folders")->required();
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    nlohmann::json list = nlohmann::json::array();
    for (const std::string& run : options->runs) list.push_back(read_summary(run));
    if (options->json) {
      fmt::print("{}\n", list.dump(2));
      return;
    }
    fmt::print("{:<22} {:<14} {:>10} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "run", "mixer", "parameters",
               "best top-1 %", "last top-1 %", "train img/s", "infer img/s", "peak memory");
    for (const nlohmann::json& r : list) {
      fmt::print("{:<22} {:<14} {:>10} {:>12.2f} {:>12.2f} {:>12.0f} {:>12.0f} {:>9.0f} MB\n",
                 std::filesystem::path(r["run"].get<std::string>()).filename().string(),
                 fmt::format("{}", fmt::join(r["mixer"].get<std::vector<std::string>>(), ",")),
                 r["parameters"].get<int64_t>(), r["best_top1"].get<double>(), r["last_top1"].get<double>(),
                 r["train_images_per_second"].get<double>(), r["test_images_per_second"].get<double>(),
                 r["peak_memory_bytes"].get<double>() / 1e6);
    }
  });
}

}  // namespace spikemix
