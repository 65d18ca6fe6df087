// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spikemix::reports {

struct Line {
  std::string name;
  std::vector<double> x, y;       ///< of equal length; a y that is not finite is left out
  std::vector<bool> marked = {};  ///< points that stand out, or none
  int style = -1;                 ///< colour and dashes; -1: by position in the chart
};

struct LineChart {
  std::string id;  ///< the element's id, unique in the page
  std::string title, x_label, y_label;
  std::vector<Line> lines;
  bool logarithmic = false;     ///< y axis; values of 0 and below are left out
  std::string mark_means = {};  ///< "fired": the meaning of Line::marked
  bool logarithmic_x = false;   ///< x axis; values must be above 0
};

/// A figure: the chart as SVG, its legend, and the same numbers as a table under "The numbers", which screen readers
/// read. Each line has its exact numbers in data-x and data-y. It uses no script, and prints as it is.
std::string html(const LineChart& chart);

/// The charts, one below the other, as a standalone picture: an SVG file that includes style and legends, with the
/// numbers in data-x and data-y.
std::string svg_document(const std::vector<LineChart>& charts);

/// Does a file that begins with this text hold such a picture?
bool is_svg_document(std::string_view beginning);

/// Round numbers that cover low to high, about `about` of them: 0, 0.5, 1, ...
std::vector<double> ticks(double low, double high, int about);

}  // namespace spikemix::reports
