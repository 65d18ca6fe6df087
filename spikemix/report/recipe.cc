// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/json.h"
#include "spikemix/config/config_json.h"
#include "spikemix/model/model.h"
#include "spikemix/report/html.h"
#include "spikemix/report/sections.h"

namespace spikemix::reports {
namespace {

std::string record_table(const nlohmann::json& record, const char* key, const char* caption) {
  if (!record.contains(key) || !record[key].is_object()) return "";
  Table table{.caption = caption, .columns = {"what", "value"}, .rows = {}};
  for (const auto& [name, value] : record[key].items())
    table.rows.push_back({name, value.is_string() ? value.get<std::string>() : json_text(value)});
  return html(table);
}

std::string preformatted(const std::string& text) {
  std::string lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines += escaped(std::string_view(text).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return fmt::format("<pre tabindex=\"0\">{}</pre>\n", lines);
}

}  // namespace

// JSON's numbers, strings, booleans and lists are also TOML's.
std::string recipe(const Config& config) {
  const nlohmann::json json = to_json(config);
  std::string top, sections;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_object()) {
      top += fmt::format("{} = {}\n", key, json_text(value));
      continue;
    }
    sections += fmt::format("\n[{}]\n", key);
    for (const auto& [name, field] : value.items()) sections += fmt::format("{} = {}\n", name, json_text(field));
  }
  return top + sections;
}

std::string repeat(const Run& run, const std::vector<std::string>& commands) {
  std::string lines;
  for (const std::string& command : commands) lines += command + "\n";
  return preformatted(lines) +
         details("The resolved config, as a recipe: every key", preformatted(recipe(run.config))) +
         details("What it ran on", record_table(run.record, "effective", "What follows from the config") +
                                       record_table(run.record, "environment", "Program and machine") +
                                       record_table(run.record, "data_facts", "The data"));
}

std::string shape(const ModelCard& card, const std::string& precision) {
  const ModelConfig& m = card.model;
  std::string mixers;
  for (const std::string& mixer : m.mixer) mixers += (mixers.empty() ? "" : ", ") + mixer;
  Table table{.caption = "The model", .columns = {"what", "value"}, .rows = {}};
  table.rows.push_back({"name", card.name});
  table.rows.push_back({"input", fmt::format("{} x {} x {}, {}", m.channels, m.height, m.width,
                                             m.takes_events() ? "frames of events" : "pictures")});
  table.rows.push_back({"time steps", fmt::to_string(m.T)});
  int64_t blocks = 0;
  for (const Segment& segment : make_plan(m, card.neuron).segments) blocks += !segment.mixer.empty();
  table.rows.push_back({"blocks", fmt::to_string(blocks)});
  table.rows.push_back({"channels", fmt::to_string(m.embed_dim)});
  table.rows.push_back({"mixer", mixers});
  table.rows.push_back({"classes", fmt::to_string(m.classes)});
  table.rows.push_back({"weights", precision});
  return html(table);
}

}  // namespace spikemix::reports
