// The commands of the attnlab program, one per file; each adds itself to the program.
#pragma once

#include "cli/options.h"

namespace attnlab::cli {

// Each adds a subcommand whose callback does the work; typed exceptions (reference/core/errors.h) leave it as
// exit code 2 and one line on stderr, Exit as its exit code without a line.
void add_battery(Command& app);
void add_cc(Command& app);
void add_check(Command& app);
void add_convert_gqa(Command& app);
void add_demo(Command& app);
void add_emulate(Command& app);
void add_experiment(Command& app);
void add_grade(Command& app);
void add_io(Command& app);
void add_kv(Command& app);
void add_list(Command& app);
void add_run(Command& app);
void add_traffic(Command& app);
void add_witness(Command& app);
void add_zoo(Command& app);

}  // namespace attnlab::cli
