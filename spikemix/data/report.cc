// SPDX-License-Identifier: MIT
#include "spikemix/data/report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/data/file_tree.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

Json remarks_to_json(const std::vector<Remark>& remarks) {
  Json json = Json::array();
  for (const Remark& r : remarks) json.push_back({{"what", r.what}, {"count", r.count}, {"example", r.example}});
  return json;
}

std::vector<Remark> remarks_from_json(const Json& json) {
  std::vector<Remark> remarks;
  for (const Json& r : json) remarks.push_back({r.at("what"), r.at("count"), r.at("example")});
  return remarks;
}

}  // namespace

void add_remark(std::vector<Remark>& remarks, const std::string& what, const std::string& example) {
  auto found = std::ranges::find(remarks, what, &Remark::what);
  if (found == remarks.end()) found = remarks.insert(remarks.end(), {what, 0, example});
  ++found->count;
}

void add_left_out(DataReport& report, const FileTree& tree, bool (*is_sample)(const std::string& name)) {
  for (const std::string& name : tree.hidden()) {
    if (is_sample(name) || name.ends_with(".ipynb_checkpoints")) add_remark(report.left_out, "hidden files", name);
  }
  for (const std::string& name : tree.dangling()) add_remark(report.left_out, "broken links", name);
  for (const std::string& name : tree.loops()) add_remark(report.left_out, "links to a parent folder", name);
  for (const std::string& name : tree.closed_archives()) {
    add_remark(report.left_out, "archives that are not read", name);
  }
}

std::string to_line(const Remark& remark) {
  return fmt::format("{}: {} ({}{})", remark.what, remark.count, remark.example, remark.count > 1 ? ", ..." : "");
}

void tell(const DataReport& report, const std::string& dir, const std::function<void(const std::string&)>& note) {
  if (!note) return;
  if (report.drawn) note(fmt::format("{}: {}", dir, kDrawn));
  for (const Remark& remark : report.left_out) note(fmt::format("{}: left out: {}", dir, to_line(remark)));
  for (const Remark& remark : report.repeated) note(fmt::format("{}: {}", dir, to_line(remark)));
}

void to_json(Json& json, const DataReport& r) {
  json = {{"train_folder", r.train_folder},
          {"test_folder", r.test_folder},
          {"drawn", r.drawn},
          {"left_out", remarks_to_json(r.left_out)},
          {"repeated", remarks_to_json(r.repeated)}};
}

void from_json(const Json& json, DataReport& r) {
  r = {json.at("train_folder"), json.at("test_folder"), json.at("drawn"), remarks_from_json(json.at("left_out")),
       remarks_from_json(json.at("repeated"))};
}

}  // namespace spikemix
