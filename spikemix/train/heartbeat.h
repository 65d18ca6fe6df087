// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <c10/util/intrusive_ptr.h>

namespace c10d {
class Store;
}

namespace spikemix {

/// Why the ranks cannot continue.
struct Verdict {
  int64_t rank = 0;    // -1: the launcher, which runs the store
  std::string who;     // "host, pid 4711"
  bool gone = false;   // killed, or its machine is unreachable; otherwise it ended with an error
  bool input = false;  // an InputError
  std::string text;    // the error's text
};

/// Finds out which rank is gone. Each rank increments a counter of its own in the store every second, and watches the
/// next rank's: the counter of a rank that is gone stands still. A failed collective does not show whose fault it was
/// (often it blames the neighbour in the ring), and one that should fail may hang.
class Heartbeat {
 public:
  using Connect = std::function<c10::intrusive_ptr<c10d::Store>()>;

  /// @param connect     opens a connection to the store; the heart and each query have their own, because a store that
  ///                    is gone may block for minutes
  /// @param served      the launcher runs the store, otherwise rank 0 does. If no answer comes, the server is gone
  /// @param on_verdict  called once, from any thread, a second after a rank ended with an error, or when one was silent
  ///                    for `kSilentBeats`. Not called after the heartbeat has ended
  /// Returns when all ranks have joined. @throws RunError naming those that have not
  Heartbeat(Connect connect, int64_t rank, int64_t ranks, bool served, std::function<void()> on_verdict);
  /// Stops the beat: the others will take this rank for gone.
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Reports that this rank ends with an error, so that the others say so.
  void tell(bool input, const std::string& text);
  /// After a failed collective: the first rank's verdict if there is one, otherwise the rank whose counter stands
  /// still, watched for `kWatchSeconds`. Empty if all are alive. Blocks for `kAnswerSeconds` at most, plus a little to
  /// tell the store.
  std::optional<Verdict> ask();
  /// Called before the rank that runs the store ends: waits, for `kAnswerSeconds` at most, until the others know the
  /// verdict.
  void wait_for_others();

  static constexpr int kJoinSeconds = 300;
  static constexpr int kWatchSeconds = 5, kAnswerSeconds = 12;
  /// Enough for a machine that swaps, and less than half the time that torchrun gives its ranks after one has ended.
  static constexpr int kSilentBeats = 12;

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace spikemix
