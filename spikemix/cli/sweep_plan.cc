// SPDX-License-Identifier: MIT
#include "spikemix/cli/sweep_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/json.h"
#include "spikemix/base/nearest.h"
#include "spikemix/cli/baseline.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/config/config_json.h"
#include "spikemix/data/facts.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostRuns = 10'000, kLongestName = 120;

// One key of the grid, and its values as on a command line.
struct Axis {
  std::string key;
  std::vector<std::string> values;
  uint32_t line = 0, column = 0;  // in the file
};

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : where_(file.string()) {
    try {
      table_ = toml::parse(read_file(file), where_);
    } catch (const toml::parse_error& error) {
      throw input_error("{}:{}: {}", where_, error.source().begin.line, error.description());
    }
    const std::vector<std::string> known = {"name", "recipe", "data", "overrides", "seeds", "jobs", "baseline", "grid"};
    for (const auto& [key, node] : table_) {
      if (std::ranges::count(known, key.str()) == 0)
        throw input_error("{}: unknown key {}", line(node), unknown_name(std::string(key.str()), known));
    }
  }

  std::string text(const char* key, const std::string& otherwise = "") const {
    const toml::node* node = table_.get(key);
    if (!node) return otherwise;
    if (!node->is_string()) throw input_error("{}: {}: expected a string", line(*node), key);
    return node->as_string()->get();
  }

  int64_t number(const char* key, int64_t otherwise, int64_t most) const {
    const toml::node* node = table_.get(key);
    return node ? whole(*node, key, 1, most) : otherwise;
  }

  // Of other keys than those of the grid, and of `seeds` and `data`, which would win in silence.
  // @param data  "" if the sweep names none
  std::vector<std::string> overrides(const std::vector<Axis>& axes, const std::string& data) const {
    std::vector<std::string> list;
    const toml::node* node = table_.get("overrides");
    if (!node) return list;
    if (!node->is_array()) throw input_error("{}: overrides: expected a list of \"key=value\"", line(*node));
    for (const toml::node& item : *node->as_array()) {
      if (!item.is_string()) throw input_error("{}: overrides: expected a list of \"key=value\"", line(item));
      const std::string setting = item.as_string()->get(), key = setting.substr(0, setting.find('='));
      if (key == "train.seed") throw input_error("{}: overrides: train.seed: `seeds` is the place for it", line(item));
      if (key == "data.dir" && !data.empty() && setting != "data.dir=" + data)
        throw input_error("{}: overrides: {} and data {}: expected one of them; leave one out", line(item), setting,
                          data);
      if (std::ranges::count(axes, key, &Axis::key) > 0)
        throw input_error("{}: overrides: {}: the grid has values for it, too; leave one out", line(item), setting);
      list.push_back(setting);
    }
    return list;
  }

  // A list, or a number n for 0, 1, ... n - 1.
  std::vector<int64_t> seeds() const {
    const toml::node* node = table_.get("seeds");
    if (!node) return {0};
    std::vector<int64_t> list;
    if (const toml::array* array = node->as_array()) {
      if (array->size() > kMostRuns)
        throw input_error("{}: seeds: a list of {}, expected at most {}", line(*node), array->size(), kMostRuns);
      for (const toml::node& item : *array) list.push_back(whole(item, "seeds", 0, int64_t{1} << 53));
    } else {
      for (int64_t seed = 0; seed < whole(*node, "seeds", 1, int64_t(kMostRuns)); ++seed) list.push_back(seed);
    }
    if (list.empty() || std::set(list.begin(), list.end()).size() < list.size())
      throw input_error("{}: seeds: expected how many, or a list without repetitions", line(*node));
    return list;
  }

  // @param data  "" if the sweep names none
  std::vector<Axis> grid(const std::string& data) const {
    std::vector<Axis> axes;
    const toml::node* node = table_.get("grid");
    if (!node) return axes;
    if (!node->is_table()) throw input_error("{}: grid: expected a table: [grid]", line(*node));
    add_axes("", *node->as_table(), axes);
    for (const Axis& axis : axes) {
      if (axis.key == "data.dir" && !data.empty())
        throw input_error("{}:{}: grid: data.dir: data {} would take its place; leave one out", where_, axis.line,
                          data);
    }
    // In the order of the file; toml++ sorts them by name.
    std::ranges::stable_sort(axes, {}, [](const Axis& axis) { return std::pair(axis.line, axis.column); });
    return axes;
  }

  const std::string& where() const { return where_; }

 private:
  std::string line(const toml::node& node) const { return fmt::format("{}:{}", where_, node.source().begin.line); }

  int64_t whole(const toml::node& node, const char* key, int64_t least, int64_t most) const {
    const auto* value = node.as_integer();
    if (!value || value->get() < least || value->get() > most)
      throw input_error("{}: {}: expected a whole number from {} to {}", line(node), key, least, most);
    return value->get();
  }

  // "model.mixer" = [...], or model.mixer = [...], which TOML reads as a table in a table.
  void add_axes(const std::string& prefix, const toml::table& table, std::vector<Axis>& axes) const {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      if (node.is_table()) {
        add_axes(name + ".", *node.as_table(), axes);
        continue;
      }
      if (!node.is_array() || node.as_array()->empty())
        throw input_error("{}: grid: {}: expected a list of values", line(node), name);
      if (name == "train.seed") throw input_error("{}: grid: train.seed: `seeds` is the place for it", line(node));
      Axis& axis = axes.emplace_back(Axis{name, {}, node.source().begin.line, node.source().begin.column});
      for (const toml::node& item : *node.as_array()) axis.values.push_back(value_of(item));
      if (std::set(axis.values.begin(), axis.values.end()).size() < axis.values.size())
        throw input_error("{}: grid: {}: a value comes twice", line(node), name);
    }
  }

  std::string value_of(const toml::node& node) const {
    if (const auto* value = node.as_string()) return value->get();
    if (const auto* value = node.as_integer()) return fmt::to_string(value->get());
    if (const auto* value = node.as_floating_point()) return fmt::to_string(value->get());
    if (const auto* value = node.as_boolean()) return fmt::to_string(value->get());
    if (const toml::array* list = node.as_array()) {
      std::vector<std::string> parts;
      for (const toml::node& item : *list) {
        const bool is_text = item.is_string();
        parts.push_back(is_text ? json_text(Json(value_of(item))) : value_of(item));
      }
      return fmt::format("[{}]", fmt::join(parts, ", "));
    }
    throw input_error("{}: grid: expected numbers, strings, true, false, or lists of them", line(node));
  }

  const std::string where_;
  toml::table table_;
};

