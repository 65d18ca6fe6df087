// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/options.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/picture.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/samples.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"
#include "spikemix/data/damaged.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/event_input.h"
#include "spikemix/data/loader.h"
#include "spikemix/data/subset.h"
#include "spikemix/engine/session.h"
#include "spikemix/events/render.h"

namespace spikemix {
namespace {

struct PredictOptions {
  std::vector<std::string> files;
  RunnerOptions runner;
  RecordingFlags recordings;
  std::string data, format = "auto", render;
  int64_t images = 4, skip_bad = -1;
  bool json = false;
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

// The frames that the model saw, at the sensor's own resolution.
void render(const std::string& file, const ModelCard& card, const Samples& samples) {
  const RecordingInfo& recording = samples[0].recording;
  FrameOptions options = frame_options(card.model, card.frames);
  options.height = options.width = 0;
  const Frames frames = integrate(samples[0].events, frame_sensor(card.frames, recording), options);
  render_frames(file, frames, recording.last_t - recording.first_t);
}

// The picture on the left, and the five likeliest classes with bars on the right.
void show(const ModelCard& card, const Image& image, const std::string& title, const Prediction& p) {
  constexpr int64_t kColumns = 28;
  const bool colour = stdout_shows_colour();
  const std::vector<std::string> picture = draw(image, kColumns, colour);
  std::vector<std::string> lines = {title};
  int width = 0;
  const size_t shown = std::min<size_t>(5, p.order.size());
  for (size_t i = 0; i < shown; ++i) width = std::max(width, width_of(printable(class_name(card, p.order[i]))));
  for (size_t i = 0; i < shown; ++i) {
    const double probability = p.probability[size_t(p.order[i])];
    lines.push_back(fmt::format("{:>{}}  {} {:5.1f} %", class_name(card, p.order[i]), width, bar(probability, 20),
                                100 * probability));
  }
  for (size_t i = 0; i < std::max(lines.size(), picture.size()); ++i) {
    answer_text(fmt::format("{}  {}\n", i < picture.size() ? picture[i] : std::string(size_t(kColumns), ' '),
                            i < lines.size() ? printable(lines[i]) : ""));
  }
  answer_text("\n");
}

// Names what samples show, one batch at a time.
class Predictor {
 public:
  explicit Predictor(const PredictOptions& options) : options_(options), runner_(make_runner(options.runner)) {}

  const ModelCard& card() const { return runner_->card(); }

  void add(Sample sample) {
    waiting_.push_back(std::move(sample));
    if (waiting_.size() == kBatch) answer_batch();
  }
  void finish() {
    if (!waiting_.empty()) answer_batch();
    if (options_.json) answer_json(list_);
    note_other_sensor(card(), Samples(card().model.takes_events(), std::move(told_)));
  }

 private:
  static constexpr size_t kBatch = 16;

  void answer_batch() {
    const auto samples = std::make_shared<Samples>(card().model.takes_events(), std::exchange(waiting_, {}));
    if (!options_.render.empty()) render(options_.render, card(), *samples);
    Loader loader(samples, test_loader_options(card(), samples->size(), /*threads=*/1));
    loader.start_epoch(0);
    Batch batch;
    loader.next(batch);
    const std::vector<float> logits = runner_->logits(batch);
    for (int64_t i = 0; i < batch.size; ++i) {
      const auto row = logits.begin() + i * card().model.classes;
      tell((*samples)[i], rank({row, row + card().model.classes}));
      told_.push_back({.source = samples->source(i), .recording = samples->recording(i)});
    }
  }

  void tell(const Sample& sample, const Prediction& p) {
    const std::string truth = sample.label ? class_name(card(), *sample.label) : "";
    if (!options_.json) {
      const bool events = card().model.takes_events();
      const Image image = events ? picture_of(sample.events, sample.recording.sensor) : sample.image;
      return show(card(), image, sample.source + (sample.label ? fmt::format(" (a {})", truth) : ""), p);
    }
    list_.push_back({{"file", sample.source},
                     {"label", class_name(card(), p.order[0])},
                     {"probability", p.probability[size_t(p.order[0])]},
                     {"logits", p.logits}});
    if (sample.label) list_.back()["truth"] = truth;
  }

