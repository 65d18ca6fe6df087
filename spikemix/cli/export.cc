// SPDX-License-Identifier: MIT
#include "spikemix/engine/export.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/options.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/subset.h"
#include "spikemix/engine/calibrate.h"
#include "spikemix/formats/model_file.h"

namespace spikemix {
namespace {

struct ExportOptions {
  std::string model, out, precision = "int8", data, format = "auto";
  SensorFlags sensor;
  int64_t images = 64, skip_bad = 0;
  double tolerance = 0.01;
};

// Chooses the layers that get all bits, by how much their spikes on training images change.
std::set<std::string> calibrate(const ExportOptions& o, const CLI::App& command) {
  const auto exact = load_network(o.model, Precision::kFp32);
  DataConfig source;
  source.dir = o.data, source.format = o.format, source.skip_bad = o.skip_bad;
  o.sensor.apply(source);
  if (!exact->card.model.takes_events()) refuse_without_effect(command, {"--size", "--time-unit"}, "a model of images");
  std::shared_ptr<const Dataset> data = open_and_tell(source, Split::kTrain);
  data = subset(data, std::min(o.images, data->size()), "--images");
  note_other_sensor(exact->card, *data);
  Loader loader(data, test_loader_options(exact->card, data->size(), 1));
  loader.start_epoch(0);
  Batch batch;
  loader.next(batch);
  const std::vector<LayerChange> changes =
      measure_changes(exact, load_network(o.model, parse_precision(o.precision)), batch.size, batch.images.data());
  const std::set<std::string> wide = wide_layers(changes, o.tolerance);
  for (const LayerChange& c : changes)
    report("{:<26} {:5.2f} % {}{}\n", c.layer, 100 * c.share(),
           c.fires ? "of its spikes change" : "error of its potentials",
           wide.contains(c.layer) ? ": gets all bits" : "");
  return wide;
}

}  // namespace

void add_export(CLI::App& app) {
  auto* command = app.add_subcommand("export", "write a trained model with integer weights, for small machines");
  command->footer(R"(Examples:
  spikemix export runs/cifar10-small -o small.safetensors
  spikemix export runs/cifar10-small -o small.safetensors --calibrate cifar-10-binary.tar.gz)");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("MODEL", options->model, "model.safetensors, or a run folder (its best model)")->required();
  command
      ->add_option("--precision", options->precision, "int8 (7 bits a weight, twice the additions) or int16 (14 bits)")
      ->check(CLI::IsMember({"int8", "int16"}));
  command->add_option(
      "--calibrate", options->data,
      "data set: give all 8 (or 16) bits to the layers whose spikes change too much on its training images");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  options->sensor.add_to(*command);
  command->add_option("--skip-bad", options->skip_bad, "leave out up to this many damaged files")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--images", options->images, "how many images to calibrate on")->check(CLI::PositiveNumber);
  command->add_option("--tolerance", options->tolerance, "share of a layer's spikes that may change; default: 0.01")
      ->check(CLI::NonNegativeNumber);
  command->add_option("-o,--out", options->out, "file to write")->required();
  // Without it the file would not keep to, say, a --tolerance that was given.
  need_beside(*command, {"--format", "--size", "--time-unit", "--skip-bad", "--images", "--tolerance"}, "--calibrate");
  command->callback([options, command] {
    if (is_builtin(options->model)) throw input_error("the built-in model: its weights are integers already");
    check_outputs({{"-o", options->out, OutputKind::kIntegerModel}}, {model_file_of(options->model), options->data});
    const std::set<std::string> wide = options->data.empty() ? std::set<std::string>() : calibrate(*options, *command);
    export_model(options->model, options->out, parse_precision(options->precision), wide);
    const auto size = [](const std::filesystem::path& file) { return double(std::filesystem::file_size(file)) / 1e6; };
    report("{}: {:.2f} MB, {} weights; the trained model has {:.2f} MB\n", options->out, size(options->out),
           options->precision, size(model_file_of(options->model)));
  });
}

}  // namespace spikemix
