// SPDX-License-Identifier: MIT
#include "spikemix/cli/stop_signals.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

std::atomic<bool> signal_came = false;
std::atomic<int> event = -1;

void wake_up() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof one);
}

void on_signal(int) {
  const int error = errno;
  signal_came = true;
  wake_up();
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);  // a second one ends the process
  errno = error;
}

}  // namespace

StopSignals::StopSignals() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw run_error("cannot watch for signals: {}", std::strerror(errno));
  event = descriptor_;
  for (const int signal : kSignals) {
    if (std::signal(signal, on_signal) == SIG_IGN && signal == SIGHUP) std::signal(signal, SIG_IGN);  // nohup
  }
}

StopSignals::~StopSignals() {
  for (const int signal : kSignals) {
    if (std::signal(signal, SIG_DFL) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
  event = -1;
  ::close(descriptor_);
}

bool StopSignals::received() const { return signal_came; }

void StopSignals::stop() { wake_up(); }

void StopSignals::sleep_until(Clock::time_point time) const {
  using std::chrono::milliseconds;
  pollfd wait{.fd = descriptor_, .events = POLLIN, .revents = 0};
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(time - Clock::now()).count();
    if (left <= 0 || (::poll(&wait, 1, int(std::min<int64_t>(left, 1000))) > 0)) return;
  }
}

}  // namespace spikemix
