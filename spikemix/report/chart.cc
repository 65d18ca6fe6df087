// SPDX-License-Identifier: MIT
#include "spikemix/report/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "spikemix/report/html.h"
#include "spikemix/report/page.h"

namespace spikemix::reports {
namespace {

// Small enough that the letters can be read where a phone shows all of it.
constexpr double kWidth = 420, kHeight = 250, kLeft = 62, kRight = 10, kTop = 10, kBottom = 40;
constexpr int kColours = 8, kDashes = 3;  // in the style sheet, .s0 to .s7
constexpr size_t kMostCircles = 64;       // in one line; more would merge into a band

struct Axis {
  double low = 0, high = 1, from = 0, to = 1;  // numbers, and their positions
  bool logarithmic = false;

  double at(double value) const {
    const double share = logarithmic ? (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low))
                                     : (value - low) / (high - low);
    return from + share * (to - from);
  }
};

bool shown(const LineChart& chart, double y) { return std::isfinite(y) && !(chart.logarithmic && y <= 0); }

std::vector<double> decades(double low, double high) {
  std::vector<double> values;
  const int first = int(std::floor(std::log10(low))), last = int(std::ceil(std::log10(high)));
  const int step = std::max(1, (last - first + 5) / 6);
  for (int power = first; power < last + step; power += step) values.push_back(std::pow(10.0, power));
  return values;
}

// Powers of two from low to high, at most seven: tokens and sizes double.
std::vector<double> doublings(double low, double high) {
  const int first = int(std::ceil(std::log2(low) - 1e-9)), last = int(std::floor(std::log2(high) + 1e-9));
  const int step = std::max(1, (last - first + 6) / 7);
  std::vector<double> values;
  for (int power = first; power <= last; power += step) values.push_back(std::pow(2.0, power));
  return values;
}

// For epochs and steps: there is nothing between two of them.
bool all_whole(const LineChart& chart) {
  for (const Line& line : chart.lines) {
    if (std::ranges::any_of(line.x, [](double x) { return x != std::round(x); })) return false;
  }
  return true;
}

struct Axes {
  Axis x, y;
  std::vector<double> x_ticks, y_ticks;
};

Axes axes_of(const LineChart& chart) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double low_x = kInfinity, high_x = -kInfinity, low_y = kInfinity, high_y = -kInfinity;
  for (const Line& line : chart.lines) {
    for (size_t i = 0; i < line.y.size(); ++i) {
      if (!shown(chart, line.y[i])) continue;
      low_x = std::min(low_x, line.x[i]), high_x = std::max(high_x, line.x[i]);
      low_y = std::min(low_y, line.y[i]), high_y = std::max(high_y, line.y[i]);
    }
  }
  if (low_x > high_x) low_x = high_x = low_y = high_y = chart.logarithmic ? 1 : 0;
  Axes axes;
  if (chart.logarithmic_x) low_x = std::max(low_x, 1e-9), high_x = std::max(high_x, 1e-9);
  axes.x_ticks = chart.logarithmic_x ? doublings(low_x, high_x) : ticks(low_x, high_x, 6);
  if (all_whole(chart))
    std::erase_if(axes.x_ticks, [](double tick) { return std::abs(tick - std::round(tick)) > 1e-9; });
  axes.y_ticks = chart.logarithmic ? decades(low_y, high_y) : ticks(low_y, high_y, 5);
  if (axes.y_ticks.size() == 1) axes.y_ticks.push_back(10 * axes.y_ticks[0]);
  if (low_x == high_x && chart.logarithmic_x) low_x /= 2, high_x *= 2;
  if (low_x == high_x) low_x -= 0.5, high_x += 0.5;
  axes.x = {low_x, high_x, kLeft + 6, kWidth - kRight - 6, chart.logarithmic_x};
  axes.y = {axes.y_ticks.front(), axes.y_ticks.back(), kHeight - kBottom, kTop, chart.logarithmic};
  return axes;
}

