// SPDX-License-Identifier: MIT
#include "spikemix/train/training_loop.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <utility>

#include "spikemix/base/json.h"
#include "spikemix/data/validation_draw.h"
#include "spikemix/nn/ops/profile.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/tensors.h"
#include "spikemix/train/device.h"
#include "spikemix/train/evaluate_model.h"
#include "spikemix/train/first_steps.h"
#include "spikemix/train/first_weights.h"
#include "spikemix/train/schedule.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

constexpr int64_t kStepsPerLine = 50;  // in metrics.jsonl, within an epoch

// The rest of a run, measured in images of the current epoch: an epoch with more time steps counts for more.
double images_left(const Config& config, const RunLength& length, const TrainerState& state) {
  const int64_t one_step = std::clamp(config.train.one_step_epochs, state.epoch, length.epochs);
  const double in_steps = double(one_step - state.epoch) + double(length.epochs - one_step) * double(config.model.T);
  return (double(length.steps) * in_steps / double(time_steps(config, state.epoch)) - double(state.step)) *
         double(config.train.batch);
}

// Images a second in a test. Before the first test, an estimate: a step is one forward and one backward, which costs
// twice as much, so a test is three times as fast.
double test_rate(const Config& config, const TrainerState& state, double training_rate) {
  if (state.test_images_per_second > 0) return state.test_images_per_second;
  return 3 * training_rate * double(time_steps(config, state.epoch)) / double(config.model.T);
}

int64_t tests_left(const TrainConfig& t, const RunLength& length, int64_t epoch) {
  return length.epochs / t.eval_every - epoch / t.eval_every + (length.epochs % t.eval_every != 0);
}

void add_spikes(Json& line, const std::optional<SpikePrice>& spikes) {
  if (!spikes) return;
  line["spike_operations"] = spikes->operations, line["density"] = spikes->density;
  line["spike_cost"] = spikes->cost;
}

// LibTorch has no type of its own for the CPU's.
bool is_out_of_memory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) ||
         std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos;
}

// For the model card; null without validation images.
Json draw_of(const Config& config, const RunData& data) {
  if (!data.validation) return nullptr;
  return ValidationDraw{.share = config.data.validation,
                        .of = data.train->size() + data.validation->size(),
                        .seed = uint64_t(config.train.seed),
                        .facts = facts_of_contents(*data.validation, "validation")}
      .to_json();
}

}  // namespace

TrainingLoop::TrainingLoop(TrainingParts parts, const TrainListener& listener, TrainingRanks& ranks,
                           TrainerState& state)
    : folder_(parts.folder),
      config_(std::move(parts.config)),
      data_(std::move(parts.data)),
      device_(std::move(parts.device)),
      card_(card_of(config_, *data_.train)),
      draw_(draw_of(config_, data_)),
      length_{config_.train.all_epochs(), steps_per_epoch(config_.train, data_.train->size())},
      listener_(listener),
      ranks_(ranks),
      state_(state),
      learner_(config_, device_, ranks.group()),
      loader_(data_.train, loader_options()),
      checkpoint_(folder_, ranks.leads()) {}

LoaderOptions TrainingLoop::loader_options() const {
  LoaderOptions options = train_loader_options(card_, config_);
  options.rank = ranks_.rank(), options.ranks = ranks_.count();
  return options;
}

Taken TrainingLoop::begin_with(const InitialModel& model) {
  return take_what_fits(model, learner_.state(), card_.classes, learner_.result().plan());
}

void TrainingLoop::whiten_first_layer() {
  whiten(learner_.state(), learner_.result().plan(), card_, data_.train, t().loader_threads);
}

TrainOutcome TrainingLoop::run() {
  begin();
  while (state_.epoch < length_.epochs) {
    if (!train_epoch()) return TrainOutcome::kStopped;
    finish_epoch();
  }
  const bool tested_each_epoch = !data_.validation;
  write_summary(tested_each_epoch ? Tested{state_.best_top1, state_.last_top1} : test_at_the_end());
  // Results on the test images stay in metrics.jsonl, even if the run continues for more epochs.
  if (!tested_each_epoch) checkpoint_.save(state_, learner_.state());
  return TrainOutcome::kDone;
}

