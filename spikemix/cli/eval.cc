// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/confusion.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/model_split.h"
#include "spikemix/cli/options.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/answers.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/engine/session.h"
#include "spikemix/formats/model_card_json.h"
#include "spikemix/formats/model_file.h"

namespace spikemix {
namespace {

struct EvalOptions {
  RunnerOptions runner;
  std::string data, format = "auto", answers;
  SensorFlags sensor;
  SplitChoice choice;
  int64_t batch = 128, loader_threads = 1;
  int64_t skip_bad = -1;
  double exit_confidence = -1;  // negative: not given
  bool confusion = false, json = false;
};

// Steps through each image until the likeliest class is sure enough.
class EarlyExit {
 public:
  EarlyExit(const RunnerOptions& options, double confidence)
      : session_(load_network_of(options), {.threads = thread_count(options.threads), .streaming = true}),
        confidence_(confidence) {}

  const ModelCard& card() const { return session_.network().card; }

  std::vector<float> logits(const Batch& batch) {
    const ModelConfig& m = card().model;
    const int64_t step = session_.step_input_size();
    std::vector<float> all(size_t(batch.size * m.classes));
    for (int64_t i = 0; i < batch.size; ++i) {
      const std::span row(all.data() + i * m.classes, size_t(m.classes));
      session_.reset();
      bool sure = false;
      for (int64_t t = 0; t < m.T && !sure; ++t) {
        session_.step(batch.images.data() + i * session_.input_size() + (m.takes_events() ? t * step : 0), row.data());
        const std::vector<double> p = softmax(row);
        sure = *std::max_element(p.begin(), p.end()) >= confidence_;
      }
      steps_ += session_.steps(), ++images_;
    }
    return all;
  }
  double mean_steps() const { return double(steps_) / double(images_); }

 private:
  Session session_;
  const double confidence_;
  int64_t steps_ = 0, images_ = 0;
};

// The weights' epoch, as training wrote it on the card; -1 if the card does not say.
int64_t epoch_of(const ModelCard& card) {
  const nlohmann::json training = training_of(card);
  const auto epoch = training.find("epoch");
  return epoch != training.end() && epoch->is_number_integer() ? epoch->get<int64_t>() : -1;
}

// A run's answers are on all of its test images: `compare` and `report` take them for that.
void check_images_of_run(const EvalOptions& o) {
  if (o.answers.empty() || o.choice.images <= 0) return;
  if (const std::filesystem::path run = run_folder_around(o.answers); !run.empty())
    throw input_error(
        "--images {} and --answers {}: that is in the run folder {}, whose answers are on all test images; leave "
        "--images out, or name a file elsewhere",
        o.choice.images, o.answers, run.string());
}

void run(EvalOptions o, const CLI::App& command) {
  if (!o.answers.empty() && o.choice.split != "test")
    throw input_error("--answers: only for test images, found --split {}", o.choice.split);
  check_images_of_run(o);
  check_outputs({{"--answers", o.answers, OutputKind::kAnswers}}, {o.runner.model, o.data});
  std::unique_ptr<Runner> runner;
  std::unique_ptr<EarlyExit> early;
  if (o.exit_confidence >= 0) {
    if (o.runner.engine != "spikemix")
      throw input_error("--exit-confidence: only --engine spikemix answers step by step");
    early = std::make_unique<EarlyExit>(o.runner, o.exit_confidence);
  } else {
    runner = make_runner(o.runner);
  }
  const ModelCard& card = early ? early->card() : runner->card();
  DataConfig source = data_of_model(o.runner.model, o.data, o.format, o.skip_bad);
  o.sensor.apply(source);
  if (!card.model.takes_events()) refuse_without_effect(command, {"--size", "--time-unit"}, "a model of images");
  // The data that a run was tested on, so that its answers can be compared with those of its sweep.
  if (!o.answers.empty() && o.choice.images == 0) o.choice.images = source.test_images;
  const std::shared_ptr<const Dataset> data = open_split(o.choice, o.runner.model, card, source);
  check_classes(card, *data, o.runner.model, source.dir);
  note_other_sensor(card, *data);
  check_batch(o.batch, data->size());
  CountPrinter printer(data->size());
  std::optional<Confusion> confusion;
  if (o.confusion) confusion.emplace(data->classes());
  const EvalResult r = evaluate(
      data, test_loader_options(card, o.batch, o.loader_threads),
      [&](const Batch& batch) {
        std::vector<float> logits = early ? early->logits(batch) : runner->logits(batch);
        if (confusion) confusion->add(batch.labels, logits);
        return logits;
      },
      [&](int64_t done) { printer(done); });
  if (!o.answers.empty()) {
    const std::string made_by = early ? fmt::format("exit at {}", o.exit_confidence) : runner->name();
    write_answers(o.answers, answers_on(*data, r.answers, epoch_of(card), made_by));
  }
  if (o.json) {
    nlohmann::json json = {{"model", o.runner.model}, {"data", source.dir},
                           {"split", o.choice.split}, {"top1", r.top1},
                           {"top5", r.top5},          {"loss", r.loss},
                           {"images", r.images},      {"images_per_second", r.images_per_second}};
    if (early) json["mean_steps"] = early->mean_steps();
    if (confusion) confusion->write(json);
    answer_json(json);
    return;
  }
  answer("{}: top-1 {:.2f} %, top-5 {:.2f} %, loss {:.4f} on {} {} images, {:.0f} img/s{}\n", o.runner.model, r.top1,
         r.top5, r.loss, r.images, o.choice.split, r.images_per_second,
         early ? fmt::format(", {:.2f} of {} steps on average", early->mean_steps(), card.model.T) : "");
  if (confusion) answer_text(confusion->text());
}

}  // namespace

void add_eval(CLI::App& app) {
  auto* command = app.add_subcommand("eval", "accuracy of a model on test images, or on validation images");
  command->footer(R"(Examples:
  spikemix eval runs/cifar10-small
  spikemix eval runs/cifar10-small --confusion            which classes it takes for which
  spikemix eval runs/cifar10-small --split validation     on the images that chose its best epoch
  spikemix eval runs/cifar10-small --answers runs/cifar10-small/best/test_answers.safetensors
  spikemix eval small.safetensors --data cifar-10-binary.tar.gz --exit-confidence 0.9)");
  auto options = std::make_shared<EvalOptions>();
  command->add_option("MODEL", options->runner.model, kModelHelp)->required();
  command->add_option("--data", options->data, "data set; a run folder's own if not given");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  command
      ->add_option("--skip-bad", options->skip_bad,
                   "leave out up to this many damaged files; a run folder's own data.skip_bad if not given")
      ->check(CLI::NonNegativeNumber);
  options->sensor.add_to(*command);
  command
      ->add_option("--split", options->choice.split,
                   "test, or one of the parts of a run's training images (data.validation): validation, train")
      ->check(CLI::IsMember({"test", "validation", "train"}));
  command->add_option("--images", options->choice.images, "only this many images, the same share of each class; 0: all")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--batch", options->batch, "images a batch")->check(batch_bounds());
  command
      ->add_option("--exit-confidence", options->exit_confidence,
                   "stop an image's time steps once its likeliest class has this probability, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--confusion", options->confusion,
                    "accuracy of each class, and which others it is taken for, how often");
  command->add_option("--answers", options->answers,
                      "also write the class given to each test image, which `compare` needs to compare images; "
                      "training writes it beside a run's models (best/test_answers.safetensors)");
  add_runner_options(*command, options->runner);
  command->add_flag("--json", options->json, "print JSON");
  need_beside(*command, {"--format"}, "--data");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace spikemix
