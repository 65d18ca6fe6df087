// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix::reports {

/// Text for use between tags and in quoted attributes. Names of files and classes hold any bytes: bytes that are not
/// UTF-8 become U+FFFD, and control characters '?'.
std::string escaped(std::string_view text);

/// A number for readers: four significant digits, thousands separated: "0.0351", "12.34", "1,234,567".
std::string readable(double value);
/// The shortest digits that read back as the same number, for attributes that programs read. "" if it is not a number.
std::string exact(double value);

struct Cell {
  Cell(std::string t) : text(std::move(t)) {}
  Cell(const char* t) : text(t) {}
  /// A number, exact in data-value.
  Cell(double v) : text(readable(v)), value(v) {}
  Cell(std::string t, double v) : text(std::move(t)), value(v) {}
  Cell with_shade(double share) && { return shade = share, std::move(*this); }
  Cell with_bar(double share) && { return bar = share, std::move(*this); }

  std::string text;  ///< plain, escaped when it is written
  std::optional<double> value = {};
  std::optional<double> shade = {};  ///< 0..1: how strongly the cell is coloured
  std::optional<double> bar = {};    ///< 0..1: a bar of this share of the column
};

struct Table {
  std::string caption;
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;  ///< each row's first cell is its name
  std::string kind = {};                ///< CSS classes
};

/// The table in a box that scrolls separately, so that a wide one does not widen the page; reachable by keyboard.
std::string html(const Table& table);

/// A section that opens on a click or a key; `body` is HTML.
std::string details(std::string_view summary, const std::string& body);

/// <p> of plain text.
std::string paragraph(std::string_view text);

}  // namespace spikemix::reports
