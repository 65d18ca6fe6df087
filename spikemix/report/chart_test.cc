// SPDX-License-Identifier: MIT
#include "spikemix/report/chart.h"

#include <cmath>
#include <limits>
#include <regex>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "spikemix/report/html.h"

namespace spikemix::reports {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

LineChart chart_of(std::vector<double> x, std::vector<double> y) {
  return {
      .id = "c", .title = "Loss", .x_label = "epoch", .y_label = "nats", .lines = {{"a", std::move(x), std::move(y)}}};
}

std::vector<double> all_numbers(const std::string& text, const std::regex& pattern) {
  std::vector<double> numbers;
  for (std::sregex_iterator found(text.begin(), text.end(), pattern), end; found != end; ++found)
    numbers.push_back(std::stod((*found)[1]));
  return numbers;
}

TEST(Ticks, AreRoundAndCover) {
  EXPECT_THAT(ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(ticks(3, 7.5, 5), ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_THAT(ticks(-1, 1, 4), ElementsAre(-1, -0.5, 0, 0.5, 1));
  EXPECT_LE(ticks(5, 5, 5).front(), 5) << "also for a single value";
  EXPECT_GE(ticks(0, 0, 5).back(), 0);
  EXPECT_GE(ticks(1e-5, 3e-3, 5).back(), 3e-3);
}

TEST(Chart, HoldsItsNumbersExactly) {
  const std::string page = html(chart_of({0, 1, 2}, {2.302585155, 0.1, 1.0 / 3}));
  EXPECT_THAT(page, HasSubstr("data-x=\"0 1 2\" data-y=\"2.302585155 0.1 0.3333333333333333\""));
  EXPECT_THAT(page, HasSubstr("data-value=\"0.3333333333333333\"")) << "also in the table";
}

TEST(Chart, PutsPointsWhereTheirNumbersAre) {
  // Ticks 0 to 10 over the height of 250: 10 at the top (10), 0 at the bottom (210), 5 in the middle.
  const std::string page = html(chart_of({0, 1, 2}, {0, 5, 10}));
  EXPECT_THAT(all_numbers(page, std::regex("cy=\"([0-9.]+)\"")), ElementsAre(210, 110, 10));
  EXPECT_THAT(all_numbers(page, std::regex("cx=\"([0-9.]+)\"")), ElementsAre(68, 236, 404));
}

TEST(Chart, StepsHaveNothingBetweenThem) {
  EXPECT_THAT(html(chart_of({1, 2}, {0, 10})), Not(HasSubstr(">1.2<")));
  EXPECT_THAT(html(chart_of({1, 2.5}, {0, 10})), HasSubstr(">1.5<"));
}

TEST(Chart, LogarithmicAxisHasEqualDecadesAndLeavesOutZero) {
  LineChart chart = chart_of({0, 1, 2, 3}, {1, 10, 100, 0});
  chart.logarithmic = true;
  EXPECT_THAT(all_numbers(html(chart), std::regex("cy=\"([0-9.]+)\"")), ElementsAre(210, 110, 10));
}

TEST(Chart, LogarithmicBothWaysTurnsAPowerIntoALine) {
  LineChart chart = chart_of({64, 256, 1024}, {1, 10, 100});
  chart.logarithmic = chart.logarithmic_x = true;
  EXPECT_THAT(all_numbers(html(chart), std::regex("cx=\"([0-9.]+)\"")), ElementsAre(68, 236, 404));
  EXPECT_THAT(all_numbers(html(chart), std::regex("cy=\"([0-9.]+)\"")), ElementsAre(210, 110, 10));
  EXPECT_THAT(html(chart), HasSubstr(">512</text>")) << "ticks are doublings";
}

TEST(Chart, IsAlsoAStandaloneDocument) {
  LineChart chart = chart_of({1, 2}, {3, 4});
  chart.lines[0].name = "a < b";
  const std::string svg = svg_document({chart, chart});
  EXPECT_TRUE(is_svg_document(svg));
  EXPECT_FALSE(is_svg_document(svg.substr(svg.find("<svg")))) << "somebody else's";
  EXPECT_THAT(svg, HasSubstr("data-x=\"1 2\" data-y=\"3 4\""));
  EXPECT_THAT(svg, HasSubstr(">a &lt; b</text>")) << "the legend is in it";
  EXPECT_THAT(svg, HasSubstr(".grid{")) << "and so is the style";
}

TEST(Chart, AMissingMeasurementIsAGap) {
  const std::string page = html(chart_of({0, 1, 2}, {1, kNan, 3}));
  EXPECT_THAT(page, HasSubstr("data-y=\"1 nan 3\""));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\" data-value=\"1\" class=\"number\">1</th><td>–</td>"));
  EXPECT_EQ(all_numbers(page, std::regex("cy=\"([0-9.]+)\"")).size(), 2u);
}

TEST(Chart, WithNoneOrOneValueIsStillAChart) {
  for (const std::vector<double>& y : {std::vector<double>{}, {kNan}, {7}}) {
    for (const bool logarithmic : {false, true}) {
      LineChart chart = chart_of(std::vector<double>(y.size(), 0), y);
      chart.logarithmic = logarithmic;
      EXPECT_FALSE(std::regex_search(html(chart), std::regex("(cx|cy|d)=\"[^\"]*(nan|inf)"))) << html(chart);
    }
  }
}

TEST(Chart, DescribesItselfToScreenReaders) {
  const std::string page = html(chart_of({0, 1, 2}, {2, 1, 3}));
  EXPECT_THAT(page, HasSubstr("role=\"img\" aria-labelledby=\"c-t c-d\""));
  EXPECT_THAT(page, HasSubstr("a: from 2 to 3, smallest 1 at 1, largest 3 at 2."));
}

TEST(Chart, EscapesNames) {
  LineChart chart = chart_of({0}, {1});
  chart.lines[0].name = "\"><script>alert(1)</script>\xff";
  const std::string page = html(chart);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\xef\xbf\xbd"));
}

TEST(Html, NumbersForPeopleAndForPrograms) {
  EXPECT_EQ(readable(0.03512345), "0.03512");
  EXPECT_EQ(readable(1234567), "1,234,567");
  EXPECT_EQ(readable(-12345), "-12,345");
  EXPECT_EQ(readable(123456), "123,456");
  EXPECT_EQ(readable(kNan), "–");
  EXPECT_EQ(exact(0.1), "0.1");
  EXPECT_EQ(exact(kNan), "");
}

TEST(Html, TablesNameRowsAndColumns) {
  const std::string page =
      html(Table{.caption = "A & B", .columns = {"run"}, .rows = {{"x<y", Cell(0.5).with_bar(0.5)}}});
  EXPECT_THAT(page, HasSubstr("<caption>A &amp; B</caption>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">x&lt;y</th>"));
  EXPECT_THAT(page, HasSubstr("data-value=\"0.5\""));
  EXPECT_THAT(page, HasSubstr("<span class=\"bar\" style=\"width:50.00%\">"));
}

}  // namespace
}  // namespace spikemix::reports
