#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/quantiles.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/step_queue.h"
#include "spikemix/cli/stream_display.h"
#include "spikemix/core/clock.h"
#include "spikemix/core/error.h"
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
// A clock that was set anew in a recording must not stop its play.
constexpr int64_t kLongestPauseUs = 10'000'000;

std::atomic<bool> interrupted = false;
void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

double milliseconds(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

bool is_file(const std::string& path) { return path != "-" && !path.starts_with("unix:"); }

TimeStepOptions step_options(const StreamOptions& o, const ModelCard& card, SensorSize sensor) {
  if (o.step_us > 0 && o.step_events > 0) throw input_error("--step-us and --step-events: expected one of them");
  TimeStepOptions steps{.us = o.step_us,
                        .events = o.step_events,
                        .binary = card.frames.values == "binary",
                        .sensor = sensor,
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

/// A recording that plays in a thread of its own.
struct Player {
  Recording recording;
  TimeStepCutter cutter;
  StepQueue queue;
  bool paced;  ///< each step comes at its time, as when it was recorded

  void play() {
    Clock::time_point due = Clock::now();
    int64_t last_t = 0;
    bool first = true;
    const auto take = [&](TimeStep&& step) {
      if (paced) {
        due += std::chrono::microseconds(
            std::clamp<int64_t>(step.end_t - (first ? step.begin_t : last_t), 0, kLongestPauseUs));
        last_t = step.end_t, first = false;
        std::this_thread::sleep_until(due);
      }
      queue.push({std::move(step), paced ? due : Clock::now()});
    };
    try {
      EventReader& reader = *recording.reader;
      for (auto events = reader.read(); !events.empty(); events = reader.read()) cutter.add(events, take);
      cutter.finish(take);
      queue.close(nullptr);
    } catch (...) {
      queue.close(std::current_exception());
    }
  }
};

// Steps the engine until the stream ends. @returns false after Ctrl-C
bool follow(StepQueue& queue, Session& session, StreamDisplay& display) {
  const int64_t T = session.network().card.model.T;
  StreamSummary summary;
  Quantiles latency, compute;
  const Clock::time_point start = Clock::now();
  StepQueue::Item item;
  StreamStep result;
  result.logits.resize(size_t(session.network().card.model.classes));
  int64_t next = 0;
  for (;;) {
    const StepQueue::State state = queue.pop(item, std::chrono::milliseconds(100));
    if (state == StepQueue::State::kEnd || interrupted) break;
    if (state == StepQueue::State::kNothingYet) continue;
    result.step = std::move(item.step);
    const int64_t number = result.step.number;
    if (number > next) {
      display.drop(next, number - next);
      summary.dropped += number - next;
    }
    // A window of T steps, as in training; those that were dropped are missing in it.
    if (next == 0 || number / T != (next - 1) / T) session.reset();
    next = number + 1;
    const Clock::time_point begin = Clock::now();
    session.step(result.step.frame.data(), result.logits.data());
    const Clock::time_point end = Clock::now();
    result.step_in_window = number % T + 1;
    result.latency_ms = milliseconds(end - item.due), result.compute_ms = milliseconds(end - begin);
    latency.add(result.latency_ms), compute.add(result.compute_ms);
    ++summary.steps, summary.events += result.step.events;
    display.show(result, summary.dropped);
  }
  summary.seconds = milliseconds(Clock::now() - start) / 1000;
  summary.latency_p50 = latency(0.5), summary.latency_p99 = latency(0.99);
  summary.compute_p50 = compute(0.5), summary.compute_p99 = compute(0.99);
  display.finish(summary);
  return !interrupted;
}

void run(const StreamOptions& o) {
  if (o.realtime && o.max_speed) throw input_error("--realtime and --max-speed: expected one of them");
  Session session(load_network_of(o.runner), {.threads = thread_count(o.runner.threads), .streaming = true});
  const ModelCard& card = session.network().card;
  if (!card.model.takes_events() || card.model.channels != 2) {
    throw input_error("model '{}': takes images, expected one of events (model.input)", card.name);
  }
  Recording recording = o.input.open();
  const SensorSize own = recording.reader->sensor();
  const TimeStepOptions steps =
      step_options(o, card, own.known() ? own : SensorSize{int(card.model.width), int(card.model.height)});
  // What comes by itself is taken as it comes; a file is played, or read as fast as the engine is.
  const bool paced = is_file(o.input.path) ? !o.max_speed : o.realtime;
  const std::shared_ptr<Player> player(
      new Player{std::move(recording), TimeStepCutter(steps), {kWaitingSteps, /*drop=*/!o.max_speed}, paced});
  std::signal(SIGINT, on_interrupt);
  std::thread source([player] { player->play(); });
  // It may wait for bytes that never come, where nothing can wake it up: then it is left to the end of the process.
  bool done = false;
  StreamDisplay display(card, o.json);
  try {
    done = follow(player->queue, session, display);
  } catch (...) {
    source.detach();
    throw;
  }
  if (done) return source.join();
  source.detach();
  throw Exit{kInterrupted};
}

}  // namespace

void add_stream(CLI::App& app) {
  auto o = std::make_shared<StreamOptions>();
  auto* command =
      app.add_subcommand("stream", "play a recording of an event camera: class scores that move with every time step");
  command->footer(R"(Examples:
  spikemix stream gesture.aedat --model runs/dvs128-gesture
  spikemix stream gesture.aedat --model runs/dvs128-gesture --max-speed --json
  camera | spikemix stream - --model runs/dvs128-gesture
  spikemix stream unix:/run/camera.sock --model runs/dvs128-gesture)");
  o->input.add_to(*command);
  command->add_option("--model", o->runner.model, "model.safetensors, or a run folder (its best model)")->required();
  command->add_flag("--realtime", o->realtime,
                    "at the recording's own speed: what a file is played at, if nothing else is said");
  command->add_flag("--max-speed", o->max_speed, "as fast as the engine is; no step is dropped");
  command->add_option("--step-us", o->step_us, "microseconds of a time step; default: the mean of the model's training")
      ->check(CLI::PositiveNumber);
  command->add_option("--step-events", o->step_events, "or its events")->check(CLI::PositiveNumber);
  command
      ->add_option("--precision", o->runner.precision,
                   "fp32, int16 or int8; default: fp32, or what an exported model holds")
      ->check(CLI::IsMember({"fp32", "int16", "int8"}));
  command->add_option("--threads", o->runner.threads, "compute threads; 0: one for each core");
  command->add_flag("--json", o->json, "a line of JSON for each step; the last one sums up");
  command->callback([o] { run(*o); });
}

}  // namespace spikemix
