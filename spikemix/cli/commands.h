// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>

namespace spikemix {

// One function for each subcommand, in the file of its name. It declares the options and what to run. main.cc has the
// list.
void add_mixers(CLI::App& app);
void add_info(CLI::App& app);
void add_data(CLI::App& app);
void add_events(CLI::App& app);
void add_import(CLI::App& app);
void add_compare(CLI::App& app);
void add_sweep(CLI::App& app);
void add_recipes(CLI::App& app);
void add_eval(CLI::App& app);
void add_predict(CLI::App& app);
void add_stream(CLI::App& app);
void add_export(CLI::App& app);
void add_count(CLI::App& app);
void add_bench(CLI::App& app);
void add_report(CLI::App& app);

// With the training half (cli/train/).
void add_train(CLI::App& app);
void add_resume(CLI::App& app);
void add_verify(CLI::App& app);

}  // namespace spikemix
