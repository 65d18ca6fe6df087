#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/cli/commands.h"

namespace spikemix {

void add_import(CLI::App&) {}

}  // namespace spikemix
