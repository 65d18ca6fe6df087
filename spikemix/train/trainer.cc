#include "spikemix/train/trainer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string_view>

#include "spikemix/core/clock.h"
#include "spikemix/core/error.h"
#include "spikemix/core/file.h"
#include "spikemix/core/json.h"
#include "spikemix/core/json_lines.h"
#include "spikemix/core/model_card.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/loader.h"
#include "spikemix/model/model.h"
#include "spikemix/nn/model.h"
#include "spikemix/nn/model_state.h"
#include "spikemix/nn/profile.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/tensors.h"
#include "spikemix/train/agreement.h"
#include "spikemix/train/device.h"
#include "spikemix/train/evaluate_model.h"
#include "spikemix/train/learner.h"
#include "spikemix/train/place.h"
#include "spikemix/train/process_group.h"
#include "spikemix/train/run_changes.h"
#include "spikemix/train/run_data.h"
#include "spikemix/train/run_folder.h"
#include "spikemix/train/schedule.h"
#include "spikemix/train/tensor_file.h"
#include "spikemix/train/torch_model.h"

namespace spikemix {
namespace {

// Counts, classes, labels and some samples, by name; not where they lie, which may change.
nlohmann::json described(const RunData& data) {
  nlohmann::json json = nlohmann::json::object();
  for (const Fact& fact : facts_of(data)) {
    if (!fact.what.ends_with("sources")) json[fact.what] = fact.value;
  }
  return json;
}

using Json = nlohmann::json;

constexpr int64_t kStepsPerLine = 50;  // of metrics.jsonl, inside an epoch

int64_t count_of(const ProcessGroup* ranks) { return ranks ? ranks->count() : 1; }

class Trainer {
 public:
  /// @param ranks  null: this process alone
  /// @param place  kept up to date
  Trainer(RunFolder folder, Config config, RunData data, const TrainListener& listener, const std::string& device,
          ProcessGroup* ranks, Place& place)
      : device_(device),
        ranks_(ranks),
        folder_(std::move(folder)),
        config_(std::move(config)),
        data_(std::move(data)),
        card_(card_of(config_, *data_.train)),
        listener_(listener),
        learner_(config_, device, ranks),
        loader_(data_.train, loader_options()),
        place_(place) {
    if (leads()) metrics_.emplace(folder_.metrics());
  }

  TrainOutcome run() {
    const TrainConfig& t = config_.train;
    const int64_t epochs = t.epochs + t.cooldown_epochs;
    begin();
    while (place_.epoch < epochs) {
      try {
        if (!train_epoch(epochs)) return TrainOutcome::kStopped;
      } catch (const std::bad_alloc&) {
        throw out_of_memory();
      } catch (const c10::OutOfMemoryError&) {
        throw out_of_memory();
      } catch (const c10::Error& error) {
        if (std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos) throw out_of_memory();
        throw;
      }
      finish_epoch(epochs);
    }
    write_summary();
    return TrainOutcome::kDone;
  }

  /// @param before  the record of the run so far; null at its start
  void write_record(bool own_threads, Json before = {}) {
    if (!leads()) return;
    Json record = run_record(config_, steps(), data_.train->size(), data_.test->size(),
                             {.ranks = count_of(ranks_),
                              .own_threads = own_threads,
                              .bucket_bytes = ranks_ ? ranks_->bucket_bytes() : std::vector<int64_t>()});
    for (const auto& [split, data] : {std::pair{"train", data_.train.get()}, {"test", data_.test.get()}}) {
      if (!data->damaged().empty()) record["damaged"][split] = data->damaged();  // left out: data.skip_bad
    }
    record["data_facts"] = described(data_);
    if (!before.is_null()) {
      record["earlier"] = before.value("earlier", Json::array());
      before.erase("earlier");
      record["earlier"].push_back({{"until_epoch", place_.epoch},
                                   {"until_step", place_.step},
                                   {"train.epochs", before["config"]["train"]["epochs"]},
                                   {"effective", before["effective"]}});
    }
    write_file_atomically(folder_.config(), json_text(record, 2) + "\n");
  }

