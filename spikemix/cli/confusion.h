// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spikemix {

/// Which classes a model mistakes for which.
class Confusion {
 public:
  /// @param names  of the classes; as many as there are logits
  explicit Confusion(std::vector<std::string> names);

  /// @param logits  row-major [labels, classes]; the answer is the first of the largest
  void add(std::span<const int64_t> labels, std::span<const float> logits);

  /// "classes": name, images and top-1 of each; "confusion": rows of counts, [truth][answer].
  void write(nlohmann::json& json) const;
  /// A row for each class, with its accuracy and the counts of each answer if they fit on a line; otherwise followed by
  /// the commonest mistakes of all classes.
  std::string text() const;

 private:
  int64_t count(size_t truth, size_t answer) const { return counts_[truth * names_.size() + answer]; }
  int64_t images(size_t truth) const;
  std::string accuracy(size_t truth) const;
  int name_columns(int figures, int least) const;
  std::string matrix() const;
  std::string list() const;

  const std::vector<std::string> names_;
  std::vector<int64_t> counts_;
};

}  // namespace spikemix