void TrainingLoop::begin() {
  ranks_.share(state_, learner_.state());
  // Before the first step, so that resuming needs neither the model nor the images that the weights are made from, and
  // a run that has learned and has no checkpoint must have lost it.
  if (state_.epoch == 0 && state_.step == 0) checkpoint_.save(state_, learner_.state());
  if (!listener_.on_begin) return;
  listener_.on_begin({.ranks = ranks_.count(),
                      .batch = t().batch,
                      .accumulate = t().accumulate,
                      .peak_learning_rate = peak_learning_rate(t()),
                      .threads = at::get_num_threads()});
}

// --- learning ------------------------------------------------------------------------------------------------------

// Runs the rest of the epoch. False if stopped, with a checkpoint.
bool TrainingLoop::train_epoch() {
  try {
    return train_steps();
  } catch (const std::bad_alloc&) {
    throw out_of_memory();
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) throw out_of_memory();
    throw;
  }
}

bool TrainingLoop::train_steps() {
  loader_.start_epoch(state_.epoch, state_.step);
  learner_.start_epoch(state_.epoch);
  const EpochStart start{Clock::now(), state_.epoch_seconds, state_.step};
  Clock::time_point last_checkpoint = start.time;
  Batch batch;
  const auto next = [&] {
    const ProfileScope scope("step", "wait for a batch");
    return loader_.next(batch);
  };
  while (state_.step < length_.steps && next()) {
    const double lr = learning_rate(t(), double(state_.epoch) + double(state_.step) / double(length_.steps));
    const Learner::BatchResult result = train_step(batch, lr);
    state_.loss_sum += result.loss;
    state_.operations_sum += result.spikes.operations, state_.density_sum += result.spikes.density;
    state_.spike_cost_sum += result.spike_cost;
    ++state_.step;
    log_step(result, lr, batch);
    tell_step(result, lr, start);
    if (state_.step == length_.steps) break;
    const bool stop = ranks_.group() ? stop_agreed_ : should_stop();
    const bool due = stop || seconds_since(last_checkpoint) >= double(t().checkpoint_seconds);
    if (!due || state_.step % t().accumulate != 0) continue;
    checkpoint_.save(state_, learner_.state());
    last_checkpoint = Clock::now();
    if (stop) return false;
  }
  return true;
}

Learner::BatchResult TrainingLoop::train_step(const Batch& batch, double lr) {
  const int64_t place = state_.step % t().accumulate;
  try {
    return learner_.learn(batch, {.first = place == 0, .last = place + 1 == t().accumulate}, lr,
                          [this](const Learner::BatchResult& own) { return average(own); });
  } catch (const NotFinite& found) {
    throw not_finite(found);
  }
}

// With several ranks, the answer to should_stop() travels with the loss: every rank sees the same, and does the same.
Learner::BatchResult TrainingLoop::average(const Learner::BatchResult& own) {
  if (!ranks_.group()) return own;
  const TrainingRanks::Vote vote = ranks_.average({own, should_stop()});
  stop_agreed_ = vote.stop;
  return vote.result;
}

std::optional<SpikePrice> TrainingLoop::price_of(const SpikeUse& use, double cost) const {
  return t().spike_cost > 0 ? std::optional(SpikePrice{use.operations, use.density, cost}) : std::nullopt;
}

void TrainingLoop::log_step(const Learner::BatchResult& result, double lr, const Batch& batch) {
  const bool first = state_.epoch * length_.steps + state_.step <= kFirstSteps;
  if (!first && (state_.step % kStepsPerLine != 0 || state_.step == length_.steps)) return;
  Json line = {{"type", "step"}, {"epoch", state_.epoch}, {"step", state_.step}, {"loss", result.loss}, {"lr", lr}};
  // Between two optimiser steps the norm is the earlier step's, which a resumed run has not seen.
  if (state_.step % t().accumulate == 0) line["gradient_norm"] = learner_.gradient_norm();
  add_spikes(line, price_of(result.spikes, result.spike_cost));
  if (first) line["inputs"] = hash_of_inputs(batch);
  checkpoint_.log(line);
}