std::string grid(const LineChart& chart, const Axes& axes) {
  std::string svg;
  for (const double tick : axes.y_ticks) {
    const double y = axes.y.at(tick);
    svg += fmt::format(
        "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft,
        y, kWidth - kRight, kLeft - 5, y + 4, readable(tick));
  }
  for (const double tick : axes.x_ticks) {
    if (tick < axes.x.low || tick > axes.x.high) continue;
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", axes.x.at(tick),
                       kHeight - kBottom + 16, readable(tick));
  }
  svg += fmt::format("<path class=\"axis\" d=\"M{} {}V{}H{}\"/>\n", kLeft, kTop, kHeight - kBottom, kWidth - kRight);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (kLeft + kWidth - kRight) / 2,
                     kHeight - 6, escaped(chart.x_label));
  svg += fmt::format("<text transform=\"translate(11 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     (kTop + kHeight - kBottom) / 2, escaped(chart.y_label));
  return svg;
}

std::string style_of(const Line& line, size_t place) {
  const int style = line.style >= 0 ? line.style : int(place);
  return fmt::format("line s{} d{}", style % kColours, style % kDashes);
}

std::string joined(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : " ") + (std::isfinite(value) ? exact(value) : "nan");
  return text;
}

bool marked(const Line& line, size_t i) { return i < line.marked.size() && line.marked[i]; }

std::string drawn(const LineChart& chart, const Axes& axes, size_t place) {
  const Line& line = chart.lines[place];
  std::string path, circles;
  for (size_t i = 0; i < line.y.size(); ++i) {
    if (!shown(chart, line.y[i])) continue;
    const double x = axes.x.at(line.x[i]), y = axes.y.at(line.y[i]);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
    if (line.y.size() > kMostCircles) continue;
    circles +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}, {} {}: {}{}</title></circle>\n", x, y,
                    marked(line, i) ? "5" : "2.5", escaped(line.name), escaped(chart.x_label), readable(line.x[i]),
                    readable(line.y[i]), marked(line, i) ? ", " + escaped(chart.mark_means) : "");
  }
  return fmt::format("<g class=\"{}\" data-name=\"{}\" data-x=\"{}\" data-y=\"{}\"><path d=\"{}\"/>\n{}</g>\n",
                     style_of(line, place), escaped(line.name), joined(line.x), joined(line.y),
                     path.empty() ? "M0 0" : path, circles);
}

std::string drawing(const LineChart& chart) {
  const Axes axes = axes_of(chart);
  std::string svg = grid(chart, axes);
  for (size_t i = 0; i < chart.lines.size(); ++i) svg += drawn(chart, axes, i);
  return svg;
}

std::string legend(const LineChart& chart) {
  std::string html = "<ul class=\"legend\">\n";
  for (size_t i = 0; i < chart.lines.size(); ++i)
    html += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 24 8\" aria-hidden=\"true\"><g class=\"{}\"><path d=\"M0 "
        "4H24\"/></g></svg>"
        "{}</li>\n",
        style_of(chart.lines[i], i), escaped(chart.lines[i].name));
  if (!chart.mark_means.empty())
    html += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 24 12\" aria-hidden=\"true\"><circle class=\"mark\" cx=\"12\" cy=\"6\" "
        "r=\"5\"/></svg>{}</li>\n",
        escaped(chart.mark_means));
  return html + "</ul>\n";
}

// One sentence for each line: where it begins and ends, and its extremes.
std::string described(const LineChart& chart) {
  std::string text;
  for (const Line& line : chart.lines) {
    std::vector<size_t> there;
    for (size_t i = 0; i < line.y.size(); ++i) {
      if (std::isfinite(line.y[i])) there.push_back(i);
    }
    if (there.empty()) continue;
    const auto [low, high] = std::ranges::minmax_element(there, {}, [&](size_t i) { return line.y[i]; });
    text += fmt::format("{}: from {} to {}, smallest {} at {}, largest {} at {}. ", line.name,
                        readable(line.y[there.front()]), readable(line.y[there.back()]), readable(line.y[*low]),
                        readable(line.x[*low]), readable(line.y[*high]), readable(line.x[*high]));
    if (text.size() > 1000) return text + "More in the table.";  // nobody would listen to forty of them
  }
  return text;
}

