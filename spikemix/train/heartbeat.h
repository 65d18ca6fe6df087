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

/// Why the ranks cannot go on.
struct Verdict {
  int64_t rank = 0;    // -1: the launcher, which serves the store
  std::string who;     // "host, pid 4711"
  bool gone = false;   // killed, or its machine is unreachable; else it ended with an error
  bool input = false;  // an InputError
  std::string text;    // the error's
};

/// Tells which rank is gone. Each counts up a number of its own in the store every second, and watches the next one's:
/// the number of one that is gone stands still. A collective that fails says nothing of whose fault it was (the
/// neighbour in the ring, often), and one that should fail may wait.
class Heartbeat {
 public:
  using Connect = std::function<c10::intrusive_ptr<c10d::Store>()>;

  /// @param connect     makes a connection to the store; the heart and each question have one of their own, since a
  ///                    store that is gone may block for minutes
  /// @param served      the launcher serves the store; else rank 0. An answer that does not come is the server's end
  /// @param on_verdict  called once, from any thread, a second after a rank ended with an error or when one was silent
  ///                    for `kSilentBeats`. Not when the heartbeat has ended
  /// Returns when all ranks are there. @throws RunError naming those that do not come
  Heartbeat(Connect connect, int64_t rank, int64_t ranks, bool served, std::function<void()> on_verdict);
  /// Stops the beat: to the others, this rank is gone.
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// This rank ends with an error; the others are to say so.
  void tell(bool input, const std::string& text);
  /// After a collective that failed: the verdict of the first rank that had one, or else who stands still, watched for
  /// `kWatchSeconds`. None: all are alive. Blocks for `kAnswerSeconds` at most, and a little to tell the store.
  std::optional<Verdict> ask();
  /// Before the rank that serves the store ends: waits, `kAnswerSeconds` at most, until the others know the verdict.
  void wait_for_others();

  static constexpr int kJoinSeconds = 300;
  static constexpr int kWatchSeconds = 5, kAnswerSeconds = 12;
  /// Enough for a machine that swaps, and under half of what torchrun leaves its ranks when one of them has ended.
  static constexpr int kSilentBeats = 12;

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace spikemix
