// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spikemix {

class FileTree;

/// A remark about the files of a data set that its user may want to know.
struct Remark {
  std::string what;  ///< "broken links"
  int64_t count = 0;
  std::string example;  ///< one of them

  bool operator==(const Remark&) const = default;
};

/// The text for DataReport::drawn.
constexpr const char* kDrawn = "no split in the files: the first 90 % of each class, by name, are for training";

/// How files became a data set: `spikemix data info` shows it, training says what was left out.
struct DataReport {
  std::string train_folder = {}, test_folder = {};  ///< relative to the root; both empty: see `drawn`
  bool drawn = false;  ///< the files have no split: a part of each class was taken for tests
  std::vector<Remark> left_out = {};
  std::vector<Remark> repeated = {};  ///< the same contents more than once

  bool operator==(const DataReport&) const = default;
};

/// Counts one more `what` in `remarks`; the first one is the example.
void add_remark(std::vector<Remark>& remarks, const std::string& what, const std::string& example);

/// Remarks on everything that a listing leaves out, whatever the data are: hidden files that `is_sample` would have
/// taken, broken links, links to a parent folder, archives that are not read.
void add_left_out(DataReport& report, const FileTree& tree, bool (*is_sample)(const std::string& name));

/// "broken links: 2 (train/cat/1.jpg, ...)"
std::string to_line(const Remark& remark);

/// Reports in one line each what was left out of the data at `dir` and what is there more than once.
void tell(const DataReport& report, const std::string& dir, const std::function<void(const std::string&)>& note);

void to_json(nlohmann::json& json, const DataReport& report);
void from_json(const nlohmann::json& json, DataReport& report);

}  // namespace spikemix
