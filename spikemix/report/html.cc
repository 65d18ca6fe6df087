// SPDX-License-Identifier: MIT
#include "spikemix/report/html.h"

#include <cmath>

#include <fmt/format.h>

#include "spikemix/base/text.h"

namespace spikemix::reports {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string readable(double value) {
  if (!std::isfinite(value)) return "–";
  if (std::abs(value) < 10000) return fmt::format("{:.4g}", value);
  if (std::abs(value) >= 1e12) return fmt::format("{:.3e}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (int64_t i = int64_t(digits.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3) digits.insert(size_t(i), ",");
  return digits;
}

std::string exact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

namespace {

std::string cell_html(const Cell& cell, bool heading) {
  std::string attributes, text = escaped(cell.text);
  if (cell.value) attributes += fmt::format(" data-value=\"{}\"", exact(*cell.value));
  if (cell.shade) attributes += fmt::format(" class=\"shaded\" style=\"--a:{:.3f}\"", 0.6 * *cell.shade);
  if (cell.bar) {
    attributes += " class=\"barred\"";
    text =
        fmt::format("<span class=\"track\"><span class=\"bar\" style=\"width:{:.2f}%\"></span></span><span>{}</span>",
                    100 * *cell.bar, text);
  }
  if (cell.value && !cell.shade && !cell.bar) attributes += " class=\"number\"";
  return heading ? fmt::format("<th scope=\"row\"{}>{}</th>", attributes, text)
                 : fmt::format("<td{}>{}</td>", attributes, text);
}

}  // namespace

std::string html(const Table& table) {
  const std::string caption = escaped(table.caption);
  std::string text = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table class=\"{}\"><caption>{}"
      "</caption>\n<thead><tr>",
      caption, table.kind, caption);
  for (const std::string& column : table.columns) text += fmt::format("<th scope=\"col\">{}</th>", escaped(column));
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    text += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) text += cell_html(row[i], i == 0);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string details(std::string_view summary, const std::string& body) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(summary), body);
}

std::string paragraph(std::string_view text) { return fmt::format("<p>{}</p>\n", escaped(text)); }

}  // namespace spikemix::reports
