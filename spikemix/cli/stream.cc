// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "spikemix/base/clock.h"
#include "spikemix/base/error.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/quantiles.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/step_queue.h"
#include "spikemix/cli/stop_signals.h"
#include "spikemix/cli/stream_display.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/event_input.h"
#include "spikemix/engine/session.h"

namespace spikemix {
namespace {

struct StreamOptions {
  EventInput input;
  RunnerOptions runner;
  int64_t step_us = 0, step_events = 0;
  bool realtime = false, max_speed = false, json = false;
};

constexpr size_t kWaitingSteps = 16;
// A recording whose clock was reset must not stop the playback.
constexpr int64_t kLongestPauseUs = 10'000'000;

double milliseconds(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

// Everything but the sensor.
TimeStepOptions step_options(const StreamOptions& o, const ModelCard& card) {
  if (o.step_us > 0 && o.step_events > 0) throw input_error("--step-us and --step-events: expected one of them");
  TimeStepOptions steps{.us = o.step_us,
                        .events = o.step_events,
                        .binary = card.frames.values == "binary",
                        .sensor = {},
                        .height = card.model.height,
                        .width = card.model.width};
  if (steps.us > 0 || steps.events > 0) return steps;
  (card.frames.by == "time" ? steps.us : steps.events) =
      int64_t(card.frames.by == "time" ? card.frames.step_us : card.frames.step_events);
  if (steps.us <= 0 && steps.events <= 0) {
    throw input_error("the model does not say how long a step is; give --step-us or --step-events");
  }
  return steps;
}

/// Reads a recording, or waits for one, and cuts it into steps, in a separate thread.
class Player {
 public:
  Player(const StreamOptions& options, const ModelCard& card, StopSignals& stop)
      : options_(options), card_(card), steps_(step_options(options, card)), stop_(stop) {
    thread_ = std::thread([this] { play(); });
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;
  ~Player() {
    queue_.abandon();
    stop_.stop();
    thread_.join();
  }

  StepQueue& queue() { return queue_; }

 private:
  void play() {
    try {
      ByteSource source = ByteSource::open(options_.input.path, stop_.descriptor());
      // A live source is taken as it comes; a file is played, or read as fast as the engine runs.
      const bool paced = source.left() ? !options_.max_speed : options_.realtime;
      const Recording recording = options_.input.open(std::move(source), model_sensor(card_.frames));
      cut(*recording.reader, paced);
      queue_.close(nullptr);
    } catch (...) {
      queue_.close(std::current_exception());
    }
  }

  void cut(EventReader& reader, bool paced) {
    const SensorSize own = reader.sensor(), silent{int(card_.model.width), int(card_.model.height)};
    note_other_sensor(card_, options_.input.path, own);
    steps_.sensor = frame_sensor(card_.frames, {.sensor = own.known() ? own : silent, .own = own});
    TimeStepCutter cutter(steps_);
    Clock::time_point due = Clock::now();
    std::optional<int64_t> last_t;
    const auto take = [&](TimeStep&& step) {
      if (paced) {
        due += std::chrono::microseconds(
            std::clamp<int64_t>(step.end_t - last_t.value_or(step.begin_t), 0, kLongestPauseUs));
        last_t = step.end_t;
        stop_.sleep_until(due);
      }
      queue_.push({std::move(step), paced ? due : Clock::now()});
    };
    for (auto events = reader.read(); !events.empty() && !queue_.abandoned(); events = reader.read()) {
      cutter.add(events, take);
    }
    cutter.finish(take);
  }

  const StreamOptions& options_;
  const ModelCard& card_;
  TimeStepOptions steps_;
  StopSignals& stop_;
  StepQueue queue_{kWaitingSteps, /*drop=*/!options_.max_speed};
  std::thread thread_;  // last: it uses the others
};

/// Windows of T steps, as in training; dropped steps are missing from theirs.
class Windows {
 public:
  explicit Windows(int64_t T) : T_(T) {}

  /// Adds a step. @returns whether it is a window's first
  bool begins(int64_t number) {
    const bool first = number_ < 0 || number / T_ != number_ / T_;
    if (first && number_ >= 0) end();  // otherwise its last steps were dropped
    number_ = number;
    return first;
  }
  void add(const StreamStep& step) {
    last_ = step;
    if (number_ % T_ == T_ - 1) end();
  }
  int64_t whole() const { return whole_; }
  /// The last step of the last complete window; null: there is none yet.
  const StreamStep* verdict() const { return verdict_ ? &*verdict_ : nullptr; }
  /// Or that of the first window, as far as it got; null: no step has come.
  const StreamStep* last() const { return verdict_ || !last_ ? verdict() : &*last_; }

 private:
  void end() {
    if (verdict_ && verdict_->step.number == last_->step.number) return;
    verdict_ = last_;
    ++whole_;
  }

  const int64_t T_;
  int64_t number_ = -1, whole_ = 0;
  std::optional<StreamStep> last_, verdict_;
};

// Steps the engine until the stream ends, or a signal comes. An error of the stream is thrown after everything before
// it has been answered.
void follow(StepQueue& queue, const StopSignals& stop, Session& session, StreamDisplay& display) {
  Windows windows(session.network().card.model.T);
  StreamSummary summary;
  Quantiles latency, compute;
  const Clock::time_point start = Clock::now();
  StepQueue::Item item;
  std::exception_ptr error;
  StreamStep result;
  result.logits.resize(size_t(session.network().card.model.classes));
  int64_t next = 0;
  while (!stop.received()) {
    try {
      const StepQueue::State state = queue.pop(item, std::chrono::milliseconds(100));
      if (state == StepQueue::State::kEnd) break;
      if (state == StepQueue::State::kNothingYet) continue;
    } catch (...) {
      error = std::current_exception();
      break;
    }
    result.step = std::move(item.step);
    const int64_t number = result.step.number;
    if (number > next) {
      display.drop(next, number - next);
      summary.dropped += number - next;
    }
    if (windows.begins(number)) session.reset();
    next = number + 1;
    const Clock::time_point begin = Clock::now();
    session.step(result.step.frame.data(), result.logits.data());
    const Clock::time_point end = Clock::now();
    result.step_in_window = number % session.network().card.model.T + 1;
    result.latency_ms = milliseconds(end - item.due), result.compute_ms = milliseconds(end - begin);
    result.step.frame = {};
    latency.add(result.latency_ms), compute.add(result.compute_ms);
    ++summary.steps, summary.events += result.step.events;
    windows.add(result);
    display.show(result, windows.verdict(), summary.dropped);
    if (answer_lost()) return;  // nobody sees the rest
  }
  summary.seconds = milliseconds(Clock::now() - start) / 1000;
  summary.windows = windows.whole();
  summary.latency_p50 = latency(0.5), summary.latency_p99 = latency(0.99);
  summary.compute_p50 = compute(0.5), summary.compute_p99 = compute(0.99);
  if (summary.steps > 0 || !error) display.finish(summary, windows.last());
  if (stop.received()) return;
  if (error) std::rethrow_exception(error);
  if (summary.steps == 0) throw InputError("the stream ended without an event: there is no answer");
}

void run(const StreamOptions& o) {
  if (o.realtime && o.max_speed) throw input_error("--realtime and --max-speed: expected one of them");
  Session session(load_network_of(o.runner), {.threads = thread_count(o.runner.threads), .streaming = true});
  const ModelCard& card = session.network().card;
  if (!card.model.takes_events() || card.model.channels != 2) {
    throw input_error("model '{}': takes images, expected one of events (model.input)", card.name);
  }
  StreamDisplay display(card, o.json);
  StopSignals stop;
  {
    Player player(o, card, stop);
    follow(player.queue(), stop, session, display);
  }
  if (stop.received()) throw Exit{kInterrupted};
}

}  // namespace

void add_stream(CLI::App& app) {
  auto o = std::make_shared<StreamOptions>();
  auto* command = app.add_subcommand(
      "stream", "play a recording of an event camera: class scores that are updated at every time step");
  command->footer(R"(Examples:
  spikemix stream gesture.aedat --model runs/dvs128-gesture
  spikemix stream gesture.aedat --model runs/dvs128-gesture --max-speed --json
  camera | spikemix stream - --model runs/dvs128-gesture
  spikemix stream unix:/run/camera.sock --model runs/dvs128-gesture)");
  o->input.add_to(*command);
  command
      ->add_option("--model", o->runner.model, "a model of events: model.safetensors, or a run folder (its best model)")
      ->required();
  command->add_flag("--realtime", o->realtime, "at the recording's own speed; the default for a file");
  command->add_flag("--max-speed", o->max_speed, "as fast as the engine is; no step is dropped");
  command->add_option("--step-us", o->step_us, "microseconds of a time step; default: the mean of the model's training")
      ->check(CLI::PositiveNumber);
  command->add_option("--step-events", o->step_events, "or this many events a time step")->check(CLI::PositiveNumber);
  command
      ->add_option("--precision", o->runner.precision,
                   "fp32, int16 or int8; default: fp32, or what an exported model holds")
      ->check(CLI::IsMember({"fp32", "int16", "int8"}));
  command->add_option("--threads", o->runner.threads, "compute threads; 0: one for each core");
  command->add_flag("--json", o->json, "a line of JSON for each step; the last one sums up");
  command->callback([o] { run(*o); });
}

}  // namespace spikemix
