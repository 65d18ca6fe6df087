// SPDX-License-Identifier: MIT
#include "spikemix/train/verify.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/json.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

struct Options {
  std::string run, data;
  int64_t steps = kFirstSteps, threads = -1;
  bool json = false;
};

nlohmann::json document_of(const std::string& run, const Verification& v) {
  nlohmann::json document = {{"run", run},
                             {"match", v.same},
                             {"steps", v.here.size()},
                             {"recorded_steps", v.recorded.size()},
                             {"first_difference", nullptr},
                             {"losses", nlohmann::json::array()},
                             {"conditions", nlohmann::json::array()}};
  for (size_t i = 0; i < v.here.size(); ++i) {
    const FirstStep &there = v.recorded[i], &here = v.here[i];
    const nlohmann::json losses = {
        {"epoch", here.epoch}, {"step", here.step}, {"recorded", there.loss}, {"here", here.loss}};
    document["losses"].push_back(losses);
    if (here.loss != there.loss) document["first_difference"] = losses;
  }
  for (const OtherCondition& c : v.conditions)
    document["conditions"].push_back({{"name", c.name}, {"recorded", c.recorded}, {"here", c.here}});
  if (v.other_inputs) {
    const FirstStep& step = v.here[size_t(*v.other_inputs)];
    document["first_other_inputs"] = {{"epoch", step.epoch}, {"step", step.step}};
  }
  return document;
}

// The items of a list that are missing in the other.
std::string text_of(const nlohmann::json& value, const nlohmann::json& other) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array() || !other.is_array()) return value.is_null() ? "nothing" : json_text(value);
  std::vector<std::string> own;
  for (const nlohmann::json& entry : value)
    if (std::ranges::find(other, entry) == other.end()) own.push_back(text_of(entry, nullptr));
  return own.empty() ? "no more" : fmt::format("also {}", fmt::join(own, " "));
}

// "step 3", or "epoch 2, step 1", counted from 1.
std::string place_of(const FirstStep& step) {
  return step.epoch == 0 ? fmt::format("step {}", step.step)
                         : fmt::format("epoch {}, step {}", step.epoch + 1, step.step);
}

void print_conditions(const Verification& v) {
  for (const OtherCondition& c : v.conditions)
    answer("  {:<26} {} in the run, {} here\n", c.name, text_of(c.recorded, c.here), text_of(c.here, c.recorded));
}

void print_inputs(const Verification& v) {
  if (!v.other_inputs) return;
  answer("{} was given other pictures or recordings than in the run, or the same ones augmented differently\n",
         place_of(v.here[size_t(*v.other_inputs)]));
}

void print(const std::string& run, const Verification& v) {
  const size_t steps = v.here.size();
  if (v.same) {
    answer("{}: the losses of the first {} repeat to the bit\n", run,
           steps == 1 ? "step" : fmt::format("{} steps", steps));
    print_inputs(v);
    if (!v.conditions.empty()) answer("though these conditions differ here:\n");
    print_conditions(v);
    return;
  }
  const FirstStep &there = v.recorded[steps - 1], &here = v.here[steps - 1];
  answer("{}: {} is the first that differs, of {}: loss {} in the run, {} here ({:+.1e})\n", run, place_of(here),
         v.recorded.size(), there.loss, here.loss, here.loss - there.loss);
  print_inputs(v);
  if (v.conditions.empty()) {
    answer("no recorded condition differs: neither threads, precision, instructions, LibTorch, data nor commit\n");
    return;
  }
  answer("what differs here, the likeliest cause first:\n");
  print_conditions(v);
}

void run_verify(const Options& o) {
  const Launch launch = read_launch();
  VerifyOptions options{.steps = o.steps, .data = o.data, .builtin = builtin_bytes()};
  if (o.threads >= 0) options.threads = o.threads;
  std::optional<CountPrinter> printer;
  if (launch.leads()) {
    options.on_open = opening_printer();
    options.on_step = [&](int64_t done, int64_t steps) {
      if (!printer) printer.emplace(steps, "steps");
      (*printer)(done);
    };
  }
  const Verification v = verify(o.run, options, launch);
  printer.reset();
  if (launch.leads()) {
    if (v.on_gpu)
      say("{}: on a GPU: the losses are checked to the bit, but which GPU, driver and CUDA the run had is not on "
          "record",
          o.run);
    if (v.left_out > 0)
      say("{}: {} more of the steps on record were done after `spikemix resume`, under other conditions; they are not "
          "repeated",
          o.run, v.left_out);
    if (o.json)
      answer_json(document_of(o.run, v));
    else
      print(o.run, v);
  }
  if (!v.same) throw Exit{kFailed};
}

}  // namespace

void add_verify(CLI::App& app) {
  auto* command = app.add_subcommand(
      "verify", "repeat the first steps of a run: say whether the losses match to the bit and, if not, what differs");
  command->footer(R"(Examples:
  spikemix verify runs/cifar10-small
  spikemix verify runs/cifar10-small --steps 3 --data /mnt/cifar-10-binary.tar.gz    the data have moved
  spikemix verify runs/cifar10-small --threads 1 --json
Exit codes: 0 all losses match, 1 they do not, 2 the input was wrong.)");
  auto options = std::make_shared<Options>();
  command->add_option("RUN", options->run, "the run folder; nothing in it is changed")->required();
  command
      ->add_option("--steps", options->steps,
                   fmt::format("repeat this many; all that the run recorded, {} at most, if not given", kFirstSteps))
      ->check(CLI::Range(int64_t{1}, kFirstSteps))
      ->default_str("");
  command->add_option("--data", options->data, "where the data are now; where they were if not given");
  command
      ->add_option("--threads", options->threads,
                   "compute threads, 0: one for each core; as many as the run had if not given")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] { run_verify(*options); });
}

}  // namespace spikemix
