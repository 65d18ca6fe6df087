// SPDX-License-Identifier: MIT
#include "spikemix/cli/train/profile.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/train/few_steps.h"
#include "spikemix/nn/ops/profile.h"
#include "spikemix/train/device.h"
#include "spikemix/train/machine_limits.h"

namespace spikemix {
namespace {

constexpr int64_t kWarmUp = 3, kSteps = 20;

struct Row {
  std::string layer, op;
  double ms = 0, share = 0;
  double density = -1;  // of a product's inputs, or the share that Winograd multiplies; otherwise -1
  double rate = 0;      // 10^9 multiply-adds a second that matrices would need, or 10^9 bytes
  double of_limit = 0;  // 0: unknown
  bool bytes = false;
};

// Milliseconds a step; the longest first.
std::vector<Row> rows_of(const Profile& profile, const MachineLimits& limits, double step_seconds, double steps) {
  std::vector<Row> rows;
  for (const auto& [key, entry] : profile.entries()) {
    if (key.first == "step" && (key.second == "forward" || key.second == "backward")) continue;  // sums of the others
    Row row{.layer = key.first, .op = key.second};
    row.ms = 1000 * entry.seconds / steps;
    row.share = entry.seconds / steps / step_seconds;
    if (entry.macs > 0) {
      const bool spikes = key.second.ends_with("spikes");
      row.density = entry.adds / entry.macs;
      row.rate = entry.macs / entry.seconds / 1e9;
      row.of_limit = entry.adds / entry.seconds / (spikes ? limits.adds : limits.macs);
    } else if (entry.bytes > 0) {
      row.bytes = true;
      row.rate = entry.bytes / entry.seconds / 1e9;
      row.of_limit = entry.bytes / entry.seconds / limits.bytes;
    }
    rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.ms > b.ms; });
  return rows;
}

void print_table(const std::vector<Row>& rows, const MachineLimits& limits, double step_seconds,
                 double images_per_second) {
  answer("{:<28} {:<20} {:>9} {:>7} {:>8} {:>12} {:>9}\n", "layer", "operator", "ms a step", "share", "density",
         "10^9 a sec.", "of limit");
  double rest = 1000 * step_seconds;
  for (const Row& row : rows) {
    rest -= row.ms;
    answer("{:<28} {:<20} {:>9.2f} {:>6.1f}% {:>8} {:>12} {:>9}\n", row.layer, row.op, row.ms, 100 * row.share,
           row.density < 0 ? "" : fmt::format("{:.1f} %", 100 * row.density),
           row.rate == 0 ? "" : fmt::format("{:.0f} {}", row.rate, row.bytes ? "B  " : "MAC"),
           row.of_limit == 0 ? "" : fmt::format("{:.0f} %", 100 * row.of_limit));
  }
  answer("{:<28} {:<20} {:>9.2f} {:>6.1f}%\n", "everything else", "", rest, rest / step_seconds / 10);
  answer(
      "\n{:.1f} ms a step, {:.1f} images/s. MAC: what matrices would need; where spikes are added up, and with "
      "Winograd, only the density's share of it is done.\nThis machine's limits: {:.0f} x 10^9 MAC/s in matrices, "
      "{}{:.0f} x 10^9 bytes/s.\n",
      1000 * step_seconds, images_per_second, limits.macs / 1e9,
      limits.adds > 0 ? fmt::format("{:.0f} x 10^9 additions/s of weights, ", limits.adds / 1e9) : "",
      limits.bytes / 1e9);
}

nlohmann::json document_of(const std::vector<Row>& rows, const MachineLimits& limits, double step_seconds,
                           double images_per_second) {
  nlohmann::json document = {
      {"ms_per_step", 1000 * step_seconds},
      {"images_per_second", images_per_second},
      {"limits",
       {{"macs_per_second", limits.macs}, {"additions_per_second", limits.adds}, {"bytes_per_second", limits.bytes}}},
      {"rows", nlohmann::json::array()}};
  for (const Row& row : rows) {
    nlohmann::json line = {{"layer", row.layer}, {"operator", row.op}, {"ms", row.ms}, {"share", row.share}};
    if (row.density >= 0) line["density"] = row.density;
    if (row.rate > 0) line[row.bytes ? "gigabytes_per_second" : "gigamacs_per_second"] = row.rate;
    if (row.of_limit > 0) line["of_limit"] = row.of_limit;
    document["rows"].push_back(line);
  }
  return document;
}

}  // namespace

void profile_training(Config config, bool json) {
  config.train.epochs = std::max(config.train.epochs, kWarmUp + kSteps);  // at least one step each
  config.train.eval_every = config.train.epochs;                          // no test between the timed steps
  const std::string device = open_device(config.train.device);
  Profile profile([&device] { finish(device); });
  Profile::active() = &profile;
  const TimedSteps steps = train_few_steps(config, kWarmUp, kSteps, [&] { profile.clear(); });
  Profile::active() = nullptr;
  if (steps.timed < 1)
    throw input_error("--profile: an epoch of {} steps is too short; take a smaller train.batch", steps.warm_up);

  const MachineLimits limits = measure_machine(config.train.precision, device);
  const double step_seconds = steps.seconds / double(steps.timed), rate = double(config.train.batch) / step_seconds;
  const std::vector<Row> rows = rows_of(profile, limits, step_seconds, double(steps.timed));
  if (json)
    answer_json(document_of(rows, limits, step_seconds, rate));
  else
    print_table(rows, limits, step_seconds, rate);
}

}  // namespace spikemix