// Every combination, with the last key's values changing fastest.
std::vector<std::vector<std::string>> points_of(const std::vector<Axis>& axes) {
  std::vector<std::vector<std::string>> points = {{}};
  for (const Axis& axis : axes) {
    std::vector<std::vector<std::string>> longer;
    for (const auto& point : points) {
      for (const std::string& value : axis.values) {
        longer.push_back(point);
        longer.back().push_back(axis.key + "=" + value);
      }
    }
    points = std::move(longer);
    if (points.size() > kMostRuns) throw input_error("grid: more than {} combinations", kMostRuns);
  }
  return points;
}

// "mixer=ssa,T=4-seed0": only characters that every file system and shell accepts.
std::string folder_name(const std::vector<std::string>& point, int64_t seed) {
  std::string name;
  for (const std::string& setting : point) {
    const size_t dot = setting.substr(0, setting.find('=')).rfind('.');
    name += (name.empty() ? "" : ",") + setting.substr(dot == setting.npos ? 0 : dot + 1);
  }
  for (char& c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain && std::string_view("._=,-").find(c) == std::string_view::npos) c = '_';
  }
  if (name.empty()) name = "run";
  if (name.size() > kLongestName) {
    Hash hash;
    for (const std::string& setting : point) hash.add(setting);
    name = name.substr(0, kLongestName - 17) + "-" + hash.text();
  }
  return fmt::format("{}-seed{}", name, seed);
}

// The points of the grid that the baseline names; a wrong one is an error before the budget is spent.
Baseline baseline_of(const std::string& settings, const std::vector<std::vector<std::string>>& points,
                     const std::string& where) {
  const std::vector<Setting> wanted = settings_in(settings);
  if (wanted.empty()) return {};
  const auto has = [&](const std::vector<std::string>& point) {
    std::map<std::string, std::string> of_point;
    for (const std::string& word : point) of_point[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    return std::ranges::all_of(wanted, [&](const Setting& w) { return of_point.contains(w.key); }) &&
           has_settings(of_point, wanted);
  };
  const auto found = std::ranges::count_if(points, has);
  if (found == 0) {
    throw input_error("{}: baseline '{}': names none of the grid's {} combinations, expected settings as in '{}'",
                      where, settings, points.size(), fmt::join(points.front(), " "));
  }
  return {.settings = settings, .each = found > 1, .may_be_missing = true};
}

std::string contents_of_split(const DataConfig& data, Split split) {
  std::vector<std::string> values;
  for (const Fact& fact : facts_of_contents(*open_dataset(data, split, opening_printer()), ""))
    values.push_back(fact.value);
  return fmt::format("{}", fmt::join(values, " "));
}

// The contents of the data that a run learns from and is tested on, as hashes.
Json hashes_of(const DataConfig& data) {
  if (data.dir.empty()) throw input_error("no data set named: give --data DIR, or data in the sweep's file");
  return {{"train", contents_of_split(data, Split::kTrain)}, {"test", contents_of_split(data, Split::kTest)}};
}

}  // namespace

