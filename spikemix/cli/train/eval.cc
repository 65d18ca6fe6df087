#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/train/progress.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/subset.h"
#include "spikemix/train/evaluate.h"

namespace spikemix {

void add_eval(CLI::App& app) {
  struct Options {
    std::string model, data, format = "auto", device = "cpu", precision = "fp32";
    int64_t batch = 128, threads = 0, images = 0, loader_threads = 1;
    bool json = false;
  };
  auto* command = app.add_subcommand("eval", "test accuracy of a model");
  auto options = std::make_shared<Options>();
  command->add_option("MODEL", options->model, "model.safetensors, or a run folder (its best model)")->required();
  command->add_option("--data", options->data, "data set; a run folder's own if not given");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  command->add_option("--images", options->images, "only this many test images, the same share of each class");
  command->add_option("--batch", options->batch, "images a batch")->check(CLI::PositiveNumber);
  command->add_option("--threads", options->threads, "compute threads; 0: one for each core");
  command->add_option("--device", options->device, "cpu, cuda or cuda:N");
  command->add_option("--precision", options->precision, "fp32 or bf16")->check(CLI::IsMember({"fp32", "bf16"}));
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    set_compute_threads(options->threads);
    TorchModel model = TorchModel::load(options->model, options->device, options->precision);
    const DataConfig source = data_of_model(options->model, options->data, options->format);
    std::shared_ptr<const Dataset> data = open_dataset(source.dir, Split::kTest, source.format);
    check_classes(model.card(), *data, options->model, source.dir);
    data = subset(data, options->images, "--images");
    CountPrinter printer(data->size());
    const EvalResult result =
        model.evaluate(data, options->batch, options->loader_threads, [&](int64_t done) { printer(done); });
    if (options->json) {
      fmt::print("{}\n", nlohmann::json{{"model", options->model},
                                        {"data", source.dir},
                                        {"top1", result.top1},
                                        {"top5", result.top5},
                                        {"loss", result.loss},
                                        {"images", result.images},
                                        {"images_per_second", result.images_per_second}}
                             .dump(2));
    } else {
      fmt::print("{}: top-1 {:.2f} %, top-5 {:.2f} %, loss {:.4f} on {} images, {:.0f} img/s\n", options->model,
                 result.top1, result.top5, result.loss, result.images, result.images_per_second);
    }
  });
}

}  // namespace spikemix