void TrainingLoop::tell_step(const Learner::BatchResult& result, double lr, const EpochStart& start) {
  const double elapsed = seconds_since(start.time);
  state_.epoch_seconds = start.seconds + elapsed;
  if (!listener_.on_step) return;
  const double rate = double((state_.step - start.step) * t().batch) / elapsed;
  listener_.on_step({state_.epoch, length_.epochs, state_.step, length_.steps, result.loss, lr, rate,
                     seconds_left(rate), price_of(result.spikes, result.spike_cost)});
}

// Time of training, and of tests at the speed of the last one.
double TrainingLoop::seconds_left(double images_per_second) const {
  const int64_t at_the_end = data_.validation ? 2 * data_.test->size() : 0;
  const double tested = double(tests_left(t(), length_, state_.epoch) * data_.choosing()->size() + at_the_end);
  return images_left(config_, length_, state_) / images_per_second +
         tested / test_rate(config_, state_, images_per_second);
}

// --- the end of an epoch -------------------------------------------------------------------------------------------

void TrainingLoop::finish_epoch() {
  EpochResult result{.epoch = state_.epoch, .epochs = length_.epochs};
  result.train_loss = state_.loss_sum / double(length_.steps);
  const auto steps = double(length_.steps);
  result.spikes = price_of({state_.operations_sum / steps, state_.density_sum / steps}, state_.spike_cost_sum / steps);
  result.lr = learning_rate(t(), double(state_.epoch + 1) - 1 / double(length_.steps));
  result.seconds = state_.epoch_seconds;
  result.images_per_second = double(length_.steps * t().batch) / state_.epoch_seconds;
  Json line = {{"type", "epoch"},
               {"epoch", result.epoch},
               {"train_loss", result.train_loss},
               {"lr", result.lr},
               {"T", time_steps(config_, state_.epoch)},
               {"seconds", result.seconds},
               {"images_per_second", result.images_per_second},
               {"gradient_norm", learner_.gradient_norm()}};
  add_spikes(line, result.spikes);
  if (tests_after(t(), state_.epoch)) test_epoch(result, line);
  checkpoint_.log(line);
  state_.total_seconds += state_.epoch_seconds;
  state_.peak_memory = std::max(state_.peak_memory, peak_memory(device_));
  // The checkpoint is at the start of the next epoch, whose sums are empty.
  ++state_.epoch;
  state_.step = 0, state_.loss_sum = 0, state_.epoch_seconds = 0;
  state_.operations_sum = 0, state_.density_sum = 0, state_.spike_cost_sum = 0;
  checkpoint_.save(state_, learner_.state());
  if (listener_.on_epoch) listener_.on_epoch(result);
}

void TrainingLoop::test_epoch(EpochResult& result, Json& line) {
  const EvalResult measured = test(data_.choosing());
  const std::string on = data_.best_on();
  result.tested = true, result.tested_on = on;
  result.loss = measured.loss, result.top1 = measured.top1, result.top5 = measured.top5;
  result.test_images_per_second = measured.images_per_second;
  result.best = measured.top1 > state_.best_top1;
  state_.last_top1 = measured.top1;
  state_.test_images_per_second = measured.images_per_second;
  line.update({{on + "_loss", measured.loss},
               {on + "_top1", measured.top1},
               {on + "_top5", measured.top5},
               {on + "_images_per_second", measured.images_per_second}});
  if (result.best) {
    state_.best_top1 = measured.top1, state_.best_epoch = state_.epoch;
    write_model(folder_.best_model());
    if (!data_.validation) write_answers(folder_.best_answers(), measured, state_.epoch);
  }
  write_model(folder_.last_model());
  if (!data_.validation) write_answers(folder_.last_answers(), measured, state_.epoch);
}

EvalResult TrainingLoop::test(const std::shared_ptr<const Dataset>& data) {
  const Clock::time_point start = Clock::now();
  const auto on_batch = [&](int64_t done) {
    const int64_t images = data->size();  // over all ranks, which share them evenly
    if (listener_.on_test) listener_.on_test(std::min(images, done * ranks_.count()), images);
  };
  const EvalResult result =
      evaluate_model(learner_.result(), card_, data, t().batch, t().loader_threads, on_batch, ranks_.group());
  state_.test_seconds += seconds_since(start);
  return result;
}

