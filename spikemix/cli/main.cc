// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/base/version.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/torch_half.h"

namespace spikemix {
namespace {

constexpr const char* kExamples = R"(Examples:
  spikemix train demo --data /usr/share/datasets/fashion-mnist    learn to tell clothes apart, in minutes
  spikemix train cifar10-small --data DIR model.mixer=ssa        the same recipe with self-attention
  spikemix resume runs/cifar10-small                             go on after Ctrl-C or a crash, to the same bits
  spikemix eval runs/cifar10-small                               test accuracy
  spikemix predict cat.jpg                                       top-5 classes of a picture, by the built-in model
  spikemix stream gesture.aedat --model runs/gesture             a recording as it plays, step by step
  spikemix export runs/cifar10-small -o small.safetensors        integer weights, for small machines
  spikemix bench runs/cifar10-small --layers                     where the engine spends its time
  spikemix sweep mixers.toml                                     mixers x seeds, compared in pairs
  spikemix bench --data DIR                                      how fast pictures are read, without a model
Exit codes: 0 done, 1 the machine or the run failed, 2 the input was wrong.)";

// Infinity and NaN pass CLI11's own range checks.
void refuse_not_finite(CLI::App& app) {
  const CLI::Validator finite(
      [](const std::string& text) {
        double value = 0;
        const bool is_number = CLI::detail::lexical_cast(text, value);
        return is_number && !std::isfinite(value) ? text + ": expected a finite number" : std::string();
      },
      "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_name().starts_with("FLOAT")) option->check(finite);
  }
  for (CLI::App* command : app.get_subcommands({})) refuse_not_finite(*command);
}

void add_commands(CLI::App& app) {
  app.description("spikemix " + std::string(kVersion) +
                  ": spiking transformers without attention. Train them, compare their token mixers, run them.");
  app.footer(kExamples);
  app.set_version_flag("--version", fmt::format("spikemix {} ({})", kVersion, kGitCommit));
  app.require_subcommand(1);
#ifdef SPIKEMIX_TRAIN
  add_train(app);
  add_resume(app);
  add_verify(app);
#endif
  add_eval(app);
  add_predict(app);
  add_stream(app);
  add_export(app);
  add_count(app);
  add_bench(app);
  add_compare(app);
  add_sweep(app);
  add_report(app);
  add_info(app);
  add_mixers(app);
  add_recipes(app);
  add_data(app);
  add_events(app);
  add_import(app);
  refuse_not_finite(app);
}

// The command that the words name, as far as they do: "events info".
struct NamedCommand {
  const CLI::App* app;
  std::string name;
};
NamedCommand command_of(const CLI::App& app, int argc, char** argv) {
  NamedCommand named{&app, ""};
  for (int i = 1; i < argc; ++i) {
    const auto commands = named.app->get_subcommands([&](const CLI::App* c) { return c->get_name() == argv[i]; });
    if (commands.empty()) break;
    named = {commands.front(), named.name + (i > 1 ? " " : "") + argv[i]};
  }
  return named;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// CLI11 says of what is no number that it is out of range, too, and prints the largest double with all its digits if a
// number must be positive or not negative.
std::string without_largest_number(const std::string& text) {
  const size_t value = text.find("Value "), bounds = text.find(" not in range ");
  if (value == text.npos || bounds == text.npos) return text;
  const std::string number = text.substr(value + 6, bounds - value - 6);
  if (double parsed = 0; !CLI::detail::lexical_cast(number, parsed))
    return text.substr(0, value) + number + ": expected a number";
  if (!text.substr(bounds).starts_with(" not in range 0.000000 to 1797")) return text;
  return text.substr(0, value) + number +
         (number.starts_with('-') ? ": must not be negative" : ": must be more than 0");
}

// CLI11's own message, in one line, with the nearest name if a name was unknown.
// @param next_word  the first word that names no command; may be empty
std::string usage_error(const NamedCommand& named, const CLI::ParseError& error, const std::string& next_word) {
  const std::string of_command = named.name.empty() ? "" : named.name + ": ";
  std::vector<std::string> commands;
  for (const CLI::App* command : named.app->get_subcommands({})) commands.push_back(command->get_name());
  if (!commands.empty() && !next_word.empty() && next_word[0] != '-') {
    return fmt::format("{}no command {}", of_command, unknown_name(next_word, commands));
  }
  std::string text = without_largest_number(error.what());
  // For an unknown flag of a known command, name the nearest one that it has.
  const size_t dashes = text.find("--");
  if (!named.name.empty() && error.get_exit_code() == int(CLI::ExitCodes::ExtrasError) && dashes != text.npos) {
    const std::string flag = text.substr(dashes, text.find_first_of(" =]", dashes) - dashes);
    text = fmt::format("{}unknown flag {}", of_command, unknown_name(flag, flags_of(*named.app)));
  }
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

// No file, name or value is ever empty; an empty argument comes from an unset shell variable.
void refuse_empty_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool of_flag = argument.starts_with("--") && argument.ends_with('=');
    if (!argument.empty() && !of_flag) continue;
    throw input_error("argument {}{}: is empty, expected a file, a name or a value; an unset variable?", i,
                      of_flag ? fmt::format(" ({})", argument)
                      : i > 1 ? fmt::format(" (after {})", argv[i - 1])
                              : "");
  }
}

// CLI11's own text for --help and --version.
void print_help(const CLI::App& app, const CLI::Success& asked) {
  std::ostringstream text, nothing;
  app.exit(asked, text, nothing);
  answer_text(text.str());
}

int run(int argc, char** argv) {
  CLI::App app;
  add_commands(app);
  try {
    refuse_empty_arguments(argc, argv);
#ifndef SPIKEMIX_TRAIN
    go_on_with_torch(app, argc, argv);
#endif
    app.parse(argc, argv);
    return kDone;
  } catch (const CLI::Success& help_or_version) {
    print_help(app, help_or_version);
    return kDone;
  } catch (const CLI::ParseError& error) {
    const NamedCommand named = command_of(app, argc, argv);
    const auto words = 1 + std::ranges::count(named.name, ' ') + !named.name.empty();
    say("{} (`spikemix {}--help` tells more)", usage_error(named, error, words < argc ? argv[words] : ""),
        named.name.empty() ? "" : named.name + " ");
    return kInputWrong;
  } catch (const Exit& exit) {
    return exit.code;
  } catch (const std::bad_alloc&) {
    say_text("spikemix: out of memory; a smaller batch (train.batch, --batch) needs less\n");
    return kFailed;
  } catch (const std::exception& error) {
    const Fault fault = fault_of(error);
    say("{}", fault.text);
    return fault.of == Fault::Of::kInput ? kInputWrong : kFailed;
  }
}

}  // namespace
}  // namespace spikemix

int main(int argc, char** argv) {
  spikemix::begin_talk();
  return spikemix::end_talk(spikemix::run(argc, argv));
}
