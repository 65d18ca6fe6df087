// SPDX-License-Identifier: MIT
#include "spikemix/train/gloo.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <unistd.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

using torch::Tensor;
using Work = c10::intrusive_ptr<c10d::Work>;
using Future = c10::intrusive_ptr<c10::ivalue::Future>;

constexpr std::chrono::seconds kConnectTimeout{40};

// This machine's address on the route to `host`, under which the other ranks reach it. Empty if it cannot be found.
std::string address_towards(const std::string& host, uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return "";
  std::string address;
  for (const addrinfo* a = found; a && address.empty(); a = a->ai_next) {
    const int descriptor = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
    if (descriptor < 0) continue;
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    char text[NI_MAXHOST];
    if (::connect(descriptor, a->ai_addr, a->ai_addrlen) == 0 &&  // sends nothing: it is a datagram socket
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) {
      address = text;
    }
    ::close(descriptor);
  }
  ::freeaddrinfo(found);
  return address;
}

// The collectives in progress. Gloo's threads share it: an aborted one may end long after its group.
class OnTheirWay : public std::enable_shared_from_this<OnTheirWay> {
 public:
  // Completes when `theirs` does or when abort() is called, whichever comes first.
  Future follow(const Future& theirs) {
    auto ours = c10::make_intrusive<c10::ivalue::Future>(theirs->elementType());
    {
      const std::scoped_lock lock(mutex_);
      if (aborted_) {
        ours->setError(aborted_);
        return ours;
      }
      waiting_.insert(ours);
    }
    theirs->addCallback([self = shared_from_this(), ours](c10::ivalue::Future& ended) {
      if (!self->take(ours)) return;
      ended.hasError() ? ours->setError(ended.exception_ptr()) : ours->markCompleted(ended.value());
    });
    return ours;
  }

  void abort() {
    std::unordered_set<Future> waiting;
    {
      const std::scoped_lock lock(mutex_);
      if (!aborted_) aborted_ = std::make_exception_ptr(std::runtime_error("aborted: not all ranks go on"));
      waiting.swap(waiting_);
    }
    for (const Future& ours : waiting) ours->setError(aborted_);
  }

 private:
  bool take(const Future& ours) {
    const std::scoped_lock lock(mutex_);
    return waiting_.erase(ours) > 0;
  }

  std::mutex mutex_;
  std::exception_ptr aborted_;
  std::unordered_set<Future> waiting_;
};

// c10d's own wrapper of a future (Work::create_from_future) does not throw its error.
class AbortableWork final : public c10d::Work {
 public:
  explicit AbortableWork(Future end) : end_(std::move(end)) {}
  bool wait(std::chrono::milliseconds) override {  // the collective has a timeout of its own
    end_->waitAndThrow();
    return true;
  }
  bool isCompleted() override { return end_->completed(); }
  bool isSuccess() const override { return end_->completed() && !end_->hasError(); }
  std::exception_ptr exception() const override { return end_->exception_ptr(); }
  Future getFuture() override { return end_; }

 private:
  const Future end_;
};

class Gloo final : public c10d::ProcessGroupGloo {
 public:
  using ProcessGroupGloo::ProcessGroupGloo;

  Work allreduce(std::vector<Tensor>& tensors, const c10d::AllreduceOptions& options) override {
    return abortable(ProcessGroupGloo::allreduce(tensors, options));
  }
  Work broadcast(std::vector<Tensor>& tensors, const c10d::BroadcastOptions& options) override {
    return abortable(ProcessGroupGloo::broadcast(tensors, options));
  }
  void abort() override { on_their_way_->abort(); }

 private:
  Work abortable(const Work& work) {
    return c10::make_intrusive<AbortableWork>(on_their_way_->follow(work->getFuture()));
  }

  const std::shared_ptr<OnTheirWay> on_their_way_ = std::make_shared<OnTheirWay>();
};

}  // namespace

std::vector<std::string> gloo_interfaces() {
  const char* value = std::getenv("GLOO_SOCKET_IFNAME");
  std::istringstream list(value ? value : "");
  std::vector<std::string> names;
  for (std::string name; std::getline(list, name, ',');) {
    if (name.empty() || std::ranges::find(names, name) != names.end()) continue;
    if (::if_nametoindex(name.c_str()) == 0)
      throw input_error("GLOO_SOCKET_IFNAME={} in the environment: this machine has no network interface '{}'", value,
                        name);
    names.push_back(name);
  }
  return names;
}

c10::intrusive_ptr<c10d::Backend> join_gloo(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch,
                                            std::chrono::milliseconds timeout) {
  const auto options = Gloo::Options::create(kConnectTimeout);
  for (const std::string& interface : gloo_interfaces())
    options->devices.push_back(Gloo::createDeviceForInterface(interface));
  if (options->devices.empty()) {
    const std::string address = address_towards(launch.host, launch.port);
    options->devices.push_back(address.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(address));
  }
  auto gloo = c10::make_intrusive<Gloo>(store, int(launch.rank), int(launch.ranks), options);
  gloo->setTimeout(timeout);
  return gloo;
}

}  // namespace spikemix
