#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spikemix::reports {

struct Line {
  std::string name;
  std::vector<double> x, y;       ///< as many of each; a y that is not finite is left out
  std::vector<bool> marked = {};  ///< points that stand out, or none
  int style = -1;                 ///< colour and dashes; -1: by its place in the chart
};

struct LineChart {
  std::string id;  ///< of the element, unique in the page
  std::string title, x_label, y_label;
  std::vector<Line> lines;
  bool logarithmic = false;     ///< y; values of 0 and below are left out
  std::string mark_means = {};  ///< "fired": of Line::marked
  bool logarithmic_x = false;   ///< x, which is then above 0
};

/// A figure: the chart as SVG, its legend, and the same numbers as a table behind "The numbers", which is what a screen
/// reader reads. Each line has its numbers, exact, in data-x and data-y. No script: it is what it is, on paper as well.
std::string html(const LineChart& chart);

/// The charts below each other as a picture of its own: an SVG file with style and legends in it, and the numbers in
/// data-x and data-y.
std::string svg_document(const std::vector<LineChart>& charts);

/// Does a file that begins with this text hold such a picture?
bool is_svg_document(std::string_view beginning);

/// Round numbers that cover low to high, `about` of them or a few more: 0, 0.5, 1, ...
std::vector<double> ticks(double low, double high, int about);

}  // namespace spikemix::reports
