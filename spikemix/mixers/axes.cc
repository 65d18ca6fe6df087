// SPDX-License-Identifier: MIT
#include "spikemix/mixers/axes.h"

#include <algorithm>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/mixers/text.h"

namespace spikemix {
namespace {

struct AxisName {
  const char* name;
  int dimension;
  const char *letter, *unit;
};
constexpr AxisName kAxisNames[] = {
    {"time", 0, "T", "time steps"},
    {"tokens", 2, "N", "tokens"},
    {"height", 1, "height", "token rows"},
    {"width", 2, "width", "token columns"},
    {"embed", 3, "D", "embedding dimensions"},
};

const AxisName& find_axis(std::string_view name) {
  std::vector<std::string> known;
  for (const AxisName& axis : kAxisNames) {
    if (axis.name == name) return axis;
    known.push_back(axis.name);
  }
  throw input_error("axes: unknown axis {}", unknown_name(name, known));
}

}  // namespace

bool MixerAxes::time() const {
  return std::any_of(axes.begin(), axes.end(), [](const MixerAxis& axis) { return axis.name == "time"; });
}

MixerAxes mixer_axes(const MixerShape& shape, const MixerOptions& options, const std::string& own) {
  const std::string& text = options.axes.empty() ? own : options.axes;
  std::vector<std::string> names = split(text, ',');
  const auto has = [&](const char* name) { return std::count(names.begin(), names.end(), name) > 0; };
  for (const std::string& name : names) {
    find_axis(name);
    if (std::count(names.begin(), names.end(), name) > 1) throw input_error("axes '{}': {} appears twice", text, name);
  }
  const bool grid = has("height") || has("width");
  if (grid && has("tokens")) {
    throw input_error("axes '{}': tokens are height and width in one line; name one or the other", text);
  }

  MixerAxes result;
  result.sizes = {has("time") ? shape.T : 1, grid ? shape.height : 1, grid ? shape.width : shape.N(), shape.D};
  for (const std::string& name : names) {
    const AxisName& axis = find_axis(name);
    const int64_t n = result.sizes[size_t(axis.dimension)];
    LineView view{1, n, 1};
    for (int i = 0; i < axis.dimension; ++i) view.outer *= result.sizes[size_t(i)];
    for (int i = axis.dimension + 1; i < 4; ++i) view.inner *= result.sizes[size_t(i)];
    result.axes.push_back({name, axis.dimension, view, fmt::format("{} = {} {}", axis.letter, n, axis.unit)});
  }
  return result;
}

}  // namespace spikemix
