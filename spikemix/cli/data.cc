// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/picture.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/summary.h"

namespace spikemix {
namespace {

nlohmann::json to_json(const SplitSummary& s) {
  nlohmann::json json = {{"name", s.name}, {"images", s.images}, {"class_counts", s.class_counts}};
  if (!s.damaged.empty()) json["damaged"] = s.damaged;
  if (s.class_events.empty()) {
    json.update({{"sampled", s.sampled},
                 {"height", {s.min_height, s.max_height}},
                 {"width", {s.min_width, s.max_width}},
                 {"channels", s.channels},
                 {"mean", s.mean},
                 {"std", s.std}});
    if (!s.endings.empty()) json["endings"] = s.endings;
    return json;
  }
  json.erase("images");
  json.update({{"recordings", s.images}, {"height", s.sensor.height}, {"width", s.sensor.width}});
  for (const EventTotals& totals : s.class_events) {
    json["class_events"].push_back(totals.events);
    json["class_seconds"].push_back(totals.seconds);
    json["class_shortest_us"].push_back(totals.min_us);
    json["class_longest_us"].push_back(totals.max_us);
  }
  return json;
}

nlohmann::json to_json(const DataSummary& summary) {
  nlohmann::json json = {{"format", summary.format}, {"classes", summary.classes}};
  for (const SplitSummary& s : summary.splits) json["splits"].push_back(to_json(s));
  json["files"] = summary.report;
  return json;
}

std::string range(int64_t low, int64_t high) {
  return low == high ? fmt::to_string(low) : fmt::format("{}..{}", low, high);
}

// The recordings of each class, with their events and durations.
void print_recordings(const DataSummary& summary, const SplitSummary& s) {
  answer("\n{}: {} recordings, {} x {} pixels\n", s.name, s.images, s.sensor.width, s.sensor.height);
  answer("  {:>20} {:>10} {:>12} {:>14} {:>10}  {}\n", "class", "recordings", "events", "events each", "seconds",
         "ms each");
  for (size_t i = 0; i < s.class_counts.size(); ++i) {
    const EventTotals& totals = s.class_events[i];
    answer("  {:>20} {:>10} {:>12} {:>14.0f} {:>10.1f}  {}\n", summary.classes[i], s.class_counts[i], totals.events,
           double(totals.events) / double(std::max<int64_t>(1, s.class_counts[i])), totals.seconds,
           range(totals.min_us / 1000, totals.max_us / 1000));
  }
}

// Which files became which split, and which were left out.
void print_report(const DataReport& report) {
  if (report.drawn) answer("  {}\n", kDrawn);
  if (!report.train_folder.empty()) answer("  train: {}\n", report.train_folder);
  if (!report.test_folder.empty()) answer("  test: {}\n", report.test_folder);
  for (const Remark& remark : report.left_out) answer("  left out: {}\n", to_line(remark));
}

void print(const std::string& path, const DataSummary& summary) {
  answer("{}: {}, {} classes\n", path, summary.format, summary.classes.size());
  print_report(summary.report);
  for (const SplitSummary& s : summary.splits) {
    if (!s.damaged.empty()) answer("\n{}: {} damaged, left out\n", s.name, s.damaged.size());
    for (const std::string& fault : s.damaged) answer("  {}\n", fault);
    if (!s.class_events.empty()) {
      print_recordings(summary, s);
      continue;
    }
    answer("\n{}: {} images, {} x {} pixels, {} channels (from {} of them)\n", s.name, s.images,
           range(s.min_height, s.max_height), range(s.min_width, s.max_width), s.channels, s.sampled);
    if (s.endings.size() > 1) {
      std::vector<std::string> kinds;
      for (const auto& [ending, count] : s.endings) kinds.push_back(fmt::format("{} {}", count, ending));
      answer("  {}\n", fmt::format("{}", fmt::join(kinds, ", ")));
    }
    answer("  data.mean={:.4f} data.std={:.4f}\n", fmt::join(s.mean, ","), fmt::join(s.std, ","));
    const int64_t most = *std::max_element(s.class_counts.begin(), s.class_counts.end());
    for (size_t i = 0; i < s.class_counts.size(); ++i) {
      answer("  {:>20} {:>7} {}\n", summary.classes[i], s.class_counts[i],
             bar(double(s.class_counts[i]) / double(std::max<int64_t>(1, most)), 30));
    }
  }
}

}  // namespace

void add_data(CLI::App& app) {
  auto* data = app.add_subcommand("data", "look at data sets: `data info DIR`, `data formats`");
  data->footer(R"(Examples:
  spikemix data info pictures
  spikemix data formats)");
  data->require_subcommand(1);

  struct Options {
    DataConfig data;
    SensorFlags sensor;
    int64_t sample = 2000;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* info = data->add_subcommand("info",
                                    "images, classes, sizes, mean and deviation of a data set, or recordings, events "
                                    "and durations; which folder became which split, and what was left out");
  info->footer(R"(Examples:
  spikemix data info cifar-10-binary.tar.gz
  spikemix data info pictures --json
  spikemix data info DvsGesture                           recordings of an event camera)");
  info->add_option("DIR", options->data.dir, "folder or archive")->required();
  info->add_option("--format", options->data.format, "one of `spikemix data formats`; auto: told from the names in it");
  info->add_option("--cache", options->data.cache, "folder for the compact copy of recordings; off: none (data.cache)");
  options->sensor.add_to(*info);
  info->add_option("--sample", options->sample, "images of each split to decode for sizes and means")
      ->check(CLI::PositiveNumber);
  info->add_option("--skip-bad", options->data.skip_bad,
                   "decode all, and leave out up to this many damaged files of each split (data.skip_bad)")
      ->check(CLI::NonNegativeNumber);
  info->add_flag("--json", options->json, "print JSON");
  info->callback([options] {
    options->sensor.apply(options->data);
    const OpenListener listener = opening_printer();
    const DataSummary summary = summarise(options->data, options->sample, listener);
    tell({.repeated = summary.report.repeated}, options->data.dir, listener.note);
    if (options->json) {
      answer_json(to_json(summary));
    } else {
      print(options->data.dir, summary);
    }
  });

  auto* formats = data->add_subcommand("formats", "list the formats that data can come in");
  formats->footer(R"(Examples:
  spikemix data formats)");
  formats->callback([] {
    for (const DataFormat& format : data_formats()) answer("  {:<12} {}\n", format.name, format.summary);
  });
}

}  // namespace spikemix
