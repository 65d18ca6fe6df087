// SPDX-License-Identifier: MIT
#include "spikemix/cli/torch_half.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include <unistd.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

// The commands of the other program.
constexpr std::array<std::string_view, 3> kItsCommands = {"train", "resume", "verify"};

// The path next to this program. Empty if the system does not tell where that is.
std::string torch_half() {
  std::error_code no_proc;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", no_proc);
  return no_proc ? "" : (self.parent_path() / "spikemix-torch").string();
}

// Returns only if it cannot be run.
void run_torch_half(char* const* argv) {
  const std::string program = torch_half();
  if (!program.empty()) execv(program.c_str(), argv);
}

InputError missing(std::string_view what) {
  const std::string program = torch_half();
  if (program.empty()) return input_error("{}: needs the program spikemix-torch, and /proc does not tell where", what);
  return input_error(
      "{}: needs the training half, {}: {}; copy spikemix-torch there from where spikemix was built or installed (with "
      "SPIKEMIX_TRAIN=ON)",
      what, program, access(program.c_str(), X_OK) == 0 ? "it cannot be started" : std::strerror(errno));
}

}  // namespace

void go_on_with_torch(const CLI::App& app, int argc, char** argv) {
  bool own = false, torch_engine = false;
  for (const CLI::App* command : app.get_subcommands({})) own |= argc > 1 && command->get_name() == argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string_view argument = argv[i];
    torch_engine |=
        argument == "--engine=torch" || (argument == "torch" && std::string_view(argv[i - 1]) == "--engine");
  }
  if (!own || torch_engine) run_torch_half(argv);
  if (argc > 1 && std::ranges::count(kItsCommands, argv[1])) throw missing(argv[1]);
}

void go_on_with_torch(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "spikemix");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  run_torch_half(argv.data());
  throw missing(arguments[1]);
}

}  // namespace spikemix
