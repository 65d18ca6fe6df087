#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

void add_data(CLI::App& app) {
  auto* data = app.add_subcommand("data", "look at data sets");
  data->require_subcommand(1);

  struct Options {
    std::string path, format = "auto";
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* info = data->add_subcommand("info", "images, classes and sizes of a data set");
  info->add_option("DIR", options->path, "folder or archive")->required();
  info->add_option("--format", options->format, "one of `spikemix data formats`; auto: by the names in it");
  info->add_flag("--json", options->json, "print JSON");
  info->callback([options] { (void)options; });

  auto* formats = data->add_subcommand("formats", "list the formats that data can come in");
  formats->callback([] {
    for (const DataFormat& format : data_formats()) fmt::print("  {:<12} {}\n", format.name, format.summary);
  });
}

}  // namespace spikemix
