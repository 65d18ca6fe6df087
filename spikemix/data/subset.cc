// SPDX-License-Identifier: MIT
#include "spikemix/data/subset.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "spikemix/base/rng.h"

namespace spikemix {
namespace {

class Subset : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<int64_t> chosen)
      : whole_(std::move(whole)), chosen_(std::move(chosen)) {}
  int64_t size() const override { return int64_t(chosen_.size()); }
  int64_t label(int64_t i) const override { return whole_->label(chosen_[size_t(i)]); }
  Image image(int64_t i) const override { return whole_->image(chosen_[size_t(i)]); }
  bool holds_events() const override { return whole_->holds_events(); }
  RecordingInfo recording(int64_t i) const override { return whole_->recording(chosen_[size_t(i)]); }
  std::vector<Event> events(int64_t i) const override { return whole_->events(chosen_[size_t(i)]); }
  std::string source(int64_t i) const override { return whole_->source(chosen_[size_t(i)]); }
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  const std::vector<std::string>& damaged() const override { return whole_->damaged(); }
  const DataReport& report() const override { return whole_->report(); }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<int64_t> chosen_;
};

// The number of images for each class: images * count / total, rounded down, plus one for the largest remainders.
std::vector<int64_t> quotas(const std::vector<int64_t>& counts, int64_t images, int64_t total) {
  std::vector<int64_t> quota(counts.size()), order(counts.size());
  int64_t left = images;
  for (size_t c = 0; c < counts.size(); ++c) {
    quota[c] = counts[c] * images / total;
    left -= quota[c];
  }
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](int64_t c) { return counts[size_t(c)] * images % total; });
  for (int64_t r = 0; r < left; ++r) ++quota[size_t(order[size_t(r)])];
  return quota;
}

std::vector<int64_t> class_counts(const Dataset& dataset) {
  std::vector<int64_t> counts(dataset.classes().size());
  for (int64_t i = 0; i < dataset.size(); ++i) ++counts[size_t(dataset.label(i))];
  return counts;
}

}  // namespace

std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> dataset, int64_t images, std::string_view key) {
  const int64_t total = dataset->size();
  if (images == 0 || images == total) return dataset;
  if (images < 0 || images > total) throw input_error("{} = {}: the data has {} images", key, images, total);
  std::vector<int64_t> quota = quotas(class_counts(*dataset), images, total), chosen;
  for (int64_t i = 0; i < total; ++i) {
    if (quota[size_t(dataset->label(i))]-- > 0) chosen.push_back(i);
  }
  return std::make_shared<Subset>(std::move(dataset), std::move(chosen));
}

Divided divide(const std::shared_ptr<const Dataset>& dataset, double share, uint64_t seed) {
  const int64_t total = dataset->size(), images = std::llround(share * double(total));
  if (images == 0 || images == total)
    throw input_error("data.validation = {}: that is {} of the {} training images", share, images == 0 ? "none" : "all",
                      total);
  // Selection sampling: each image is taken with the probability that gives its class the right number.
  std::vector<int64_t> wanted = quotas(class_counts(*dataset), images, total), left = class_counts(*dataset);
  std::vector<int64_t> learned, validation;
  Rng rng(seed, Rng::Purpose::kValidation);
  for (int64_t i = 0; i < total; ++i) {
    const auto c = size_t(dataset->label(i));
    const bool chosen = int64_t(rng.below(uint64_t(left[c]--))) < wanted[c];
    wanted[c] -= chosen;
    (chosen ? validation : learned).push_back(i);
  }
  return {std::make_shared<Subset>(dataset, std::move(learned)),
          std::make_shared<Subset>(dataset, std::move(validation))};
}

}  // namespace spikemix
