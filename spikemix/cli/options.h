// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>

#include <CLI/CLI.hpp>

namespace spikemix {

/// Refuses flags that change nothing, as check_effects() refuses settings: whoever gives one believes that it holds.
/// @param with  what makes them useless: "FILE", "a model of images"
/// @throws InputError naming the first one that was given
void refuse_without_effect(const CLI::App& command, std::initializer_list<const char*> flags, const std::string& with);

/// Each of `flags` needs the flag `other` beside it.
void need_beside(CLI::App& command, std::initializer_list<const char*> flags, const char* other);

}  // namespace spikemix
