#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/picture.h"
#include "spikemix/data/summary.h"

namespace spikemix {
namespace {

nlohmann::json to_json(const DataSummary& summary) {
  nlohmann::json json = {{"format", summary.format}, {"classes", summary.classes}};
  for (const SplitSummary& s : summary.splits) {
    json["splits"].push_back({{"name", s.name},
                              {"images", s.images},
                              {"class_counts", s.class_counts},
                              {"sampled", s.sampled},
                              {"height", {s.min_height, s.max_height}},
                              {"width", {s.min_width, s.max_width}},
                              {"channels", s.channels},
                              {"mean", s.mean},
                              {"std", s.std}});
  }
  return json;
}

std::string range(int64_t low, int64_t high) {
  return low == high ? fmt::to_string(low) : fmt::format("{}..{}", low, high);
}

void print(const std::string& path, const DataSummary& summary) {
  fmt::print("{}: {}, {} classes\n", path, summary.format, summary.classes.size());
  for (const SplitSummary& s : summary.splits) {
    fmt::print("\n{}: {} images, {} x {} pixels, {} channels (from {} of them)\n", s.name, s.images,
               range(s.min_height, s.max_height), range(s.min_width, s.max_width), s.channels, s.sampled);
    fmt::print("  data.mean={:.4f} data.std={:.4f}\n", fmt::join(s.mean, ","), fmt::join(s.std, ","));
    const int64_t most = *std::max_element(s.class_counts.begin(), s.class_counts.end());
    for (size_t i = 0; i < s.class_counts.size(); ++i) {
      fmt::print("  {:>20} {:>7} {}\n", summary.classes[i], s.class_counts[i],
                 bar(double(s.class_counts[i]) / double(std::max<int64_t>(1, most)), 30));
    }
  }
}

}  // namespace

void add_data(CLI::App& app) {
  auto* data = app.add_subcommand("data", "look at data sets: `data info DIR`, `data formats`");
  data->require_subcommand(1);

  struct Options {
    std::string path, format = "auto";
    int64_t sample = 2000;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* info = data->add_subcommand("info", "images, classes, sizes, mean and deviation of a data set");
  info->add_option("DIR", options->path, "folder or archive")->required();
  info->add_option("--format", options->format, "one of `spikemix data formats`; auto: by the names in it");
  info->add_option("--sample", options->sample, "images of each split to decode for sizes and means")
      ->check(CLI::PositiveNumber);
  info->add_flag("--json", options->json, "print JSON");
  info->callback([options] {
    const DataSummary summary = summarise(options->path, options->format, options->sample);
    if (options->json) {
      fmt::print("{}\n", to_json(summary).dump(2));
    } else {
      print(options->path, summary);
    }
  });

  auto* formats = data->add_subcommand("formats", "list the formats that data can come in");
  formats->callback([] {
    for (const DataFormat& format : data_formats()) fmt::print("  {:<12} {}\n", format.name, format.summary);
  });
}

}  // namespace spikemix
