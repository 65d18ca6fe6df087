#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/engine/network.h"

namespace spikemix {

/// What one layer did since Session::start_profile(), summed over images and steps.
struct LayerProfile {
  std::string name;
  std::string kernel;  // "lists, bytes of 7 bits", ...
  double seconds = 0;
  double inputs = 0;      // that a dense engine would multiply by
  double additions = 0;   // rows that were added: spikes, or bit planes of small integers
  double dense_macs = 0;  // multiply-adds of a dense engine; 0 for what is no product
};

/// The neurons of one part of a layer, of a streaming session: their potentials after the step that came last, fired
/// and reset, in the units of the threshold.
struct Membrane {
  std::string part;  // as Session::Observer names it
  int64_t rows = 0, channels = 0;
  int64_t stride = 0;  // values [rows, stride], of which `channels` are neurons
  float threshold = 1;
  const float* values = nullptr;  // until the next step
};

struct SessionOptions {
  int64_t threads = 1;
  /// Keep the potentials between steps, for step(). Costs a float for each neuron.
  bool streaming = false;
  /// Most memory for the buffers of one image, of which there are as many as threads (one when streaming). They grow
  /// with the sizes that a model's config claims, not with its weights: a small file must not fill the machine.
  int64_t max_image_bytes = int64_t{2} << 30;
};

/// Runs a network. Holds all memory that running needs: nothing is allocated after it is made. Use one from one thread
/// at a time; any number of sessions share a network. The results' bits depend neither on the batch nor on the threads.
class Session {
 public:
  /// @throws InputError if the options do not fit the network (a mixer over time cannot stream; too large an image)
  Session(std::shared_ptr<const Network> network, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;

  const Network& network() const;
  /// Floats of one input: C x H x W pixels of an image (normalised: pixels in 0..1, minus mean, over std), or T x C x H
  /// x W of event frames; of step(): always C x H x W.
  int64_t input_size() const;
  int64_t step_input_size() const;

  /// Of the buffers that one image takes, beside the weights that all images share.
  int64_t image_bytes() const;

  /// @param inputs  [images, input_size()]
  /// @param logits  [images, classes]
  void infer(int64_t images, const float* inputs, float* logits);

  /// One time step of a streaming session: the image again, or the next event frame. `logits` [classes] are those of
  /// the steps so far: after T steps the same bits as infer()'s.
  void step(const float* input, float* logits);
  /// Back to rest: the next step is the first.
  void reset();
  int64_t steps() const;
  /// In the order of the forward pass; none if the session does not stream.
  std::vector<Membrane> membranes() const;

  /// Sees the spikes of each layer as they are made, [T, rows, words] of one image, and may change them before the next
  /// layer reads them: for firing rates and tests. Costs speed.
  using Observer =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits)>;
  /// The same of layers without neurons: the potentials that they write, [T, rows, channels] (T is 1 where all steps
  /// see the same), merged with the residual stream.
  using PotentialObserver =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, float* potentials)>;
  /// The same of integer neurons (neuron.kind = integer): their counts, [T, rows, channels rounded up to 64].
  using CountObserver =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint8_t* counts)>;
  /// The same of neurons that fire -1 as well.
  using SignedObserver =
      std::function<void(const std::string& layer, int64_t T, int64_t rows, int64_t channels, int8_t* spikes)>;
  void set_observer(Observer observer, PotentialObserver potentials = {}, CountObserver counts = {},
                    SignedObserver signed_spikes = {});

  /// Times every layer from now on. One thread only: infer() and step() then run on the caller's.
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
