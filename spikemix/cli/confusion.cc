// SPDX-License-Identifier: MIT
#include "spikemix/cli/confusion.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/text.h"
#include "spikemix/cli/terminal.h"

namespace spikemix {
namespace {

constexpr size_t kMatrixClasses = 20;              // nobody would read a larger one
constexpr size_t kMistakes = 20;                   // listed instead
constexpr int kMatrixNames = 16, kListNames = 40;  // columns for the names, at least

}  // namespace

Confusion::Confusion(std::vector<std::string> names)
    : names_(std::move(names)), counts_(names_.size() * names_.size()) {}

void Confusion::add(std::span<const int64_t> labels, std::span<const float> logits) {
  const size_t classes = names_.size();
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.subspan(i * classes, classes);
    ++counts_[size_t(labels[i]) * classes + size_t(std::ranges::max_element(row) - row.begin())];
  }
}

int64_t Confusion::images(size_t truth) const {
  int64_t sum = 0;
  for (size_t answer = 0; answer < names_.size(); ++answer) sum += count(truth, answer);
  return sum;
}

void Confusion::write(nlohmann::json& json) const {
  for (size_t truth = 0; truth < names_.size(); ++truth) {
    const int64_t n = images(truth);
    nlohmann::json& entry = json["classes"].emplace_back(nlohmann::json{{"name", names_[truth]}, {"images", n}});
    entry["top1"] = n > 0 ? nlohmann::json(100 * double(count(truth, truth)) / double(n)) : nlohmann::json();
    const auto row = counts_.begin() + int64_t(truth * names_.size());
    json["confusion"].push_back(std::vector<int64_t>(row, row + int64_t(names_.size())));
  }
}

std::string Confusion::text() const { return names_.size() <= kMatrixClasses ? matrix() : list(); }

std::string Confusion::accuracy(size_t truth) const {
  const int64_t n = images(truth);
  return n > 0 ? fmt::format("{:6.2f} %", 100 * double(count(truth, truth)) / double(n)) : "no images";
}

// The width of the names, next to figures of that many columns.
int Confusion::name_columns(int figures, int least) const {
  int widest = 1;
  for (const std::string& name : names_) widest = std::max(widest, width_of(printable(name)));
  return std::min(widest, columns_for_names(figures, least));
}

std::string Confusion::matrix() const {
  const size_t width = std::max<size_t>(2, fmt::to_string(*std::ranges::max_element(counts_)).size()) + 1;
  const int columns = name_columns(4 + int(width * names_.size()) + 10, kMatrixNames);
  std::string text =
      fmt::format("\nrows: what it is; columns: what the model says\n\n{}", std::string(size_t(columns) + 4, ' '));
  for (size_t answer = 0; answer < names_.size(); ++answer) text += fmt::format("{:>{}}", answer, width);
  text += "     top-1\n";
  for (size_t truth = 0; truth < names_.size(); ++truth) {
    text += fmt::format("{:>3} {}", truth, padded(printable(names_[truth]), columns));
    for (size_t answer = 0; answer < names_.size(); ++answer)
      text += fmt::format("{:>{}}", count(truth, answer), width);
    text += fmt::format("  {}\n", accuracy(truth));
  }
  return text;
}

std::string Confusion::list() const {
  std::string text = "\n";
  const int columns = name_columns(15, kListNames);
  for (size_t truth = 0; truth < names_.size(); ++truth)
    text += fmt::format("{:>4} {} {}\n", truth, padded(printable(names_[truth]), columns), accuracy(truth));
  std::vector<std::pair<size_t, size_t>> mistakes;  // pairs of truth and answer
  for (size_t truth = 0; truth < names_.size(); ++truth) {
    for (size_t answer = 0; answer < names_.size(); ++answer) {
      if (answer != truth && count(truth, answer) > 0) mistakes.emplace_back(truth, answer);
    }
  }
  std::ranges::stable_sort(
      mistakes, [&](const auto& a, const auto& b) { return count(a.first, a.second) > count(b.first, b.second); });
  if (!mistakes.empty()) text += "\nthe commonest mistakes:\n";
  mistakes.resize(std::min(mistakes.size(), kMistakes));
  for (const auto& [truth, answer] : mistakes)
    text += fmt::format("  {} taken for {}: {} of {}\n", printable(names_[truth]), printable(names_[answer]),
                        count(truth, answer), images(truth));
  return text;
}

}  // namespace spikemix
