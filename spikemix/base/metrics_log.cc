// SPDX-License-Identifier: MIT
#include "spikemix/base/metrics_log.h"

#include <cmath>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/json_lines.h"

namespace spikemix {
namespace {

const nlohmann::json& value_of(const MetricsLine& line, const char* key) {
  static const nlohmann::json nothing;
  const auto found = line.values.find(key);
  return found == line.values.end() ? nothing : *found;
}

InputError damaged(const MetricsLine& line, const char* key, const char* expected) {
  return input_error("{}: a line of type '{}' without a '{}' that is {}: damaged?", line.where, line.type, key,
                     expected);
}

}  // namespace

double MetricsLine::number(const char* key) const {
  const nlohmann::json& value = value_of(*this, key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) throw damaged(*this, key, "a number");
  return value.get<double>();
}

int64_t MetricsLine::whole(const char* key) const {
  const nlohmann::json& value = value_of(*this, key);
  if (!value.is_number_integer() || value.get<int64_t>() < 0) throw damaged(*this, key, "a whole number");
  return value.get<int64_t>();
}

std::string MetricsLine::text(const char* key) const {
  const nlohmann::json& value = value_of(*this, key);
  if (!value.is_string()) throw damaged(*this, key, "a text");
  return value.get<std::string>();
}

MetricsLog read_metrics(const std::filesystem::path& file) {
  MetricsLog log;
  if (!std::filesystem::exists(file)) return log;
  for (nlohmann::json& values : read_json_lines(file, &log.cut)) {
    MetricsLine line{
        .where = fmt::format("{}, line {}", file.string(), log.lines.size() + 1), .type = {}, .values = {}};
    const auto type = values.is_object() ? values.find("type") : values.end();
    if (type == values.end() || !type->is_string())
      throw input_error("{}: expected an object with a type, as a run writes them: damaged?", line.where);
    line.type = *type;
    line.values = std::move(values);
    log.lines.push_back(std::move(line));
  }
  return log;
}

}  // namespace spikemix
