// SPDX-License-Identifier: MIT
#include "spikemix/train/heartbeat.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <unistd.h>

#include "spikemix/base/clock.h"
#include "spikemix/base/error.h"
#include "spikemix/base/json.h"

namespace spikemix {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Store = c10::intrusive_ptr<c10d::Store>;

constexpr auto kBeat = 1s;
constexpr auto kEnd = 2s;        // for a thread that writes its last message to the store
constexpr auto kSettle = 500ms;  // by then a beat sent just before its rank ended has arrived
constexpr const char *kVerdict = "verdict", *kLeft = "left";

std::string beat_key(int64_t rank) { return "beat/" + std::to_string(rank); }
std::string who_key(int64_t rank) { return "who/" + std::to_string(rank); }

std::string whoami() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '?';
  return fmt::format("{}, pid {}", host, ::getpid());
}

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }
std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

Json to_json(const Verdict& v) {
  return {{"rank", v.rank}, {"who", v.who}, {"gone", v.gone}, {"input", v.input}, {"text", v.text}};
}

Verdict verdict_of(const std::string& text) {
  const Json v = parse_json(text, "the verdict of the ranks");
  return {.rank = v["rank"].get<int64_t>(),
          .who = v["who"].get<std::string>(),
          .gone = v["gone"].get<bool>(),
          .input = v["input"].get<bool>(),
          .text = v["text"].get<std::string>()};
}

// The first verdict stands: ranks that end because of it disappear too, but later.
Verdict settle(const Store& store, const Verdict& mine) {
  const std::string text = json_text(to_json(mine));
  return verdict_of(text_of(store->compareSet(kVerdict, {}, bytes_of(text))));
}

std::vector<int64_t> beats(const Store& store, int64_t ranks) {
  std::vector<int64_t> all;
  for (int64_t r = 0; r < ranks; ++r) all.push_back(store->add(beat_key(r), 0));
  return all;
}

void wait_for_all(const Store& store, int64_t ranks) {
  std::vector<std::string> keys;
  for (int64_t r = 0; r < ranks; ++r) keys.push_back(who_key(r));
  try {
    store->wait(keys, std::chrono::seconds(Heartbeat::kJoinSeconds));
  } catch (const std::exception&) {
    std::vector<int64_t> missing;
    for (int64_t r = 0; r < ranks; ++r) {
      if (!store->check({keys[size_t(r)]})) missing.push_back(r);
    }
    throw run_error("{} of {} ranks did not join within {} s: rank {}", missing.size(), ranks, Heartbeat::kJoinSeconds,
                    fmt::join(missing, ", "));
  }
}

std::optional<Verdict> settled(const Store& store) {
  if (!store->check({kVerdict})) return {};
  return verdict_of(text_of(store->get(kVerdict)));
}

Verdict settle_gone(const Store& store, int64_t rank) {
  return settle(store, {.rank = rank, .who = text_of(store->get(who_key(rank))), .gone = true, .text = {}});
}

std::optional<Verdict> find_gone(const Store& store, int64_t ranks) {
  std::this_thread::sleep_for(kSettle);
  const std::vector<int64_t> before = beats(store, ranks);
  for (const auto end = Clock::now() + std::chrono::seconds(Heartbeat::kWatchSeconds);;) {
    if (auto verdict = settled(store)) return verdict;
    const bool last = Clock::now() >= end;
    const std::vector<int64_t> now = beats(store, ranks);
    int64_t still = -1;
    for (int64_t r = ranks; r-- > 0;) {
      if (now[size_t(r)] == before[size_t(r)]) still = r;
    }
    if (still < 0) return {};
    if (last) return settle_gone(store, still);
    std::this_thread::sleep_for(kBeat / 4);
  }
}

}  // namespace

// Shared with the threads, which may outlive the heartbeat inside a store that does not answer.
class Heartbeat::Shared {
 public:
  // Set before the threads start.
  Connect connect;
  std::function<void()> on_verdict;
  int64_t rank = 0, ranks = 1;
  Verdict without_store;

