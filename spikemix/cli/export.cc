#include "spikemix/engine/export.h"

#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "spikemix/cli/commands.h"
#include "spikemix/core/model_file.h"

namespace spikemix {

void add_export(CLI::App& app) {
  struct Options {
    std::string model, out, precision = "int8";
  };
  auto* command = app.add_subcommand("export", "write a trained model with integer weights, for small machines");
  auto options = std::make_shared<Options>();
  command->add_option("MODEL", options->model, "model.safetensors, or a run folder (its best model)")->required();
  command
      ->add_option("--precision", options->precision, "int8 (7 bits a weight, twice the additions) or int16 (14 bits)")
      ->check(CLI::IsMember({"int8", "int16"}));
  command->add_option("-o,--out", options->out, "file to write")->required();
  command->callback([options] {
    export_model(options->model, options->out, parse_precision(options->precision));
    const auto size = [](const std::filesystem::path& file) { return double(std::filesystem::file_size(file)) / 1e6; };
    fmt::print("{}: {:.2f} MB, {} weights; the trained model has {:.2f} MB\n", options->out, size(options->out),
               options->precision, size(model_file_of(options->model)));
  });
}

}  // namespace spikemix