  /// Everything back to where the last checkpoint stands; without one, to the start. Rank 0 reads, for all.
  void restore() {
    if (!leads()) return;
    if (!std::filesystem::exists(folder_.state())) {
      metrics_->truncate(0);
      return;
    }
    const TensorFile file = read_tensors(folder_.state());
    const Place place = place_in(file);  // before anything is changed
    const std::string where = folder_.state().string();
    const std::map<std::string, torch::Tensor> saved(file.tensors.begin(), file.tensors.end());
    const torch::NoGradGuard no_grad;
    for (const auto& [name, tensor] : learner_.state()) {
      const auto found = saved.find(name);
      if (found == saved.end() || found->second.sizes() != tensor.sizes() ||
          found->second.scalar_type() != tensor.scalar_type()) {
        throw input_error("{}: tensor '{}' is missing, or of another shape or type than the run's config says", where,
                          name);
      }
      tensor.copy_(found->second);
    }
    place_ = place;
    metrics_->truncate(place_.metrics_size);
  }

 private:
  bool leads() const { return !ranks_ || ranks_->launch().leads(); }

  // A state's place, which must be one that this run has.
  Place place_in(const TensorFile& state) const {
    const std::string where = folder_.state().string();
    const Place place = place_of(state.metadata, where);
    const int64_t epochs = t().epochs + t().cooldown_epochs;
    if (place.epoch > epochs || place.step > steps() || place.best_epoch > epochs)
      throw input_error("{}: stands at epoch {}, step {}, best epoch {}; this run has {} epochs of {} steps", where,
                        place.epoch, place.step, place.best_epoch, epochs, steps());
    return place;
  }

  // All ranks at rank 0's place, with its state: no other needs to see the files, nor to draw the weights to the same
  // bits.
  void begin() {
    if (ranks_) {
      place_ = parse_json(ranks_->share(json_text(place_)), "rank 0's place").get<Place>();
      ranks_->copy_from_first(learner_.state());
    }
    if (listener_.on_begin) {
      listener_.on_begin({.ranks = count_of(ranks_),
                          .batch = t().batch,
                          .accumulate = t().accumulate,
                          .peak_learning_rate = peak_learning_rate(t()),
                          .threads = at::get_num_threads()});
    }
  }

  // --- what the run is made of -------------------------------------------------------------------------------------

  LoaderOptions loader_options() const {
    LoaderOptions options = train_loader_options(card_, config_);
    if (ranks_) options.rank = ranks_->launch().rank, options.ranks = ranks_->count();
    return options;
  }

  /// Batches of an epoch: whole optimiser steps only.
  int64_t steps() const {
    const TrainConfig& t = config_.train;
    return data_.train->size() / (t.batch * t.accumulate) * t.accumulate;
  }

  // --- learning ----------------------------------------------------------------------------------------------------

  /// The rest of the epoch. False: stopped, with a checkpoint.
  bool train_epoch(int64_t epochs) {
    loader_.start_epoch(place_.epoch, place_.step);
    learner_.start_epoch(place_.epoch);
    const Clock::time_point start = Clock::now();
    const double seconds_before = place_.epoch_seconds;
    const int64_t steps_before = place_.step;
    Clock::time_point last_checkpoint = start;
    Batch batch;
    const auto next = [&] {
      const ProfileScope scope("step", "wait for a batch");
      return loader_.next(batch);
    };
    while (place_.step < steps() && next()) {
      const double lr = learning_rate(config_.train, double(place_.epoch) + double(place_.step) / double(steps()));
      const double loss = train_step(batch, lr);
      place_.loss_sum += loss;
      ++place_.step;
      const double elapsed = seconds_since(start);
      place_.epoch_seconds = seconds_before + elapsed;
      if (metrics_ && place_.step % kStepsPerLine == 0 && place_.step < steps()) {
        metrics_->append({{"type", "step"},
                          {"epoch", place_.epoch},
                          {"step", place_.step},
                          {"loss", loss},
                          {"lr", lr},
                          {"gradient_norm", learner_.gradient_norm()}});
      }
      if (listener_.on_step) {
        const double rate = double((place_.step - steps_before) * config_.train.batch) / elapsed;
        listener_.on_step({place_.epoch, epochs, place_.step, steps(), loss, lr, rate,
                           images_left(epochs) / rate + test_seconds_left(epochs, rate)});
      }
      if (place_.step == steps()) break;
      const bool stop = ranks_ ? stop_agreed_ : should_stop();
      if (place_.step % config_.train.accumulate == 0 &&
          (stop || seconds_since(last_checkpoint) >= double(config_.train.checkpoint_seconds))) {
        write_checkpoint();
        last_checkpoint = Clock::now();
        if (stop) return false;
      }
    }
    return true;
  }