Table numbers(const LineChart& chart) {
  Table table{.caption = chart.title, .columns = {chart.x_label}, .rows = {}, .kind = "numbers"};
  std::map<double, std::vector<Cell>> rows;
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const Line& line = chart.lines[i];
    table.columns.push_back(line.name);
    for (size_t k = 0; k < line.x.size(); ++k) {
      std::vector<Cell>& row = rows.try_emplace(line.x[k], chart.lines.size() + 1, Cell("–")).first->second;
      if (!std::isfinite(line.y[k])) continue;
      row[i + 1] = Cell(readable(line.y[k]) + (marked(line, k) ? " " + chart.mark_means : ""), line.y[k]);
    }
  }
  for (auto& [x, row] : rows) row[0] = Cell(x), table.rows.push_back(std::move(row));
  return table;
}

}  // namespace

std::vector<double> ticks(double low, double high, int about) {
  if (low == high) {
    const double room = low == 0 ? 1 : std::abs(low) / 2;
    low -= low == 0 ? 0 : room, high += room;
  }
  const double rough = (high - low) / about, power = std::pow(10.0, std::floor(std::log10(rough)));
  const double unit = rough / power, step = power * (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10);
  std::vector<double> values;
  for (double i = std::floor(low / step + 1e-9); values.empty() || values.back() < high - 1e-9 * step; ++i)
    values.push_back(i * step);
  return values;
}

std::string html(const LineChart& chart) {
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{}-t {}-d\"><title id=\"{}-t\">{}</title><desc "
      "id=\"{}-d\">{}</desc>\n",
      kWidth, kHeight, chart.id, chart.id, chart.id, escaped(chart.title), chart.id, escaped(described(chart)));
  svg += drawing(chart);
  return fmt::format("<figure class=\"chart\" id=\"{}\"><figcaption>{}</figcaption>\n{}</svg>\n{}{}</figure>\n",
                     chart.id, escaped(chart.title), svg, legend(chart), details("The numbers", html(numbers(chart))));
}

namespace {

constexpr std::string_view kSvgDocument = "<!-- Drawn by spikemix. -->\n<svg xmlns=\"http://www.w3.org/2000/svg\" ";

}  // namespace

std::string svg_document(const std::vector<LineChart>& charts) {
  constexpr double kTitle = 24, kEntry = 18, kSpace = 16;
  std::string body;
  double y = 0;
  for (const LineChart& chart : charts) {
    body += fmt::format("<text class=\"title\" x=\"8\" y=\"{}\">{}</text>\n<g transform=\"translate(0 {})\">\n{}</g>\n",
                        y + 17, escaped(chart.title), y + kTitle, drawing(chart));
    y += kTitle + kHeight + kSpace / 2;
    for (size_t i = 0; i < chart.lines.size(); ++i, y += kEntry) {
      body += fmt::format("<g class=\"{}\"><path d=\"M{} {}h24\"/></g><text x=\"{}\" y=\"{}\">{}</text>\n",
                          style_of(chart.lines[i], i), kLeft, y + kEntry / 2, kLeft + 32, y + kEntry / 2 + 4,
                          escaped(chart.lines[i].name));
    }
    y += kSpace;
  }
  return fmt::format(
      "{}viewBox=\"0 0 {} {}\" role=\"img\">\n<style>{}svg "
      ".title{{font-weight:600;fill:var(--ink)}}</style>\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"var(--paper)\"/>\n{}</svg>\n",
      kSvgDocument, kWidth, y, kStyle, body);
}

bool is_svg_document(std::string_view beginning) { return beginning.starts_with(kSvgDocument); }

}  // namespace spikemix::reports
