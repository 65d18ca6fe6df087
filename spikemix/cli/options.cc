// SPDX-License-Identifier: MIT
#include "spikemix/cli/options.h"

#include "spikemix/base/error.h"

namespace spikemix {

void refuse_without_effect(const CLI::App& command, std::initializer_list<const char*> flags, const std::string& with) {
  for (const char* flag : flags) {
    if (command.count(flag) > 0) throw input_error("{}: changes nothing with {}; leave it out", flag, with);
  }
}

void need_beside(CLI::App& command, std::initializer_list<const char*> flags, const char* other) {
  for (const char* flag : flags) command.get_option(flag)->needs(command.get_option(other));
}

}  // namespace spikemix
