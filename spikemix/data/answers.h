// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// The file next to a run's model.safetensors, in best/ and in last/.
constexpr const char* kAnswersFile = "test_answers.safetensors";

/// The class that a model gives each test image: 20 kB for 10,000 images and up to 256 classes. It is a safetensors
/// file, because its readers and their checks exist here, Python reads it too (safetensors.numpy.load_file), and it has
/// room to identify the images: tensors "label" and "answer", [images], U8 or I32, in the data set's order; under
/// "spikemix" in the metadata, JSON of the other members.
struct Answers {
  std::vector<int32_t> labels, answers;
  std::string images;   ///< their number, and hashes of all labels and of some pixels, fitted to the model: the same
                        ///< for the same images
  int64_t epoch = -1;   ///< the weights', from 0; -1: unknown
  std::string made_by;  ///< "training", or the engine and precision of `spikemix eval`

  double top1() const;  ///< percent
};

/// @param answers  one for each image of `data` (EvalResult)
Answers answers_on(const Dataset& data, std::vector<int32_t> answers, int64_t epoch, std::string made_by);

/// Replaces the file atomically. @throws RunError or InputError as AtomicFile does
void write_answers(const std::filesystem::path& file, const Answers& answers);
/// @throws InputError naming the file and what is wrong with it
Answers read_answers(const std::filesystem::path& file);

}  // namespace spikemix
