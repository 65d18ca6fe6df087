#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace spikemix {

/// Loading LibTorch takes a third of a second, so what needs it is a program of its own, spikemix-torch, beside this
/// one. Goes on there (and does not return) if the command line is none of `app`'s own commands, or asks for
/// --engine torch; returns if it can be dealt with here, or there is no such program.
/// @throws InputError that says where it was looked for, if the command is the other program's
void go_on_with_torch(const CLI::App& app, int argc, char** argv);

/// The same for a command line of its own: goes on as `spikemix ARGUMENTS`, and does not return.
/// @throws InputError if there is no such program
[[noreturn]] void go_on_with_torch(std::vector<std::string> arguments);

}  // namespace spikemix
