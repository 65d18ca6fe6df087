// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "spikemix/report/html.h"
#include "spikemix/report/picture.h"
#include "spikemix/report/sections.h"

namespace spikemix::reports {
namespace {

constexpr int64_t kMatrixClasses = 25;  // larger ones are shown as a picture
constexpr size_t kCommonest = 20;

std::string matrix(const Answers& answers, const std::vector<int64_t>& counts, int64_t n) {
  Table table{.caption = "Rows: what it is; columns: what the model says; images",
              .columns = {"class"},
              .rows = {},
              .kind = "matrix"};
  table.columns.insert(table.columns.end(), answers.classes.begin(), answers.classes.end());
  table.columns.push_back("top-1 %");
  for (int64_t truth = 0; truth < n; ++truth) {
    const auto row = counts.begin() + truth * n;
    const double sum = double(std::accumulate(row, row + n, int64_t{0}));
    std::vector<Cell> cells = {answers.classes[size_t(truth)]};
    for (int64_t answer = 0; answer < n; ++answer)
      cells.push_back(Cell(double(row[answer])).with_shade(sum > 0 ? double(row[answer]) / sum : 0));
    const double top1 = 100 * double(row[truth]) / sum;
    cells.push_back(sum > 0 ? Cell(fmt::format("{:.2f}", top1), top1) : Cell("no images"));
    table.rows.push_back(std::move(cells));
  }
  return html(table);
}

std::string accuracies(const Answers& answers, const std::vector<int64_t>& counts, int64_t n) {
  Table table{.caption = "Accuracy of each class", .columns = {"class", "images", "top-1 %"}, .rows = {}};
  for (int64_t truth = 0; truth < n; ++truth) {
    const auto row = counts.begin() + truth * n;
    const double sum = double(std::accumulate(row, row + n, int64_t{0}));
    const double top1 = 100 * double(row[truth]) / sum;
    table.rows.push_back({answers.classes[size_t(truth)], Cell(sum),
                          sum > 0 ? Cell(fmt::format("{:.2f}", top1), top1).with_bar(top1 / 100) : Cell("no images")});
  }
  return html(table);
}

std::string commonest(const Answers& answers, const std::vector<int64_t>& counts, int64_t n) {
  std::vector<int64_t> places;
  for (int64_t i = 0; i < n * n; ++i) {
    if (i / n != i % n && counts[size_t(i)] > 0) places.push_back(i);
  }
  std::ranges::stable_sort(places, std::ranges::greater(), [&](int64_t i) { return counts[size_t(i)]; });
  places.resize(std::min(places.size(), kCommonest));
  Table table{.caption = "The commonest mistakes", .columns = {"it is", "the model says", "images"}, .rows = {}};
  for (const int64_t i : places)
    table.rows.push_back(
        {answers.classes[size_t(i / n)], answers.classes[size_t(i % n)], Cell(double(counts[size_t(i)]))});
  return places.empty() ? "" : html(table);
}

std::string gallery(const std::vector<Mistake>& mistakes) {
  std::string items;
  for (const Mistake& mistake : mistakes) {
    const std::string says =
        fmt::format("{} taken for {} ({:.0f} %)", mistake.truth, mistake.answer, 100 * mistake.probability);
    items += fmt::format("<li title=\"{}\">{}<span>{}</span></li>\n", escaped(mistake.source),
                         html(mistake.picture, says + ", " + mistake.source, "picture"), escaped(says));
  }
  return fmt::format("<ul class=\"gallery\">\n{}</ul>\n", items);
}

}  // namespace

std::vector<size_t> surest_mistakes(const Answers& answers, size_t most) {
  std::vector<size_t> wrong;
  for (size_t i = 0; i < answers.truth.size(); ++i) {
    if (answers.truth[i] != answers.answer[i]) wrong.push_back(i);
  }
  std::ranges::stable_sort(wrong, std::ranges::greater(), [&](size_t i) { return answers.probability[i]; });
  wrong.resize(std::min(wrong.size(), most));
  return wrong;
}

std::string confusion(const std::string& id, const Answers& answers, const std::vector<Mistake>& mistakes,
                      const std::string& data) {
  const int64_t n = int64_t(answers.classes.size());
  const std::vector<int64_t> counts = answers.counts();
  const double top1 = 100 * double(answers.right()) / double(answers.truth.size());
  std::string text = fmt::format(
      "<h3 id=\"{}-confusion\">What is taken for what</h3>\n<p>Top-1 <strong data-top1=\"{}\">{:.2f} %</strong> on "
      "<span data-images=\"{}\">{}</span> test images of {}.</p>\n",
      id, exact(top1), top1, answers.truth.size(), answers.truth.size(), escaped(data));
  if (n <= kMatrixClasses) {
    text += matrix(answers, counts, n);
  } else {
    text += fmt::format(
        "<figure>{}<figcaption>Rows: what it is; columns: what the model says; dark: often. The numbers "
        "are below.</figcaption></figure>\n",
        html(shares_picture(counts, n), "Confusion matrix of " + fmt::to_string(n) + " classes", "large"));
    text += commonest(answers, counts, n) + details("Accuracy of each class", accuracies(answers, counts, n));
  }
  if (mistakes.empty()) return text;
  return text + fmt::format("<h3 id=\"{}-mistakes\">Wrong, and sure of it</h3>\n", id) +
         paragraph("The mistakes with the highest probability of the wrong answer.") + gallery(mistakes);
}

}  // namespace spikemix::reports
