// SPDX-License-Identifier: MIT
#include "spikemix/train/process_group.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>
#include <type_traits>

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#ifdef SPIKEMIX_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "spikemix/base/error.h"
#include "spikemix/train/gloo.h"
#include "spikemix/train/heartbeat.h"

namespace spikemix {
namespace {

using namespace std::chrono_literals;
using torch::Tensor;
using Store = c10::intrusive_ptr<c10d::Store>;
using Backend = c10::intrusive_ptr<c10d::Backend>;

// Ranks may legitimately arrive minutes apart, for example when one reads its data or writes to a slow disk. A rank
// that is gone does not cause this wait: the heartbeat aborts the waiting calls.
constexpr auto kPatience = 1h;
constexpr auto kStoreTimeout = 10s;  // for connecting to a store that existed before
constexpr auto kCloseTimeout = 2s;   // for the remaining work of a broken group

// The first bucket is small so that sending starts early. The last one overlaps with nothing, so it must be small
// compared with the whole, yet large compared with what a network transfers in the time of one message (0.1 MB at 10
// Gbit/s and 100 us).
constexpr size_t kFirstBucketBytes = 1 << 20, kBucketBytes = 4 << 20;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// c10d reports every lost connection with its stack, some of them twice, and the reducer reports a layout that costs
// nothing here; spikemix reports the result in one line. TORCH_CPP_LOG_LEVEL brings the reports back.
void quieten_c10d() {
  struct Quiet : c10::WarningHandler {
    void process(const c10::Warning&) override {}
  };
  if (std::getenv("TORCH_CPP_LOG_LEVEL")) return c10::initLogging();
  static Quiet quiet;
  c10::WarningUtils::set_warning_handler(&quiet);
  FLAGS_caffe2_log_level = c10::GLOG_FATAL;
}

Backend nccl(const Store& store, const Launch& launch) {
#ifdef SPIKEMIX_NCCL
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = kPatience;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, int(launch.rank), int(launch.ranks), options);
#else
  std::ignore = store, std::ignore = launch;
  throw input_error("train.device = cuda: this build cannot join GPUs of several processes (its LibTorch has no NCCL)");
#endif
}

// LibTorch 2.11 to 2.13 differ in the last arguments.
template <class Reducer>
std::unique_ptr<Reducer> make_reducer(const std::vector<Tensor>& parameters,
                                      const std::vector<std::vector<size_t>>& buckets,
                                      const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  const std::vector<bool> sparse(parameters.size(), false);
  const auto make = [&](auto&&... last) {
    return std::make_unique<Reducer>(parameters, buckets, group, sparse, int64_t(kBucketBytes),
                                     /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false,
                                     std::unordered_map<size_t, std::string>{}, int64_t(kFirstBucketBytes),
                                     /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, last...);
  };
  constexpr bool has_list =
      std::is_constructible_v<Reducer, std::vector<Tensor>, std::vector<std::vector<size_t>>,
                              c10::intrusive_ptr<c10d::ProcessGroup>, std::vector<bool>, int64_t, bool, bool,
                              std::unordered_map<size_t, std::string>, int64_t, bool, bool, std::vector<int64_t>>;
  if constexpr (has_list) {
    return make(std::vector<int64_t>{});
  } else {
    return make();
  }
}

}  // namespace

struct ProcessGroup::State {
  Store store;  // on rank 0 it includes the server
  // Each has its own connections and threads, so a small sum does not wait for a bucket. On GPUs all tensors use
  // `gradients`, whose kernels run in one order.
  Backend sums, gradients;
  c10::intrusive_ptr<c10d::ProcessGroup> group;  // the gradients' group, in the reducer's type
  std::unique_ptr<c10d::Reducer> reducer;
  int64_t shared_texts = 0;
  std::mutex mutex;  // the heart's thread uses the backends and `aborted` too
  bool aborted = false;
  std::unique_ptr<Heartbeat> heart;  // last, so that it ends first: it aborts the others

  const Backend& of(const Tensor& values) const { return values.is_cuda() ? gradients : sums; }

  void set(Backend& which, Backend backend) {
    const std::scoped_lock lock(mutex);
    which = std::move(backend);
    if (aborted && which) which->abort();
  }
  // Called from the heart's thread: ends everything that waits for a rank that is gone, now or later.
  void abort() {
    const std::scoped_lock lock(mutex);
    aborted = true;
    for (const Backend& backend : {sums, gradients}) {
      if (backend) backend->abort();
    }
  }
};

std::unique_ptr<ProcessGroup> ProcessGroup::join(const Launch& launch) {
  if (launch.ranks == 1) return nullptr;
  return std::unique_ptr<ProcessGroup>(new ProcessGroup(launch));
}

ProcessGroup::ProcessGroup(const Launch& launch) : launch_(launch), state_(std::make_unique<State>()) {
  quieten_c10d();
  gloo_interfaces();  // a wrong name ends this rank before the others wait for it
  const auto connect = [launch](bool serve, std::chrono::milliseconds timeout) -> Store {
    c10d::TCPStoreOptions options;
    options.port = launch.port;
    options.isServer = serve;
    options.numWorkers = size_t(launch.ranks);
    options.waitWorkers = false;
    options.timeout = timeout;
    return c10::make_intrusive<c10d::PrefixStore>("spikemix/" + launch.attempt,
                                                  c10::make_intrusive<c10d::TCPStore>(launch.host, options));
  };
  try {
    state_->store = connect(launch.leads() && !launch.served, std::chrono::seconds(Heartbeat::kJoinSeconds));
    state_->heart =
        std::make_unique<Heartbeat>([connect] { return connect(false, kStoreTimeout); }, launch.rank, launch.ranks,
                                    launch.served, [state = state_.get()] { state->abort(); });
    state_->set(state_->sums,
                join_gloo(c10::make_intrusive<c10d::PrefixStore>("sums", state_->store), launch, kPatience));
  } catch (const RunError&) {
    throw;
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    throw run_error("rank {} cannot join the others at {}:{}: {}", launch.rank, launch.host, launch.port,
                    first_line(error.what()));
  }
}

