// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/options.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/report_comparison.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/samples.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/subset.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/report/html.h"
#include "spikemix/report/page.h"
#include "spikemix/report/picture.h"
#include "spikemix/report/sections.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kActivityImages = 50;  // for rates, energy and time
constexpr size_t kMistakes = 24;
constexpr int64_t kPicturePixels = 96;

struct ReportOptions {
  std::vector<std::string> paths;
  std::string out, data, format = "auto", picture, precision, baseline;
  RecordingFlags recordings;
  int64_t test_image = -1, images = 1000, models = 4, skip_bad = -1, threads = 0;
};

RgbPicture picture_of(const Sample& sample, bool events) {
  return reports::small_picture(events ? picture_of(sample.events, sample.recording.sensor) : sample.image,
                                kPicturePixels);
}

// Nothing is left out silently.
void leave_out(reports::Page& page, const std::string& what) {
  page.left_out.push_back(what);
  say("left out: {}", what);
}

/// The part of the page about one model.
class ModelPart {
 public:
  ModelPart(const ReportOptions& o, std::string model, std::string name, std::string id, reports::Page& page)
      : o_(o), model_(std::move(model)), name_(std::move(name)), id_(std::move(id)), page_(page) {
    RunnerOptions runner;
    runner.model = model_, runner.precision = o.precision;
    network_ = load_network_of(runner);
  }

  void add() {
    const std::string precision = name_of(network_->precision);
    std::string body = reports::shape(network_->card, precision);
    open_data();
    if (data_) body += answers() + activity();
    body += sample();
    page_.sections.push_back({id_, fmt::format("{}: the model, {}", name_, precision), std::move(body)});
  }

 private:
  const ModelCard& card() const { return network_->card; }
  std::string class_name(int64_t label) const {
    return size_t(label) < card().classes.size() ? card().classes[size_t(label)] : fmt::format("class {}", label);
  }
  void leave_out(const std::string& what, const std::string& why) {
    spikemix::leave_out(page_, fmt::format("{}: {}: {}", name_, what, why));
  }

  // Data named by --data must exist; a run's own may be gone by now, and the page shows the rest.
  void open_data() {
    try {
      DataConfig source = data_of_model(model_, o_.data, o_.format, o_.skip_bad);
      o_.recordings.sensor.apply(source);
      data_ = open_and_tell(source, Split::kTest);
      check_classes(card(), *data_, model_, source.dir);
      note_other_sensor(card(), *data_);
      data_name_ = source.dir;
    } catch (const InputError& error) {
      if (!o_.data.empty()) throw;
      data_.reset();
      leave_out("test accuracy, mistakes, firing rates, energy and time", error.what());
    }
  }

  std::string answers() {
    const std::shared_ptr<const Dataset> some = subset(data_, std::min(o_.images, data_->size()), "--images");
    CountPrinter printer(some->size());
    const reports::Answers answers =
        reports::answer(network_, some, thread_count(o_.threads), [&](int64_t done) { printer(done); });
    std::vector<reports::Mistake> mistakes;
    for (const size_t i : reports::surest_mistakes(answers, kMistakes)) {
      const Sample sample = sample_of(*some, int64_t(i));
      mistakes.push_back({sample.source, picture_of(sample, some->holds_events()), class_name(answers.truth[i]),
                          class_name(answers.answer[i]), answers.probability[i]});
    }
    return reports::confusion(id_, answers, mistakes, data_name_);
  }

  std::string activity() {
    const reports::Activity activity =
        reports::measure(network_, subset(data_, std::min(kActivityImages, data_->size()), "--images"));
    return reports::rates(id_, activity) + reports::energy(id_, card(), activity) + reports::time(id_, activity);
  }

  // The picture or recording to follow through the layers.
  std::optional<Sample> chosen() {
    if (!o_.picture.empty()) {
      FilesToRead files({o_.picture}, o_.recordings.options());
      if (files.list().size() != 1) throw input_error("--picture {}: expected one file", o_.picture);
      std::optional<Sample> sample = files.read(files.list()[0], card());
      files.finish();
      return sample;
    }
    if (!data_) {
      leave_out("spikes, membrane potentials and token spectra",
                "they need a picture; give --picture FILE or --data DIR");
      return {};
    }
    const int64_t i = std::max<int64_t>(0, o_.test_image);
    if (i >= data_->size()) throw input_error("--test-image {}: {} holds {}", i, data_name_, data_->size());
    return sample_of(*data_, i);
  }

