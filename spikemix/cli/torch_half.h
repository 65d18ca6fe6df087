// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace spikemix {

/// Loading LibTorch takes a third of a second, so the parts that need it are a separate program, spikemix-torch, next
/// to this one. Continues there (and does not return) if the command line is not one of `app`'s own commands or asks
/// for --engine torch. Returns if it can be handled here, or if there is no such program.
/// @throws InputError that says where it was looked for, if the command belongs to the other program
void go_on_with_torch(const CLI::App& app, int argc, char** argv);

/// The same for another command line: continues as `spikemix ARGUMENTS`, and does not return.
/// @throws InputError if there is no such program
[[noreturn]] void go_on_with_torch(std::vector<std::string> arguments);

}  // namespace spikemix
