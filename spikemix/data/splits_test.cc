// SPDX-License-Identifier: MIT
#include "spikemix/data/splits.h"

#include "spikemix/data/files_test.h"

namespace spikemix {
namespace {

using Names = std::vector<std::string>;

TEST(Splits, TheWordsOfANameSayWhichPartItIs) {
  for (const char* name : {"train", "Train", "TRAINING", "n-cars_train", "extracted_train", "train2017", "trainset",
                           "train_images", "NCarsTrain", "train.tar.gz", "Train.zip", "01_training", "trainData"}) {
    EXPECT_EQ(part_named(name), Part::kTrain) << name;
  }
  for (const char* name : {"test", "TEST", "testing", "cifar_test", "n-cars_test", "testset", "Test.zip"}) {
    EXPECT_EQ(part_named(name), Part::kTest) << name;
  }
  for (const char* name : {"val", "valid", "validation", "eval", "Evaluation", "extracted_val", "val2017"}) {
    EXPECT_EQ(part_named(name), Part::kValidation) << name;
  }
  for (const char* name : {"dev", "holdout", "DevSet"}) EXPECT_EQ(part_named(name), Part::kHeldOut) << name;
  for (const char* name : {"train_val", "trainval", "test-train"}) EXPECT_EQ(part_named(name), Part::kUnclear) << name;
  for (const char* name : {"latest", "restaurant", "pretrained", "contest", "interval", "device", "cat", "0", ""}) {
    EXPECT_EQ(part_named(name), Part::kNone) << name;
  }
}

// "train=set/train test=set/val other=set/dev", or the error
std::string decided(const Names& names) {
  try {
    const SplitLayout layout(names, "root");
    std::string text = "train=" + layout.train_folder() + " test=" + layout.test_folder();
    for (const std::string& other : layout.other_splits()) text += " other=" + other;
    return text;
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(Splits, TestComesBeforeValidationWhichIsNotMixedIn) {
  EXPECT_EQ(decided({"train/a/1", "test/a/1"}), "train=train test=test");
  EXPECT_EQ(decided({"Train/a/1", "TEST/a/1"}), "train=Train test=TEST");
  EXPECT_EQ(decided({"train/a/1", "val/a/1", "test/a/1"}), "train=train test=test other=val");
  EXPECT_EQ(decided({"train/a/1", "dev/a/1", "test/a/1"}), "train=train test=test other=dev");
  EXPECT_EQ(decided({"training/a/1", "validation/a/1"}), "train=training test=validation");
  EXPECT_EQ(decided({"n-cars_train/a/1", "n-cars_test/a/1"}), "train=n-cars_train test=n-cars_test");
  EXPECT_EQ(decided({"N_Imagenet/extracted_train/n01/1", "N_Imagenet/extracted_val/n01/1"}),
            "train=N_Imagenet/extracted_train test=N_Imagenet/extracted_val");
  EXPECT_EQ(decided({"mnisttrain/a/1", "mnisttest/a/1"}), "train=mnisttrain test=mnisttest");
  EXPECT_EQ(decided({"train.tar/a/1", "test.tar/a/1"}), "train=train.tar test=test.tar");
  EXPECT_EQ(decided({"train/a/1", "stats/1"}), "train=train test=");
  EXPECT_EQ(decided({"train_and_test/train/a/1", "train_and_test/test/a/1"}),
            "train=train_and_test/train test=train_and_test/test");
}

TEST(Splits, ASplitsNameWithoutClassFoldersBelowIsAClass) {
  EXPECT_EQ(decided({"bus/1", "train/1", "plane/1"}), "train= test=");
  EXPECT_EQ(decided({"set/bus/1", "set/bullet_train/1"}), "train= test=");
  EXPECT_EQ(decided({"train/bus/1", "train/train/1", "train/test/1", "test/train/1"}), "train=train test=test");
  EXPECT_EQ(decided({"train.tar/bus/1", "train.tar/train/1"}), "train=train.tar test=");
}

TEST(Splits, UncertainSplitsAreAnErrorThatListsWhatWasSeen) {
  const auto expect = [](const Names& names, const std::string& text) {
    EXPECT_THAT(decided(names), ::testing::HasSubstr(text));
  };
  expect({"train/a/1", "train_2/a/1", "test/a/1"}, "root: train and train_2: each looks like the training set");
  expect({"train/a/1", "Train/a/1", "test/a/1"}, "root: Train and train: each looks like the training set");
  expect({"train/a/1", "val/a/1", "valid/a/1"}, "val and valid: each looks like the validation set");
  expect({"train.zip/a/1", "train/a/1"}, "train and train.zip: each looks like the training set");
  expect({"train/a/1", "dev/a/1"}, "found dev/ and train/; which is the test set?");
  expect({"trainval/a/1", "test/a/1"}, "trainval/ could be more than one split; found test/ and trainval/");
  expect({"train/a/1", "query/a/1"}, "found train/ and query/: is query/ a split too?");
  expect({"train/1", "test/1"}, "samples in test and train, without class folders");
  expect({"cat/train/1", "cat/test/1"}, "samples in cat/test and cat/train, without class folders");
  expect({"train/a/1", "test/1"}, "root/test: samples, but no class folders");
  expect({"extract/train/a/1", "extract/test/a/1", "events_np/train/a/1"}, "splits in 2 places: ");
}

TEST(Splits, AFolderInsideOneOfTheSameNameIsThatSplit) {
  const SplitLayout layout({"Train/Train/0/1", "Test/Test/0/2"}, "root");  // as file managers unpack Train.zip
  EXPECT_EQ(layout.train_folder(), "Train");
  EXPECT_EQ(layout.place("Train/Train/0/1")->class_name, "0");
  EXPECT_EQ(layout.place("Test/Test/0/2")->rest, "2");
  const SplitLayout tars({"train.tar/train/cat/1", "train.tar/train/dog/1"}, "root");
  EXPECT_EQ(tars.place("train.tar/train/dog/1")->class_name, "dog");
}

TEST(Splits, EachNameHasItsPlace) {
  using Where = SplitLayout::Where;
  const SplitLayout layout({"train/a/b/1", "test/a/1", "val/a/1", "train/1", "stats/1", "1"}, "root");
  EXPECT_EQ(layout.place("train/a/b/1")->class_name, "a");
  EXPECT_EQ(layout.place("train/a/b/1")->rest, "b/1");
  EXPECT_EQ(layout.where("test/a/1"), Where::kTest);
  EXPECT_EQ(layout.where("val/a/1"), Where::kOtherSplit);
  EXPECT_EQ(layout.where("train/1"), Where::kNoClass);
  EXPECT_EQ(layout.where("stats/1"), Where::kOutside);
  EXPECT_EQ(layout.where("1"), Where::kOutside);
  EXPECT_FALSE(layout.place("val/a/1"));
}

// An archive's names may claim any depth, and no stack is deep enough for 40,000 folders.
TEST(Splits, RefusesEndlesslyNestedFolders) {
  std::string name;
  for (int i = 0; i < 40'000; ++i) name += "a/";
  EXPECT_THAT([&] { SplitLayout({name + "1"}, "root"); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("more than 100 nested folders")));
}

// It would become one class, and every answer would be right.
TEST(Splits, AnExtraFolderLevelIsNotAClass) {
  EXPECT_THAT(
      [] {
        SplitLayout({"train/images/a/1", "train/images/b/1", "test/images/a/1"}, "root");
      },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("one class, 'images', with the folders a and b")));
  SplitLayout({"train/cat/2024/1", "train/dog/1", "test/cat/2025/1"}, "root");  // folders within classes are allowed
  SplitLayout({"train/cat/2024/1", "test/cat/2024/1"}, "root");
}

}  // namespace
}  // namespace spikemix