  const PredictOptions& options_;
  const std::unique_ptr<Runner> runner_;
  std::vector<Sample> waiting_, told_;  // for the latter, only their names and sensors
  nlohmann::json list_ = nlohmann::json::array();
};

void check_render(const PredictOptions& o, const ModelCard& card, size_t samples) {
  if (o.render.empty() || (samples == 1 && card.model.takes_events())) return;
  throw input_error("--render {}: takes one recording", o.render);
}

void predict_files(const PredictOptions& o, const ReadOptions& reading, Predictor& predictor) {
  FilesToRead files(o.files, reading, o.skip_bad);
  check_render(o, predictor.card(), files.list().size());
  for (const FilesToRead::File& file : files.list()) {
    auto sample = files.read(file, predictor.card());
    if (!sample) continue;
    if (predictor.card().model.takes_events() && sample->events.empty()) {
      files.skip(file, input_error("{}: has no events: there is no answer", sample->source));
    } else {
      predictor.add(std::move(*sample));
    }
  }
  files.finish();
}

void predict_data(const PredictOptions& o, const CLI::App& command, Predictor& predictor) {
  DataConfig source = data_of_model(o.runner.model, o.data, o.format, o.skip_bad);
  o.recordings.sensor.apply(source);
  if (o.data.empty()) refuse_without_effect(command, {"--format"}, "a run's own data (--data names others)");
  std::shared_ptr<const Dataset> data = open_and_tell(source, Split::kTest);
  check_classes(predictor.card(), *data, o.runner.model.empty() ? kBuiltin : o.runner.model, source.dir);
  data = subset(data, std::min(o.images, data->size()), "--images");
  check_render(o, predictor.card(), size_t(data->size()));
  for (int64_t i = 0; i < data->size(); ++i) predictor.add(sample_of(*data, i));
}

void run(const PredictOptions& o, const CLI::App& command) {
  std::vector<std::string> inputs = o.files;
  inputs.insert(inputs.end(), {o.runner.model, o.data});
  check_outputs({{"--render", o.render, OutputKind::kPicture}}, inputs);
  const ReadOptions reading = o.recordings.options();  // a flag with a wrong value is named first
  if (!o.files.empty()) refuse_without_effect(command, {"--data", "--format", "--images"}, "FILE");
  Predictor predictor(o);
  if (!predictor.card().model.takes_events())
    refuse_without_effect(command, {"--size", "--time-unit", "--truncated", "--unordered"}, "a model of images");
  o.files.empty() ? predict_data(o, command, predictor) : predict_files(o, reading, predictor);
  predictor.finish();
}

}  // namespace

void add_predict(CLI::App& app) {
  auto* command =
      app.add_subcommand("predict", "name what pictures or recordings show: the five likeliest classes, with bars");
  command->footer(R"(Examples:
  spikemix predict cat.jpg                                by the built-in CIFAR-10 model
  spikemix predict holidays/ --model runs/pictures --json
  cat cat.jpg | spikemix predict -
  spikemix predict --model runs/cifar10-small --images 8  test images of its own data
  spikemix predict gesture.aedat --model runs/dvs128-gesture --render gesture.apng)");
  auto options = std::make_shared<PredictOptions>();
  command->add_option("FILE", options->files,
                      "pictures (JPEG, PNG, WebP, GIF, BMP, TIFF, PPM), or event recordings for a model of events "
                      "(`spikemix events formats`); a folder: all files in it; -: standard input");
  command->add_option("--model", options->runner.model, fmt::format("{}; default: {}", kModelHelp, kBuiltin));
  command->add_option("--data", options->data,
                      "with no FILE: take test images of this data set; a run folder's own if not given");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  command
      ->add_option("--skip-bad", options->skip_bad,
                   "leave out up to this many damaged files; of data: a run folder's own data.skip_bad if not given")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--images", options->images, "how many of them, spread over the classes")
      ->check(CLI::PositiveNumber);
  command->add_option("--render", options->render, "write one recording's frames: .png or .apng (animated)");
  options->recordings.add_to(*command);
  add_runner_options(*command, options->runner);
  command->add_flag("--json", options->json, "print JSON: file, label, probability, logits of each");
  // A data set's recordings are read as training reads them.
  need_beside(*command, {"--truncated", "--unordered"}, "FILE");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace spikemix
