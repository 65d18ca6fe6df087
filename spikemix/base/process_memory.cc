// SPDX-License-Identifier: MIT
#include "spikemix/base/process_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace spikemix {
namespace {

// The line "NAME:   123 kB" of a file of /proc, in bytes; 0 without it.
int64_t kilobytes_line(const char* file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1)) * 1024;
  return 0;
}

// The only number in a file; -1 if there is none ("max").
int64_t number_in(const char* file) {
  int64_t value = -1;
  return std::ifstream(file) >> value ? value : -1;
}

}  // namespace

int64_t memory_in_use() { return kilobytes_line("/proc/self/status", "VmRSS"); }

// Not getrusage's, which a program inherits from its parent.
int64_t peak_memory() { return kilobytes_line("/proc/self/status", "VmHWM"); }

void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << 5; }

int64_t available_memory() {
  const int64_t machine = kilobytes_line("/proc/meminfo", "MemAvailable");
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  return limit >= 0 && used >= 0 ? std::min(machine, std::max<int64_t>(0, limit - used)) : machine;
}

}  // namespace spikemix
