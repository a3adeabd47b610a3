// The commands of the attnlab program. A file a command; each adds itself to the CLI11 application.
#pragma once

#include "cli/cli11.h"

namespace attnlab::cli {

// Each adds a subcommand whose callback does the work; typed exceptions (reference/core/errors.h) leave it as
// exit code 2 and one line on stderr, CLI::RuntimeError as its exit code without a line.
void add_battery(CLI::App& app);
void add_cc(CLI::App& app);
void add_check(CLI::App& app);
void add_convert_gqa(CLI::App& app);
void add_demo(CLI::App& app);
void add_emulate(CLI::App& app);
void add_experiment(CLI::App& app);
void add_io(CLI::App& app);
void add_kv(CLI::App& app);
void add_list(CLI::App& app);
void add_run(CLI::App& app);
void add_traffic(CLI::App& app);
void add_witness(CLI::App& app);
void add_zoo(CLI::App& app);

}  // namespace attnlab::cli