  // Until the run's end, in images of this epoch: one with more time steps counts for more.
  double images_left(int64_t epochs) const {
    const int64_t one_step = std::clamp(t().one_step_epochs, place_.epoch, epochs);
    const double in_steps = double(one_step - place_.epoch) + double(epochs - one_step) * double(config_.model.T);
    return (double(steps()) * in_steps / double(time_steps(config_, place_.epoch)) - double(place_.step)) *
           double(t().batch);
  }

  bool tests_after(int64_t epoch, int64_t epochs) const {
    return (epoch + 1) % t().eval_every == 0 || epoch + 1 == epochs;
  }

  // The tests to come, at the speed of the last one. Before the first: a step goes forward once and back, which is
  // twice as much, so that a test is three times as fast.
  double test_seconds_left(int64_t epochs, double training_rate) const {
    const double test_rate =
        place_.test_images_per_second > 0
            ? place_.test_images_per_second
            : 3 * training_rate * double(time_steps(config_, place_.epoch)) / double(config_.model.T);
    const int64_t tests = epochs / t().eval_every - place_.epoch / t().eval_every + (epochs % t().eval_every != 0);
    return double(tests * data_.test->size()) / test_rate;
  }

  bool should_stop() const { return listener_.should_stop && listener_.should_stop(); }

  // The loss of the whole batch, and whether any rank is to stop: every rank sees the same, and does the same.
  double agree(double own_loss) {
    if (!ranks_) return own_loss;
    torch::Tensor both = torch::tensor({own_loss, should_stop() ? 1.0 : 0.0}, torch::kFloat64);
    ranks_->sum(both);
    stop_agreed_ = both[1].item<double>() > 0;
    return both[0].item<double>() / double(ranks_->count());
  }

  double train_step(const Batch& batch, double lr) {
    const int64_t turn = place_.step % t().accumulate;
    try {
      return learner_.learn(batch, {.first = turn == 0, .last = turn + 1 == t().accumulate}, lr,
                            [this](double own_loss) { return agree(own_loss); });
    } catch (const NotFinite& found) {
      throw not_finite(found);
    }
  }

  RunError not_finite(const NotFinite& found) const {
    return run_error(
        "{}: {} became {} in epoch {}, step {}; checkpoints before it are intact. Try a smaller train.lr (now {}), or "
        "train.clip_norm=1",
        folder_.path().string(), found.what, found.value, place_.epoch + 1, place_.step + 1, peak_learning_rate(t()));
  }

  RunError out_of_memory() const {
    return run_error(
        "{}: out of memory in epoch {}, step {}, with {:.1f} GB in use; checkpoints before it are intact. Lower "
        "train.batch (now {}; `spikemix train --find-batch` tells the largest that fits), or set "
        "train.recompute=true{}",
        folder_.path().string(), place_.epoch + 1, place_.step + 1, double(peak_memory(device_)) / 1e9, t().batch,
        t().precision == "bf16" ? "" : " or train.precision=bf16");
  }

  const TrainConfig& t() const { return config_.train; }

  // --- the end of an epoch -----------------------------------------------------------------------------------------

  void finish_epoch(int64_t epochs) {
    const TrainConfig& t = config_.train;
    EpochResult result{.epoch = place_.epoch, .epochs = epochs};
    result.train_loss = place_.loss_sum / double(steps());
    result.lr = learning_rate(t, double(place_.epoch + 1) - 1 / double(steps()));
    result.seconds = place_.epoch_seconds;
    result.images_per_second = double(steps() * t.batch) / place_.epoch_seconds;
    Json line = {{"type", "epoch"},
                 {"epoch", result.epoch},
                 {"train_loss", result.train_loss},
                 {"lr", result.lr},
                 {"T", time_steps(config_, place_.epoch)},
                 {"seconds", result.seconds},
                 {"images_per_second", result.images_per_second},
                 {"gradient_norm", learner_.gradient_norm()}};
    if (tests_after(place_.epoch, epochs)) {
      const Clock::time_point start = Clock::now();
      const auto on_batch = [&](int64_t done) {
        const int64_t images = data_.test->size();  // of all ranks, which share them out evenly
        if (listener_.on_test) listener_.on_test(std::min(images, done * count_of(ranks_)), images);
      };
      const EvalResult test =
          evaluate_model(learner_.result(), card_, data_.test, t.batch, t.loader_threads, on_batch, ranks_);
      place_.test_seconds += seconds_since(start);
      result.tested = true;
      result.test_loss = test.loss, result.test_top1 = test.top1, result.test_top5 = test.top5;
      result.test_images_per_second = test.images_per_second;
      result.best = test.top1 > place_.best_top1;
      place_.last_top1 = test.top1;
      place_.test_images_per_second = test.images_per_second;
      line.update({{"test_loss", test.loss},
                   {"test_top1", test.top1},
                   {"test_top5", test.top5},
                   {"test_images_per_second", test.images_per_second}});
      if (result.best) {
        place_.best_top1 = test.top1, place_.best_epoch = place_.epoch;
        write_model(folder_.best_model());
      }
      write_model(folder_.last_model());
    }
    if (metrics_) metrics_->append(line);
    place_.total_seconds += place_.epoch_seconds;
    place_.peak_memory = std::max(place_.peak_memory, peak_memory(device_));
    // The checkpoint stands at the start of the next epoch, whose sums are empty.
    ++place_.epoch;
    place_.step = 0, place_.loss_sum = 0, place_.epoch_seconds = 0;
    write_checkpoint();
    if (listener_.on_epoch) listener_.on_epoch(result);
  }

