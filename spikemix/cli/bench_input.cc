// SPDX-License-Identifier: MIT
#include "spikemix/cli/bench_input.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/clock.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/fitted.h"
#include "spikemix/data/resize.h"
#include "spikemix/data/subset.h"

namespace spikemix {
namespace {

constexpr double kSeconds = 2;     // for each measurement, at least
constexpr int64_t kSample = 2000;  // number of images whose decoding is timed

// Images a second from a loader, epoch after epoch; starting the threads and the first batch are not timed.
double loader_rate(const std::shared_ptr<const Dataset>& data, LoaderOptions options, int64_t threads) {
  options.threads = threads;
  Loader loader(data, options);
  Batch batch;
  int64_t epoch = 0, images = 0;
  loader.start_epoch(epoch);
  loader.next(batch);
  const auto start = Clock::now();
  while (seconds_since(start) < kSeconds) {
    if (loader.next(batch)) {
      images += batch.size;
    } else {
      loader.start_epoch(++epoch);
    }
  }
  return double(images) / seconds_since(start);
}

// Microseconds that `f` takes for each of the data's images.
template <class F>
double microseconds(const Dataset& data, F&& f) {
  const int64_t count = std::min(kSample, data.size());
  const auto start = Clock::now();
  for (int64_t k = 0; k < count; ++k) f(k * data.size() / count);
  return 1e6 * seconds_since(start) / double(count);
}

struct Stage {
  const char *key, *text;
  double us;
};

struct Results {
  std::string format;
  std::shared_ptr<const Dataset> data;
  double open_seconds = 0;
  std::optional<CacheReport> cache;
  std::vector<std::pair<int64_t, double>> rates;  // number of threads, rate
  std::vector<Stage> stages;
};

Results measure(const Config& config, int64_t threads, const DataFormat& format) {
  const ModelConfig& m = config.model;
  const FitOptions fit_options{.shape = {m.height, m.width, m.channels},
                               .images = config.data.train_images,
                               .images_key = "data.train_images",
                               .threads = threads};
  Results r;
  r.format = format.name;
  OpenListener listener = opening_printer();
  listener.cache = [&](const CacheReport& report) { r.cache = report; };
  const auto start = Clock::now();
  r.data = open_fitted(config.data, Split::kTrain, fit_options, listener);
  r.open_seconds = seconds_since(start);

  ModelCard card = card_of(config, *r.data);
  card.model.classes = int64_t(r.data->classes().size());
  const LoaderOptions training = train_loader_options(card, config);
  LoaderOptions plain = training;
  plain.train = false;

  const Dataset& data = *r.data;
  const bool cached = r.cache && r.cache->state != CacheReport::State::kUnwritable;
  if (format.decodes && cached) {
    const auto original = subset(open_dataset(config.data, Split::kTrain), config.data.train_images, "");
    r.stages.push_back({"decode", "decode and fit, once", microseconds(*original, [&](int64_t i) {
                          fit(original->image(i), m.height, m.width, m.channels);
                        })});
  }
  const auto read = [&](int64_t i) {
    if (data.holds_events()) {
      data.events(i);
    } else {
      fit(data.image(i), m.height, m.width, m.channels);
    }
  };
  microseconds(data, read);  // pages the data in and does the checks of the first read
  const double reading = microseconds(data, read);
  const double without = 1e6 / loader_rate(r.data, plain, 1);
  for (int64_t t = 1; t <= threads; t = t < threads ? std::min(2 * t, threads) : threads + 1) {
    r.rates.emplace_back(t, loader_rate(r.data, training, t));
  }
  r.stages.push_back({"read", !format.decodes || cached ? "read" : "decode and fit, in every epoch", reading});
  r.stages.push_back({data.holds_events() ? "frames" : "normalise", data.holds_events() ? "frames" : "normalise",
                      std::max(0.0, without - reading)});
  r.stages.push_back({"augment", "augment", std::max(0.0, 1e6 / r.rates[0].second - without)});
  return r;
}

const char* name_of(CacheReport::State state) {
  switch (state) {
    case CacheReport::State::kFound:
      return "found";
    case CacheReport::State::kBuilt:
      return "built";
    case CacheReport::State::kUnwritable:
      return "unwritable";
  }
  return "";
}

nlohmann::json to_json(const Results& r, const Config& config) {
  nlohmann::json json = {{"data", config.data.dir},
                         {"format", r.format},
                         {"recipe", config.name},
                         {"samples", r.data->size()},
                         {"shape", {config.model.height, config.model.width, config.model.channels}},
                         {"open_seconds", r.open_seconds},
                         {"cache", nullptr}};
  if (r.cache) {
    json["cache"] = {{"state", name_of(r.cache->state)},
                     {"file", r.cache->file.string()},
                     {"bytes", r.cache->bytes},
                     {"build_seconds", r.cache->build_seconds}};
  }
  for (const auto& [threads, rate] : r.rates) {
    json["loader"].push_back({{"threads", threads}, {"samples_per_second", rate}});
  }
  for (const Stage& stage : r.stages) json["microseconds"][stage.key] = stage.us;
  return json;
}

void print(const Results& r, const Config& config) {
  const bool events = r.data->holds_events();
  const char *one = events ? "recording" : "image", *unit = events ? "recordings/s" : "img/s";
  answer("{}: {}, {} training {}s for a model of {} x {} x {}; augmentation of {}\n", config.data.dir, r.format,
         r.data->size(), one, config.model.height, config.model.width, config.model.channels, config.name);
  if (!r.cache) {
    answer("no cache; opened in {:.2f} s\n", r.open_seconds);
  } else if (r.cache->state == CacheReport::State::kUnwritable) {
    answer("the cache cannot be written; opened in {:.2f} s\n", r.open_seconds);
  } else {
    answer("cache {}, {:.0f} MB; opened in {:.2f} s{}\n", r.cache->file.string(), 1e-6 * double(r.cache->bytes),
           r.open_seconds,
           r.cache->state == CacheReport::State::kBuilt
               ? fmt::format(", of which making it {:.2f} s", r.cache->build_seconds)
               : ", as it was there");
  }
  answer("\n{:<34} {:>12}\n", fmt::format("on one thread, each {}", one), "microseconds");
  for (const Stage& stage : r.stages) answer("  {:<32} {:>12.2f}\n", stage.text, stage.us);
  answer("\n");
  for (const auto& [threads, rate] : r.rates) {
    answer("{} loader thread{} {:.0f} {}\n", threads, threads == 1 ? " feeds" : "s feed", rate, unit);
  }
}

}  // namespace

void bench_input(const InputBenchOptions& options) {
  const DataFormat& format = find_format(options.data, options.format);
  const std::string usual = format.list ? "cifar10-dvs" : "cifar10";
  Config config = load_recipe(options.recipe.empty() ? usual : options.recipe, options.overrides);
  config.data.dir = options.data, config.data.format = options.format;
  options.sensor.apply(config.data);
  validate(config);
  const Results results = measure(config, options.threads, format);
  if (options.json) {
    answer_json(to_json(results, config));
  } else {
    print(results, config);
  }
}

}  // namespace spikemix
