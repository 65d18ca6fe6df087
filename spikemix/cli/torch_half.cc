#include "spikemix/cli/torch_half.h"

#include <filesystem>
#include <string>
#include <string_view>

#include <unistd.h>

#include "spikemix/core/error.h"

namespace spikemix {
namespace {

// Returns if there is no such program.
void run_torch_half(char* const* argv) {
  std::error_code no_proc;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", no_proc);
  const std::string other = (self.parent_path() / "spikemix-torch").string();
  if (!no_proc && access(other.c_str(), X_OK) == 0) execv(other.c_str(), argv);
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
}

void go_on_with_torch(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "spikemix");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  run_torch_half(argv.data());
  throw input_error("this spikemix was built without its training half");
}

}  // namespace spikemix