void TrainingLoop::write_model(const std::filesystem::path& file) {
  ModelCard card = card_;
  nlohmann::json training = {{"epoch", state_.epoch},
                             {std::string(data_.best_on()) + "_top1", state_.last_top1},
                             {"seed", t().seed},
                             {"averaged", learner_.averages()}};
  if (!draw_.is_null()) training["validation"] = draw_;
  card.training = json_text(training);
  checkpoint_.write_model(file, model_state(learner_.result()), card);
}

void TrainingLoop::write_answers(const std::filesystem::path& file, const EvalResult& measured, int64_t epoch) {
  checkpoint_.write_answers(file, answers_on(*data_.test, measured.answers, epoch, "training"));
}

// With validation images, the test images are used only here: with the weights of the best epoch, and with those of the
// last.
TrainingLoop::Tested TrainingLoop::test_at_the_end() {
  Tested tested;
  const int64_t last_epoch = length_.epochs - 1;
  const EvalResult by_last = test(data_.test);
  tested.last = log_test("last", last_epoch, by_last);
  write_answers(folder_.last_answers(), by_last, last_epoch);
  if (state_.best_epoch < 0 || state_.best_epoch == last_epoch) {  // negative: its file is gone
    write_answers(folder_.best_answers(), by_last, last_epoch);
    tested.best = tested.last;
    return tested;
  }
  const NamedTensors weights = model_state(learner_.result());
  NamedTensors last;
  for (const auto& [name, tensor] : weights) last.emplace_back(name, tensor.clone());
  checkpoint_.read_model(folder_.best_model(), weights);
  ranks_.share(state_, weights);
  const EvalResult by_best = test(data_.test);
  tested.best = log_test("best", state_.best_epoch, by_best);
  write_answers(folder_.best_answers(), by_best, state_.best_epoch);
  copy_tensors(last, weights, "the last weights");
  return tested;
}

double TrainingLoop::log_test(const char* weights, int64_t epoch, const EvalResult& measured) {
  checkpoint_.log({{"type", "test"},
                   {"weights", weights},
                   {"epoch", epoch},
                   {"test_loss", measured.loss},
                   {"test_top1", measured.top1},
                   {"test_top5", measured.top5},
                   {"test_images_per_second", measured.images_per_second}});
  return measured.top1;
}

void TrainingLoop::write_summary(const Tested& tested) {
  const double seconds = state_.total_seconds;
  const double images = double(length_.steps * t().batch * length_.epochs);
  Json summary = {{"name", config_.name},
                  {"mixer", config_.model.mixer},
                  {"parameters", learned_values(tensors_of(learner_.result().plan()))},
                  {"best_top1", tested.best},
                  {"best_epoch", state_.best_epoch},
                  {"last_top1", tested.last},
                  {"best_on", data_.best_on()},
                  {"test_images", data_.test->size()},
                  {"train_seconds", seconds},
                  {"test_seconds", state_.test_seconds},
                  {"train_images_per_second", images / seconds},
                  {"test_images_per_second", state_.test_images_per_second},
                  {"peak_memory_bytes", state_.peak_memory},
                  {"seed", t().seed}};
  if (data_.validation)
    summary.update({{"validation_images", data_.validation->size()},
                    {"best_validation_top1", state_.best_top1},
                    {"last_validation_top1", state_.last_top1}});
  checkpoint_.write_summary(summary);
}

// --- errors --------------------------------------------------------------------------------------------------------

RunError TrainingLoop::not_finite(const NotFinite& found) const {
  return run_error(
      "{}: {} became {} in epoch {}, step {}; checkpoints before it are intact. Try a smaller train.lr (now {}), or "
      "train.clip_norm=1",
      folder_.path().string(), found.what, found.value, state_.epoch + 1, state_.step + 1, peak_learning_rate(t()));
}

RunError TrainingLoop::out_of_memory() const {
  return run_error(
      "{}: out of memory in epoch {}, step {}, with {:.1f} GB in use; checkpoints before it are intact. Lower "
      "train.batch (now {}; `spikemix train --find-batch` finds the largest that fits), or set "
      "train.recompute=true{}",
      folder_.path().string(), state_.epoch + 1, state_.step + 1, double(peak_memory(device_)) / 1e9, t().batch,
      t().precision == "bf16" ? "" : " or train.precision=bf16");
}

}  // namespace spikemix