  void write_model(const std::filesystem::path& file) {
    if (!leads()) return;
    ModelCard model_card = card_;
    model_card.training = {{"epoch", place_.epoch},
                           {"test_top1", place_.last_top1},
                           {"seed", config_.train.seed},
                           {"averaged", learner_.averages()}};
    write_tensors(file, model_state(learner_.result()), {{"format", "pt"}, {"spikemix", model_card.to_text()}});
  }

  void write_checkpoint() {
    if (!leads()) return;
    place_.metrics_size = metrics_->sync();
    write_tensors(folder_.state(), learner_.state(), {{"place", json_text(place_)}}, /*with_hash=*/true);
  }

  void write_summary() {
    if (!leads()) return;
    const double seconds = place_.total_seconds;
    const double images =
        double(steps() * config_.train.batch * (config_.train.epochs + config_.train.cooldown_epochs));
    const Json summary = {{"name", config_.name},
                          {"mixer", config_.model.mixer},
                          {"parameters", learned_values(tensors_of(learner_.result().plan()))},
                          {"best_top1", place_.best_top1},
                          {"best_epoch", place_.best_epoch},
                          {"last_top1", place_.last_top1},
                          {"test_images", data_.test->size()},
                          {"train_seconds", seconds},
                          {"test_seconds", place_.test_seconds},
                          {"train_images_per_second", images / seconds},
                          {"test_images_per_second", place_.test_images_per_second},
                          {"peak_memory_bytes", place_.peak_memory},
                          {"seed", config_.train.seed}};
    write_file_atomically(folder_.summary(), json_text(summary, 2) + "\n");
  }

  const std::string device_;
  ProcessGroup* const ranks_;
  RunFolder folder_;
  const Config config_;
  const RunData data_;
  const ModelCard card_;
  const TrainListener& listener_;
  Learner learner_;
  std::optional<JsonLines> metrics_;  // rank 0's
  Loader loader_;
  Place& place_;
  bool stop_agreed_ = false;
};

// train.threads, where it is 0: of one process as LibTorch chooses them, of several this one's part of the machine.
void settle_threads(Config& config, const Launch& launch) {
  set_compute_threads(config.train.threads > 0 ? config.train.threads : launch.cores);
  config.train.threads = at::get_num_threads();
}

// @param where  names the record in errors
Config recorded_config(const Json& record, const std::string& where) {
  Config config = config_from_json(record.at("config"), where);
  try {
    validate(config);
  } catch (const InputError& error) {
    throw input_error("{}: its {}", where, error.what());
  }
  return config;
}

// What resume() reads of a record's "effective" values. @throws InputError if they are not what a run writes
Json checked_effective(const Json& record, const std::string& where) {
  const Json effective = record.value("effective", Json::object());
  const auto fits = [&](const char* key, bool (Json::*is)() const noexcept) {
    return !effective.contains(key) || (effective[key].*is)();
  };
  if (!effective.is_object() || !fits("ranks", &Json::is_number_integer) ||
      !fits("threads_by_default", &Json::is_boolean))
    throw input_error("{}: its 'effective' values are not those that a run writes: damaged?", where);
  return effective;
}

// A run that goes on with other data, or the same with other labels, would learn nonsense.
void check_same_data(const Json& record, const RunData& data, const std::string& where) {
  const auto before = record.find("data_facts");
  if (before == record.end() || !before->is_object()) return;  // earlier versions had none
  const Json now = described(data);
  for (const auto& [what, value] : now.items()) {
    if (before->contains(what) && (*before)[what] != value)
      throw input_error("{}: the run began with other data: {} {}, now {}. Restore the data, or train anew", where, what,
                        json_text((*before)[what]), json_text(value));
  }
}

// What a run needs before there is a trainer.
struct Start {
  std::filesystem::path run;
  ProcessGroup* ranks = nullptr;  // null: this process alone
  Place place;

