// SPDX-License-Identifier: MIT
#include "spikemix/cli/talk.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <tuple>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "spikemix/cli/exit_code.h"

namespace spikemix {
namespace {

constexpr size_t kBuffered = 1 << 16;  // bytes

struct Output {
  std::string waiting;
  int error = 0;                         // errno of the first failed write
  bool used = false, asked_for = false;  // all of it from report(): not asked for
  bool closed_at_start = false;
};

Output& output() noexcept {
  static Output output;
  return output;
}

// Waits indefinitely if `patience` is -1, otherwise that many milliseconds. @return 0, or errno
int write_all(int descriptor, std::string_view text, int patience) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(size_t(n));
    } else if (errno == EAGAIN) {  // somebody has made it non-blocking
      pollfd ready{descriptor, POLLOUT, 0};
      if (::poll(&ready, 1, patience) == 0) return EAGAIN;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

void begin_talk() noexcept {
  output().closed_at_start = ::fcntl(STDOUT_FILENO, F_GETFD) < 0;
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    // open() takes the lowest free descriptor, so those below it stay occupied. They are closed again for a program
    // that replaces this one (torch_half.h), which should find them as this one did.
    if (::fcntl(descriptor, F_GETFD) < 0) std::ignore = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  }
  std::signal(SIGXFSZ, SIG_IGN);  // a file that reaches its size limit is an error like a full disk
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has left is an error of write(2), not the end of a training
}

void flush_answer() noexcept {
  Output& out = output();
  if (!out.error && !out.waiting.empty()) out.error = write_all(STDOUT_FILENO, out.waiting, -1);
  out.waiting.clear();
}

void answer_text(std::string_view text, bool asked_for) noexcept {
  Output& out = output();
  out.used = true, out.asked_for |= asked_for;
  if (out.closed_at_start) talk::lose_answer(EBADF);
  if (out.error) return;
  if (!talk::attempt([&] { out.waiting += text; })) talk::lose_answer(ENOMEM);
  if (out.waiting.size() >= kBuffered || ::isatty(STDOUT_FILENO)) flush_answer();
}

bool answer_lost() noexcept { return output().error != 0; }

void say_text(std::string_view text) noexcept {
  constexpr int kPatience = 200;  // ms; no line is worth more of a training's time
  std::ignore = write_all(STDERR_FILENO, text, kPatience);
}

void talk::lose_answer(int error) noexcept {
  if (!output().error) output().error = error;
}

int end_talk(int code) noexcept {
  flush_answer();
  Output& out = output();
  // Some file systems report a full disk only at close.
  if (out.used && !out.error && ::close(STDOUT_FILENO) != 0 && errno != EINTR) out.error = errno;
  if (!out.error || code != kDone) return code;
  const bool nobody_there = out.error == EPIPE || out.error == EIO || out.error == EBADF;
  if (nobody_there && !out.asked_for) return code;
  if (out.error == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  say("standard output: the answer cannot be written: {}", std::strerror(out.error));
  return kFailed;
}

}  // namespace spikemix
