// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/engine/network.h"

namespace spikemix {

/// Statistics of one layer since Session::start_profile(), summed over images and steps.
struct LayerProfile {
  std::string name;
  std::string kernel;  // "lists, bytes of 7 bits", ...
  double seconds = 0;
  double inputs = 0;       // by which a dense engine would multiply
  double additions = 0;    // rows that lists add: for spikes, or for bit planes of small integers
  double byte_inputs = 0;  // of the inputs, those that were so dense that they were multiplied as bytes, without lists
  double dense_macs = 0;   // multiply-adds of a dense engine; 0 if the layer is not a product
};

/// The neurons of one part of a layer in a streaming session: their potentials after the last step, after firing and
/// reset, in the units of the threshold.
struct Membrane {
  std::string part;  // as Session::Observer names it
  int64_t rows = 0, channels = 0;
  int64_t stride = 0;             // values [rows, stride], of which `channels` are neurons
  float threshold = 1;            // of integer neurons that of the first count, 0.5
  const float* values = nullptr;  // until the next step
};

struct SessionOptions {
  int64_t threads = 1;
  /// Keep the potentials between steps, for step(). Costs a float for each neuron.
  bool streaming = false;
  /// The most memory for the buffers of one image; there are as many sets as threads (one when streaming). They grow
  /// with the sizes that a model's config claims, not with its weights, and a small file must not fill the machine.
  int64_t max_image_bytes = int64_t{2} << 30;
};

/// Runs a network. Holds all memory that running needs: nothing is allocated after construction. Use it from one thread
/// at a time; any number of sessions share a network. The results' bits depend neither on the batch nor on the threads.
class Session {
 public:
  /// @throws InputError if the options do not fit the network (a mixer over time cannot stream; too large an image)
  Session(std::shared_ptr<const Network> network, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;

  const Network& network() const;
  /// Floats in one input: C x H x W pixels of an image (normalised: pixels in 0..1, minus mean, over std), or T x C x H
  /// x W for event frames; for step(), always C x H x W.
  int64_t input_size() const;
  int64_t step_input_size() const;

  /// Bytes of the buffers for one image, besides the weights that all images share.
  int64_t image_bytes() const;

  /// @param inputs  [images, input_size()]
  /// @param logits  [images, classes]
  void infer(int64_t images, const float* inputs, float* logits);

  /// Runs one time step of a streaming session on the image again, or on the next event frame. `logits` [classes] are
  /// those of the steps so far: after T steps they have the same bits as infer()'s.
  void step(const float* input, float* logits);
  /// Back to rest: the next step is the first again.
  void reset();
  int64_t steps() const;
  /// In the order of the forward pass; empty if the session does not stream.
  std::vector<Membrane> membranes() const;

  /// Sees the spikes of each layer as they are made, [T, rows, words] for one image, and may change them before the
  /// next layer reads them. For firing rates and tests; slows the session down.
  using Observer =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits)>;
  /// The same for layers without neurons: the potentials that they write, [T, rows, channels] (T is 1 if all steps are
  /// the same), merged with the residual stream.
  using PotentialObserver =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, float* potentials)>;
  /// The same for integer neurons (neuron.kind = integer): their counts, [T, rows, channels rounded up to 64].
  using CountObserver =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint8_t* counts)>;
  /// The same for neurons that also fire -1.
  using SignedObserver =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, int8_t* spikes)>;
  void set_observer(Observer observer, PotentialObserver potentials = {}, CountObserver counts = {},
                    SignedObserver signed_spikes = {});

  /// Times every layer from now on. Single-threaded: infer() and step() then run on the caller's thread.
  void start_profile();
  /// In the order of the forward pass.
  std::vector<LayerProfile> profile() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Probabilities of the classes, from one row of logits.
std::vector<double> softmax(std::span<const float> logits);

}  // namespace spikemix