  std::string sample() {
    std::optional<Sample> sample = chosen();
    if (!sample) return "";
    const bool events = card().model.takes_events();
    reports::Shown shown;
    shown.source = sample->source, shown.truth = sample->label ? class_name(*sample->label) : "";
    shown.picture = picture_of(*sample, events);
    const auto one = std::make_shared<Samples>(events, std::vector{std::move(*sample)});
    Loader loader(one, test_loader_options(card(), 1, 1));
    loader.start_epoch(0);
    Batch batch;
    loader.next(batch);
    shown.trace = reports::trace(network_, batch.images.data());
    if (!shown.trace.no_membranes.empty()) leave_out("membrane potentials", shown.trace.no_membranes);
    return reports::sample(id_, card(), shown);
  }

  const ReportOptions& o_;
  const std::string model_, name_, id_;
  reports::Page& page_;
  std::shared_ptr<const Network> network_;
  std::shared_ptr<const Dataset> data_;
  std::string data_name_;
};

/// The command line's arguments: runs, including those in folders of runs, and models.
struct Named {
  std::vector<reports::Run> runs;
  std::vector<std::string> models;  // run folders with a model in them, and files
  std::vector<std::string> names;   // the models'
};

void add_run(const fs::path& folder, reports::Page& page, Named& named) {
  named.runs.push_back(reports::read_run(folder));
  const reports::Run& run = named.runs.back();
  for (const std::string& line : run.missing) leave_out(page, fmt::format("{}: {}", run.name, line));
  if (fs::exists(model_file_of(folder))) {
    named.models.push_back(folder.string()), named.names.push_back(run.name);
  } else {
    leave_out(page, fmt::format("{}: the model: the run has written none yet", run.name));
  }
}

Named look_up(const ReportOptions& o, reports::Page& page) {
  Named named;
  for (const std::string& path : o.paths) {
    if (!is_builtin(path) && !fs::exists(path)) throw input_error("{}: no such file or folder", path);
    const auto [runs, missing] = reports::find_runs(path);
    for (const std::string& run : missing) leave_out(page, run + ": the sweep has not begun it");
    for (const fs::path& folder : runs) {
      try {
        add_run(folder, page, named);
      } catch (const InputError& error) {
        if (o.paths.size() == 1 && runs.size() == 1) throw;
        leave_out(page, error.what());
      }
    }
    if (!runs.empty()) continue;
    if (fs::is_directory(path)) throw input_error("{}: holds no run (a folder with a config.json)", path);
    named.models.push_back(path), named.names.push_back(is_builtin(path) ? path : fs::path(path).filename().string());
  }
  return named;
}

// Quoted for a shell.
std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("-_./=:,+").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::vector<std::string> commands(const reports::Run& run) {
  const std::string folder = quoted(run.folder);
  return {fmt::format("spikemix train {}.toml --data {} --out {}", quoted(run.config.name), quoted(run.config.data.dir),
                      quoted(run.folder + "-again")),
          fmt::format("spikemix eval {} --confusion", folder), fmt::format("spikemix count {}", folder),
          fmt::format("spikemix bench {} --layers", folder)};
}

// From the finished ones, as in `spikemix compare`.
std::string compared(const std::vector<reports::Run>& runs, const std::string& baseline, reports::Page& page) {
  std::vector<ComparedRun> finished;
  for (const reports::Run& run : runs) {
    ComparedRun read = read_compared_run(run.folder);
    if (read.skipped.empty())
      finished.push_back(std::move(read));
    else
      leave_out(page, fmt::format("{}: not in the means: {}", run.name, read.skipped));
  }
  if (finished.empty()) return "";
  const Comparison comparison = compare_groups(finished, {.settings = baseline});
  for (const std::string& run : comparison.left_out) leave_out(page, "not in the means a second time: " + run);
  return comparison_html(comparison);
}

void add_runs(const std::vector<reports::Run>& runs, const std::string& baseline, reports::Page& page) {
  const std::string groups = compared(runs, baseline, page);
  page.sections.push_back({"runs", runs.size() == 1 ? "The run" : "The runs", groups + reports::comparison(runs)});
  if (groups.empty() && runs.size() > 1)
    leave_out(page, "means, intervals and p: they need several seeds of the same settings (`spikemix sweep`)");
  if (std::string curves = reports::curves(runs); !curves.empty()) {
    page.sections.push_back({"curves", "Curves", std::move(curves)});
  } else {
    leave_out(page, "curves: no epoch is done yet");
  }
}