  bool leads() const { return !ranks || ranks->launch().leads(); }
  /// Rank 0's text on every rank.
  std::string share(const std::string& text) { return ranks ? ranks->share(text) : text; }
  /// When all have come as far.
  void meet() {
    if (ranks) ranks->meet();
  }
};

// work(start) on all ranks, so that they end together: whatever one of them throws, and whichever is gone.
template <class Work>
TrainOutcome on_all_ranks(const std::filesystem::path& run, const Launch& launch, Work&& work) {
  const auto group = ProcessGroup::join(launch);
  Start start{.run = run, .ranks = group.get(), .place = {}};
  if (!group) return work(start);
  try {
    start.run = group->share(run.string());
    return work(start);
  } catch (const std::exception& error) {
    group->say_why(error, fmt::format("epoch {}, step {}; go on with: spikemix resume {}", start.place.epoch + 1,
                                      start.place.step + 1, start.run.string()));
    throw;
  }
}

}  // namespace

TrainOutcome train(const Config& asked, const std::filesystem::path& run, const TrainListener& listener,
                   const Launch& launch) {
  validate(asked);
  make_plan(asked.model, asked.neuron);  // the mixers check their sizes before any data is read
  batch_of_rank(asked.train.batch, asked.augment.mixup > 0, launch);
  return on_all_ranks(run, launch, [&](Start& start) {
    Config config = asked;
    if (start.ranks) {
      agree(*start.ranks, facts_of(asked));
      config = config_from_json(parse_json(start.share(json_text(to_json(asked))), "rank 0's settings"),
                                "rank 0's settings");
    }
    const bool own_threads = config.train.threads == 0;
    settle_threads(config, launch);
    const std::string device = open_device(config.train.device, launch);
    RunData data = open_run_data(config, listener.on_open);
    if (start.ranks) agree(*start.ranks, facts_of(data));
    config = resolved(std::move(config), data);
    RunFolder folder = start.leads() ? RunFolder::create(start.run) : RunFolder::names_of(start.run);
    start.meet();
    Trainer trainer(std::move(folder), std::move(config), std::move(data), listener, device, start.ranks, start.place);
    trainer.write_record(own_threads);
    return trainer.run();
  });
}

TrainOutcome resume(const std::filesystem::path& run, const TrainListener& listener, const Launch& launch,
                    std::optional<int64_t> threads, const std::vector<std::string>& changes) {
  return on_all_ranks(run, launch, [&](Start& start) {
    RunFolder folder = start.leads() ? RunFolder::open(start.run) : RunFolder::names_of(start.run);
    const Json record =
        parse_json(start.share(start.leads() ? json_text(read_run_record(folder)) : ""), "rank 0's record");
    Config config = recorded_config(record, folder.config().string());
    if (start.leads()) config = with_changes(config, changes, folder);
    if (start.ranks)
      config = config_from_json(parse_json(start.share(json_text(to_json(config))), "rank 0's settings"),
                                "rank 0's settings");
    batch_of_rank(config.train.batch, config.augment.mixup > 0, launch);
    const Json before = checked_effective(record, folder.config().string());
    const bool other_ranks = before.value("ranks", int64_t{1}) != launch.ranks;
    const bool own_threads = threads ? *threads == 0 : before.value("threads_by_default", false);
    const int64_t threads_before = config.train.threads;
    if (other_ranks && own_threads) config.train.threads = 0;
    if (threads) config.train.threads = *threads;
    settle_threads(config, launch);
    const std::string device = open_device(config.train.device, launch);
    RunData data = open_run_data(config, listener.on_open);
    if (start.ranks) agree(*start.ranks, facts_of(data));
    check_same_data(record, data, folder.config().string());
    start.meet();
    const std::filesystem::path summary = folder.summary();
    Trainer trainer(std::move(folder), config, std::move(data), listener, device, start.ranks, start.place);
    trainer.restore();
    // Before the record: a run that is killed here is done as before, or not done with more epochs.
    if (start.leads()) std::filesystem::remove(summary);
    if (other_ranks || config.train.threads != threads_before || !changes.empty())
      trainer.write_record(own_threads, record);
    return trainer.run();
  });
}

}  // namespace spikemix