SweepPlan read_sweep(const std::filesystem::path& file, const std::string& data) {
  const Reader reader(file);
  SweepPlan plan{.name = reader.text("name", file.stem().string()),
                 .recipe = reader.text("recipe"),
                 .data = data.empty() ? reader.text("data") : data,
                 .baseline = {},
                 .jobs = reader.number("jobs", 1, 1024),
                 .runs = {}};
  if (plan.recipe.empty())
    throw input_error("{}: recipe is missing: a name of `spikemix recipes`, or a file", reader.where());
  const std::vector<Axis> axes = reader.grid(plan.data);
  const auto points = points_of(axes);
  plan.baseline = baseline_of(reader.text("baseline"), points, reader.where());
  const auto overrides = reader.overrides(axes, plan.data);
  std::set<std::string> names;
  std::vector<SettledRun> settled;  // all of one seed
  for (const int64_t seed : reader.seeds()) {
    for (const auto& point : points) {
      SweepRun run{.name = folder_name(point, seed), .settings = overrides, .seed = seed, .config = {}, .data = {}};
      run.settings.insert(run.settings.end(), point.begin(), point.end());
      // Values that differ only in characters that folder names leave out.
      if (!names.insert(run.name).second) names.insert(run.name += fmt::format("-{}", plan.runs.size()));
      Config config = load_recipe(plan.recipe, run.settings);
      config.train.seed = seed;
      if (!plan.data.empty()) config.data.dir = plan.data;
      validate(config);
      make_plan(config.model, config.neuron);
      if (settled.size() < points.size()) settled.push_back({config, run.settings});
      run.sets_threads = config.train.threads > 0;
      run.data = config.data;
      config.data.dir.clear();  // to_json() has the contents
      run.config = Hash().add(json_text(to_json(config))).text();
      plan.runs.push_back(std::move(run));
      if (plan.runs.size() > kMostRuns) throw input_error("{}: more than {} runs", reader.where(), kMostRuns);
    }
  }
  check_effects(settled);
  return plan;
}

Json to_json(const SweepPlan& plan) {
  Json json = {{"name", plan.name}, {"recipe", plan.recipe}, {"data", plan.data}, {"runs", Json::array()}};
  std::map<std::pair<std::string, std::string>, Json> contents;  // by path and format
  for (const SweepRun& run : plan.runs) {
    Json& held = contents[{run.data.dir, run.data.format}];
    if (held.is_null()) held = hashes_of(run.data);
    json["runs"].push_back(
        {{"folder", run.name}, {"settings", run.settings}, {"seed", run.seed}, {"config", run.config}, {"data", held}});
  }
  return json;
}

bool has_begun(const std::filesystem::path& folder, const std::string& run) {
  return std::filesystem::exists(folder / run / "config.json");
}

std::vector<std::string> runs_no_longer_asked_for(const Json& now, const Json& earlier,
                                                  const std::filesystem::path& folder, const std::string& where) {
  std::map<std::string, Json> before;
  try {
    for (const Json& run : earlier.at("runs")) before[run.at("folder")] = run, run.at("config").get<std::string>();
  } catch (const Json::exception&) {
    throw input_error("{}: not a sweep's record: damaged? Take another folder with --out", where);
  }
  for (const Json& run : now.at("runs")) {
    const std::string name = run.at("folder");
    const auto found = before.find(name);
    if (found == before.end()) continue;
    const Json known = std::move(found->second);
    before.erase(found);
    if (!has_begun(folder, name)) continue;
    if (known["config"] != run["config"])
      throw input_error("{}: {} began with other settings than the sweep has now; take another folder with --out",
                        where, name);
    if (known.value("data", run["data"]) != run["data"])
      throw input_error("{}: {} began with other data than the sweep has now; take another folder with --out", where,
                        name);
  }
  std::vector<std::string> names;
  for (const auto& [name, run] : before) {
    if (has_begun(folder, name)) names.push_back(name);
  }
  return names;
}

}  // namespace spikemix