void add_repeats(const std::vector<reports::Run>& runs, size_t most, reports::Page& page) {
  std::string body =
      "<p>Save the resolved config below as NAME.toml; with the same threads, processor and versions the weights are "
      "the same to the bit.</p>\n";
  for (size_t i = 0; i < std::min(most, runs.size()); ++i) {
    body += fmt::format("<h3>{}</h3>\n", reports::escaped(runs[i].name)) + reports::repeat(runs[i], commands(runs[i]));
  }
  if (!runs.empty()) page.sections.push_back({"repeat", "To repeat it", std::move(body)});
}

// If one of several models cannot be read, it is left out.
void add_model(const ReportOptions& o, const Named& named, size_t i, reports::Page& page) {
  std::optional<ModelPart> part;
  try {
    part.emplace(o, named.models[i], named.names[i], fmt::format("model-{}", i + 1), page);
  } catch (const InputError& error) {
    if (named.models.size() == 1) throw;
    leave_out(page, error.what());
    return;
  }
  part->add();
}

std::string title_of(const Named& named) {
  const std::string first = named.runs.empty() ? named.names[0] : named.runs[0].name;
  const size_t all = std::max(named.runs.size(), named.models.size());
  return all == 1 ? fmt::format("{}: report", first) : fmt::format("{} and {} more: report", first, all - 1);
}

void run(const ReportOptions& o) {
  if (!o.picture.empty() && o.test_image >= 0) throw input_error("--picture and --test-image: expected one of them");
  std::vector<std::string> inputs = o.paths;
  inputs.insert(inputs.end(), {o.data, o.picture});
  check_outputs({{"-o", o.out, OutputKind::kPage}}, inputs);
  o.recordings.options();  // checked even if nothing needs them: an invalid flag is an error
  reports::Page page;
  const Named named = look_up(o, page);
  if (named.runs.empty() && named.models.empty()) throw input_error("nothing to report on: no run can be read");
  page.title = title_of(named);
  page.lead =
      "Everything on this page is in this file: it loads nothing and runs no script. The numbers of each chart are "
      "below it.";
  if (!named.runs.empty()) add_runs(named.runs, o.baseline, page);
  const size_t shown = std::min(size_t(o.models), named.models.size());
  for (size_t i = 0; i < shown; ++i) add_model(o, named, i, page);
  if (shown < named.models.size()) {
    leave_out(page, fmt::format("the models of the last {} of {}: --models {} shows them all",
                                named.models.size() - shown, named.models.size(), named.models.size()));
  }
  add_repeats(named.runs, size_t(o.models), page);
  if (page.sections.empty()) throw input_error("nothing to report on: none of these {} can be read", o.paths.size());
  const std::string text = reports::html(page);
  write_file_atomically(o.out, text);
  report("{}: {:.0f} kB\n", o.out, double(text.size()) / 1e3);
}

}  // namespace

void add_report(CLI::App& app) {
  auto o = std::make_shared<ReportOptions>();
  auto* command =
      app.add_subcommand("report", "write one page with the curves, mistakes, spikes and energy of one run or several");
  command->footer(R"(Examples:
  spikemix report runs/cifar10-small -o report.html
  spikemix report runs/demo-fft2d runs/demo-ssa -o both.html
  spikemix report runs/sweep -o sweep.html --models 2            all runs in a folder; two models in detail
  spikemix report small.safetensors --picture cat.jpg -o small.html)");
  command->add_option("RUN", o->paths, "run folders, folders of runs, or models (model.safetensors, builtin)")
      ->required();
  command->add_option("-o,--out", o->out, "file to write")->required();
  command->add_option(
      "--baseline", o->baseline,
      "settings of the group of runs that the others are compared with, as in model.mixer=ssa; the first "
      "run's if not given");
  command->add_option("--data", o->data, "data set to test on; a run folder's own if not given");
  command->add_option("--format", o->format, "format of the data (see `spikemix data formats`)");
  command->add_option("--picture", o->picture, "the picture or recording to follow through the layers");
  command->add_option("--test-image", o->test_image, "or this test image; default: the first, 0")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--images", o->images, "how many test images to answer, spread over the classes")
      ->check(CLI::PositiveNumber);
  command->add_option("--models", o->models, "how many models to show in detail, from the first one on")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--skip-bad", o->skip_bad,
                   "leave out up to this many damaged files; a run folder's own data.skip_bad if not given")
      ->check(CLI::NonNegativeNumber);
  o->recordings.add_to(*command);
  command->add_option("--precision", o->precision, "fp32, int16 or int8; a file of integers says its own");
  command->add_option("--threads", o->threads, "compute threads; 0: one for each core")->check(CLI::NonNegativeNumber);
  need_beside(*command, {"--format"}, "--data");
  command->callback([o] { run(*o); });
}

}  // namespace spikemix