  // Beats until there is a verdict, and watches one other rank: if each watched all, 1,000 ranks would query the store
  // a million times a second.
  void beat(const Store& store) {
    const std::string own = beat_key(rank);
    const int64_t next = (rank + 1) % ranks;
    int64_t before = -1, still = 0;
    try {
      while (wait_a_beat()) {
        store->add(own, 1);
        std::optional<Verdict> verdict = settled(store);
        const int64_t now = store->add(beat_key(next), 0);
        still = now == before ? still + 1 : 0, before = now;
        if (!verdict && still >= kSilentBeats) verdict = settle_gone(store, next);
        if (verdict) conclude(*verdict, store);
        const std::scoped_lock lock(mutex_);
        ++beats_;
      }
    } catch (const std::exception&) {  // no store, and nobody to beat for: see guard()
    }
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  // Handles a beat that never ends, or never reaches the next one, because the store is gone. It counts its own turns
  // instead of time: a process that was suspended has not seen the others fall silent.
  void guard() {
    int64_t before = -1, still = 0;
    while (wait_a_beat()) {
      std::unique_lock lock(mutex_);
      still = beats_ == before ? still + 1 : 0, before = beats_;
      lock.unlock();
      if (still >= kSilentBeats) conclude(without_store, {});
    }
  }

  void ask() {
    try {
      const Store store = connect();
      if (const auto verdict = find_gone(store, ranks)) {
        conclude(*verdict, store);
      } else {
        const std::scoped_lock lock(mutex_);
        all_alive_ = true;
        changed_.notify_all();
      }
    } catch (const std::exception&) {
      conclude(without_store, {});
    }
  }

  bool knows() {
    const std::scoped_lock lock(mutex_);
    return verdict_.has_value();
  }

  // The verdict, once the store knows that this rank has it.
  std::optional<Verdict> wait_for_answer() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(kAnswerSeconds), [&] { return all_alive_ || verdict_; });
    if (all_alive_ && !verdict_) return {};
    changed_.wait_for(lock, kEnd, [&] { return left_ || !verdict_; });
    return verdict_.value_or(without_store);
  }

  void conclude(const Verdict& verdict, const Store& store) {
    std::unique_lock lock(mutex_);
    if (verdict_) return;
    verdict_ = verdict;
    if (on_verdict) on_verdict();
    changed_.notify_all();
    lock.unlock();
    if (store) store->add(kLeft, 1);
    lock.lock();
    left_ = true;
    changed_.notify_all();
  }

  void stop() {
    std::unique_lock lock(mutex_);
    ended_ = true;
    on_verdict = {};
    changed_.notify_all();
    changed_.wait_for(lock, kEnd, [&] { return stopped_; });
  }

 private:
  // False if the heartbeat or the run ends.
  bool wait_a_beat() {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, kBeat, [&] { return ended_ || verdict_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Verdict> verdict_;
  int64_t beats_ = 0;
  bool all_alive_ = false, left_ = false, ended_ = false, stopped_ = false;
};

Heartbeat::Heartbeat(Connect connect, int64_t rank, int64_t ranks, bool served, std::function<void()> on_verdict)
    : shared_(std::make_shared<Shared>()) {
  shared_->connect = std::move(connect), shared_->on_verdict = std::move(on_verdict);
  shared_->rank = rank, shared_->ranks = ranks;
  const Store store = shared_->connect();
  store->set(who_key(rank), bytes_of(whoami()));
  store->add(beat_key(rank), 1);
  wait_for_all(store, ranks);
  shared_->without_store = {
      .rank = served ? -1 : 0, .who = served ? "" : text_of(store->get(who_key(0))), .gone = true, .text = {}};
  std::thread([store, shared = shared_] { shared->beat(store); }).detach();
  std::thread([shared = shared_] { shared->guard(); }).detach();
}

Heartbeat::~Heartbeat() { shared_->stop(); }

void Heartbeat::tell(bool input, const std::string& text) {
  try {
    const Store store = shared_->connect();
    const Verdict mine{.rank = shared_->rank, .who = whoami(), .gone = false, .input = input, .text = text};
    shared_->conclude(settle(store, mine), store);
  } catch (const std::exception&) {  // nobody is left to tell
  }
}

std::optional<Verdict> Heartbeat::ask() {
  if (!shared_->knows()) std::thread([shared = shared_] { shared->ask(); }).detach();
  return shared_->wait_for_answer();
}

void Heartbeat::wait_for_others() {
  try {
    const Store store = shared_->connect();
    const std::optional<Verdict> verdict = settled(store);
    const int64_t expected = shared_->ranks - (verdict && verdict->gone);
    for (const auto end = Clock::now() + std::chrono::seconds(kAnswerSeconds);
         store->add(kLeft, 0) < expected && Clock::now() < end;) {
      std::this_thread::sleep_for(50ms);
    }
  } catch (const std::exception&) {
  }
}

}  // namespace spikemix
