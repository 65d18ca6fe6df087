#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/picture.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/recording_files.h"
#include "spikemix/cli/runner.h"
#include "spikemix/core/error.h"
#include "spikemix/data/damaged.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/event_input.h"
#include "spikemix/data/loader.h"
#include "spikemix/data/subset.h"
#include "spikemix/engine/session.h"
#include "spikemix/events/render.h"

namespace spikemix {
namespace {

// Image files from the command line, as a data set without labels.
class FileSet : public Dataset {
 public:
  explicit FileSet(std::vector<std::string> files) : files_(std::move(files)) {}
  int64_t size() const override { return int64_t(files_.size()); }
  int64_t label(int64_t) const override { return 0; }
  Image image(int64_t i) const override { return read_image(files_[size_t(i)]); }
  std::string source(int64_t i) const override { return files_[size_t(i)]; }
  const std::vector<std::string>& classes() const override { return no_classes_; }

 private:
  std::vector<std::string> files_, no_classes_;
};

struct Prediction {
  std::vector<float> logits;
  std::vector<double> probability;
  std::vector<int64_t> order;  // classes, the likeliest first
};

Prediction rank(std::vector<float> logits) {
  Prediction p;
  p.probability = softmax(logits);
  p.order.resize(logits.size());
  std::iota(p.order.begin(), p.order.end(), int64_t{0});
  std::stable_sort(p.order.begin(), p.order.end(),
                   [&](int64_t a, int64_t b) { return logits[size_t(a)] > logits[size_t(b)]; });
  p.logits = std::move(logits);
  return p;
}

std::string class_name(const ModelCard& card, int64_t label) {
  return card.classes.empty() ? fmt::format("class {}", label) : card.classes[size_t(label)];
}

// An image, or all events of a recording in one.
Image picture_of(const Dataset& data, int64_t i) {
  return data.holds_events() ? picture_of(data.events(i), data.recording(i).sensor) : data.image(i);
}

// The frames that the model saw, at the sensor's own size.
void render(const std::string& file, const ModelCard& card, const Dataset& data) {
  if (!data.holds_events() || data.size() != 1) throw input_error("--render {}: takes one recording", file);
  const RecordingInfo recording = data.recording(0);
  FrameOptions options = frame_options(card.model, card.frames);
  options.height = options.width = 0;
  render_frames(file, integrate(data.events(0), recording.sensor, options), recording.last_t - recording.first_t);
}

// The picture on the left, the five likeliest classes with bars on the right.
void show(const ModelCard& card, const Image& image, const std::string& title, const Prediction& p) {
  constexpr int64_t kColumns = 28;
  const bool colour = stdout_shows_colour();
  const std::vector<std::string> picture = draw(image, kColumns, colour);
  std::vector<std::string> lines = {title};
  size_t width = 0;
  const size_t shown = std::min<size_t>(5, p.order.size());
  for (size_t i = 0; i < shown; ++i) width = std::max(width, class_name(card, p.order[i]).size());
  for (size_t i = 0; i < shown; ++i) {
    const double probability = p.probability[size_t(p.order[i])];
    lines.push_back(fmt::format("{:>{}}  {} {:5.1f} %", class_name(card, p.order[i]), width, bar(probability, 20),
                                100 * probability));
  }
  for (size_t i = 0; i < std::max(lines.size(), picture.size()); ++i) {
    fmt::print("{}  {}\n", i < picture.size() ? picture[i] : std::string(size_t(kColumns), ' '),
               i < lines.size() ? lines[i] : "");
  }
  fmt::print("\n");
}

}  // namespace

void add_predict(CLI::App& app) {
  struct Options {
    std::vector<std::string> files;
    RunnerOptions runner;
    RecordingFlags recordings;
    std::string data, format = "auto", render;
    int64_t images = 4, skip_bad = -1;
    bool json = false;
  };
  auto* command =
      app.add_subcommand("predict", "name what pictures or recordings show: the five likeliest classes, with bars");
  command->footer(R"(Examples:
  spikemix predict cat.jpg                                by the built-in CIFAR-10 model
  spikemix predict cat.jpg dog.png --model runs/pictures --json
  spikemix predict --model runs/cifar10-small --images 8  test images of its own data
  spikemix predict gesture.aedat --model runs/dvs128-gesture --render gesture.apng)");
  auto options = std::make_shared<Options>();
  command->add_option("IMAGE", options->files,
                      "pictures (JPEG, PNG, WebP, GIF, BMP, TIFF, PPM); recordings (`spikemix events formats`) for a "
                      "model of events");
  command->add_option("--model", options->runner.model,
                      "model.safetensors, or a run folder (its best model); default: the built-in CIFAR-10 model");
  command->add_option("--data", options->data,
                      "with no IMAGE: take test images of this data set; a run folder's own if not given");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  command
      ->add_option("--skip-bad", options->skip_bad,
                   "leave out up to this many damaged files; a run folder's own data.skip_bad if not given")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--images", options->images, "how many of them, spread over the classes")
      ->check(CLI::PositiveNumber);
  command->add_option("--render", options->render, "write one recording's frames: .png or .apng (animated)");
  options->recordings.add_to(*command);
  add_runner_options(*command, options->runner);
  command->add_flag("--json", options->json, "print JSON: file, label, probability, logits of each");
  command->callback([options] {
    const std::unique_ptr<Runner> runner = make_runner(options->runner);
    const ModelCard& card = runner->card();
    const bool labelled = options->files.empty();
    std::shared_ptr<const Dataset> images;
    if (card.model.takes_events()) {
      images = std::make_shared<RecordingFiles>(options->files, options->recordings.options(), card.model);
    } else {
      images = std::make_shared<FileSet>(options->files);
    }
    if (labelled) {
      DataConfig source = data_of_model(options->runner.model, options->data, options->format, options->skip_bad);
      options->recordings.sensor.apply(source);
      images = open_dataset(source, Split::kTest, opening_printer());
      tell_damaged(*images, Split::kTest, opening_printer());
      check_classes(card, *images, options->runner.model, source.dir);
      images = subset(images, std::min(options->images, images->size()), "--images");
    }
    if (!options->render.empty()) render(options->render, card, *images);
    Loader loader(images, test_loader_options(card, /*batch=*/16, /*threads=*/1));
    loader.start_epoch(0);
    nlohmann::json list = nlohmann::json::array();
    Batch batch;
    for (int64_t first = 0; loader.next(batch); first += batch.size) {
      const std::vector<float> logits = runner->logits(batch);
      for (int64_t i = 0; i < batch.size; ++i) {
        const auto row = logits.begin() + i * card.model.classes;
        const Prediction p = rank({row, row + card.model.classes});
        const std::string source = images->source(first + i);
        if (options->json) {
          list.push_back({{"file", source},
                          {"label", class_name(card, p.order[0])},
                          {"probability", p.probability[size_t(p.order[0])]},
                          {"logits", p.logits}});
          if (labelled) list.back()["truth"] = class_name(card, batch.labels[size_t(i)]);
        } else {
          const std::string truth =
              labelled ? fmt::format(" (a {})", class_name(card, batch.labels[size_t(i)])) : std::string();
          show(card, picture_of(*images, first + i), source + truth, p);
        }
      }
    }
    if (options->json) fmt::print("{}\n", list.dump(2));
  });
}

}  // namespace spikemix