ProcessGroup::~ProcessGroup() = default;

void ProcessGroup::sum(Tensor& values) {
  std::vector<Tensor> list{values};
  state_->of(values)->allreduce(list)->wait();
}

void ProcessGroup::meet() {
  Tensor nothing = torch::zeros({1}, torch::kFloat64);
  sum(nothing);
}

std::string ProcessGroup::share(const std::string& text) {
  const std::string key = "text/" + std::to_string(state_->shared_texts++);
  if (launch_.leads()) state_->store->set(key, std::vector<uint8_t>(text.begin(), text.end()));
  // Fails if rank 0 is gone or could not set the text.
  meet();
  const std::vector<uint8_t> bytes = state_->store->get(key);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> ProcessGroup::gather(const std::string& text) {
  const std::string key = "texts/" + std::to_string(state_->shared_texts++) + "/";
  state_->store->set(key + std::to_string(launch_.rank), std::vector<uint8_t>(text.begin(), text.end()));
  meet();
  std::vector<std::string> texts;
  for (int64_t rank = 0; launch_.leads() && rank < launch_.ranks; ++rank) {
    const std::vector<uint8_t> bytes = state_->store->get(key + std::to_string(rank));
    texts.emplace_back(bytes.begin(), bytes.end());
  }
  return texts;
}

void ProcessGroup::copy_from_first(const NamedTensors& tensors) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    std::vector<Tensor> list{tensor.detach().contiguous()};
    state_->of(tensor)->broadcast(list)->wait();
    tensor.copy_(list[0]);
  }
}

void ProcessGroup::own_gradients(const std::vector<Tensor>& in_order) {
  using Group = c10d::ProcessGroup;
  const torch::Device device = in_order.front().device();
  const Store store = c10::make_intrusive<c10d::PrefixStore>("gradients", state_->store);
  state_->set(state_->gradients, device.is_cuda() ? nccl(store, launch_) : join_gloo(store, launch_, kPatience));
  const auto type = device.is_cuda() ? Group::BackendType::NCCL : Group::BackendType::GLOO;
  state_->group = c10::make_intrusive<Group>(state_->store, int(launch_.rank), int(launch_.ranks));
  state_->group->setDefaultBackend(type);
  state_->group->setBackend(device.type(), type, state_->gradients);
  // Gradients are computed from the end of the model to its start.
  const std::vector<Tensor> parameters(in_order.rbegin(), in_order.rend());
  const auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {kFirstBucketBytes, kBucketBytes});
  state_->reducer = make_reducer<c10d::Reducer>(parameters, buckets, state_->group);
  // Otherwise it would reorder the buckets after the first backward, and three or more ranks would then add in another
  // order: a resumed run would not have the bits of an uninterrupted one.
  state_->reducer->push_rebuilt_params_for_all_indices();
  state_->reducer->rebuild_buckets();
}

void ProcessGroup::before_forward() { state_->reducer->prepare_for_forward(); }

void ProcessGroup::before_backward() { state_->reducer->prepare_for_backward({}); }

std::vector<int64_t> ProcessGroup::bucket_bytes() const {
  std::vector<int64_t> bytes;
  for (const c10d::GradBucket& bucket : state_->reducer->get_grad_buckets()) {
    bytes.push_back(int64_t(bucket.getBuffer().nbytes()));
  }
  return bytes;
}

// Makes the others' collectives that wait for this rank fail at once.
void ProcessGroup::close() {
  state_->reducer.reset();
  state_->group.reset();
  std::promise<void> closed;
  const std::future<void> ready = closed.get_future();
  std::unique_lock lock(state_->mutex);
  // Gloo waits for its threads, and after an abort they wait for their collective's timeout, so it is left to them.
  std::thread([sums = std::move(state_->sums), gradients = std::move(state_->gradients),
               closed = std::move(closed)]() mutable {
    sums.reset();
    gradients.reset();
    closed.set_value();
  }).detach();
  lock.unlock();
  ready.wait_for(kCloseTimeout);
}

void ProcessGroup::say_why(const std::exception& error, const std::string& place) {
  const Fault fault = fault_of(error);
  std::optional<Verdict> verdict;
  if (fault.of != Fault::Of::kUnknown) {  // this rank's own fault
    state_->heart->tell(fault.of == Fault::Of::kInput, fault.text);
  } else {
    verdict = state_->heart->ask();
    if (!verdict) state_->heart->tell(false, first_line(error.what()));
  }
  close();
  if (launch_.leads() && !launch_.served) state_->heart->wait_for_others();
  if (!verdict) {
    const std::string text = error.what();
    if (text.find("gloo/transport") == text.npos) return;
    throw run_error("all ranks are alive, but rank {} timed out waiting for another one in {}", launch_.rank, place);
  }
  if (verdict->gone && verdict->rank < 0) throw run_error("torchrun, which connects the ranks, is gone in {}", place);
  if (verdict->gone) throw run_error("rank {} ({}) is gone in {}", verdict->rank, verdict->who, place);
  if (verdict->input) throw input_error("rank {} ({}) ended: {}", verdict->rank, verdict->who, verdict->text);
  throw run_error("rank {} ({}) ended: {}", verdict->rank, verdict->who, verdict->text);
}

}  // namespace spikemix
