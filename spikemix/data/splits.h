// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix {

/// What the name of a folder or archive says about its part in a data set.
enum class Part {
  kNone,
  kTrain,
  kTest,
  kValidation,
  kHeldOut,  ///< dev, holdout: the test set for some, the validation set for others
  kUnclear   ///< train_val, test-train: two parts in one name
};

/// Judged by the words of the name, in any case: "train", "Training", "n-cars_test", "extracted_val", "train2017",
/// "testset", "train.tar.gz". "latest" and "restaurant" say nothing.
Part part_named(std::string_view folder);

/// A sample's path, divided: "set/train/cat/sub/1.jpg" is "set/train", "cat", "sub/1.jpg".
struct SplitPlace {
  std::string folder, class_name, rest;
};

/// The folder of a split.
struct SplitFolder {
  std::string seen;    ///< "set/train"
  std::string prefix;  ///< where the classes begin, with '/': "set/train/", or "set/train/train/" as some unpack it
};

/// Which folders are which split of a data set. This is the only place that decides it, for pictures and recordings, in
/// folders and archives. Folders are splits by their names, if they contain class folders; below them names mean
/// nothing, so that a class may be called "train". The test set is test/, or else val/, valid/, eval/.
class SplitLayout {
 public:
  /// @param names the samples' names, '/' between folders; an archive counts as a folder
  /// @param root names the data set in errors
  /// @throws InputError listing what was seen, if folders look like splits but it is not certain which
  SplitLayout(const std::vector<std::string>& names, const std::string& root);

  /// True if no folder looks like a split.
  bool found() const { return train_ || test_; }
  /// The folder of the split, relative to the root; "" if there is none.
  std::string train_folder() const { return train_ ? train_->seen : ""; }
  std::string test_folder() const { return test_ ? test_->seen : ""; }
  /// Folders that look like a split and are neither of the two, such as val/ next to test/.
  const std::vector<std::string>& other_splits() const { return others_; }

  enum class Where {
    kTrain,
    kTest,
    kOtherSplit,
    kNoClass,  ///< in the folder of a split, but outside of its class folders
    kOutside   ///< outside of the split folders
  };
  Where where(const std::string& name) const;
  /// For a name that is in train or test. "cat", "sub/1.jpg"
  std::optional<SplitPlace> place(const std::string& name) const;

 private:
  void check_classes(const std::vector<std::string>& names, const std::string& root) const;

  std::optional<SplitFolder> train_, test_;
  std::vector<std::string> others_;
};

}  // namespace spikemix
