// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spikemix/events/png.h"
#include "spikemix/formats/model_card.h"
#include "spikemix/report/look.h"
#include "spikemix/report/run.h"

// The parts of the page, each as HTML. Headings begin at <h3>; ids begin with `id`.
namespace spikemix::reports {

/// Loss, accuracy, learning rate and speed over epochs, of all runs.
std::string curves(const std::vector<Run>& runs);

/// A row for each run: mixer, seed, parameters, accuracy, speed, memory.
std::string comparison(const std::vector<Run>& runs);

/// A test image that the model classifies wrongly.
struct Mistake {
  std::string source;
  RgbPicture picture;
  std::string truth, answer;
  double probability = 0;  ///< the answer's
};

/// The wrongly answered images that the model is surest of: indices into `answers`, at most `most`.
std::vector<size_t> surest_mistakes(const Answers& answers, size_t most);

/// Accuracy, confusions, and pictures of mistakes. @param data  name of the images' source
std::string confusion(const std::string& id, const Answers& answers, const std::vector<Mistake>& mistakes,
                      const std::string& data);

/// Firing rates by layer and step; energy and time by layer.
std::string rates(const std::string& id, const Activity& activity);
std::string energy(const std::string& id, const ModelCard& card, const Activity& activity);
std::string time(const std::string& id, const Activity& activity);

/// An input, and what the layers make of it.
struct Shown {
  std::string source, truth;  ///< truth: its class, if known
  RgbPicture picture;
  Trace trace;
};
std::string sample(const std::string& id, const ModelCard& card, const Shown& shown);

/// The model, as its card describes it.
std::string shape(const ModelCard& card, const std::string& precision);

/// The resolved config, the conditions of the run, and command lines that repeat it.
std::string repeat(const Run& run, const std::vector<std::string>& commands);
/// The config as a recipe: TOML that `spikemix train` reads.
std::string recipe(const Config& config);

}  // namespace spikemix::reports
