// Is a kernel right? The question about a program or one of the kernels of cuda/, and the battery's answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answers/work.h"
#include "cuda/host/backend.h"
#include "oracle/battery.h"
#include "oracle/declaration.h"

namespace attnlab::answers {

struct BatteryQuestion {
  // One of the two: a program as a command line, "{dir}" where the folder of a call goes (docs/battery.md), or a
  // kernel's name, with the backend that it runs on (empty: the GPU if there is one).
  std::string cmd, kernel, backend;
  // Of a program: the order of its files' dimensions, seconds for one call, and where the folders of failing
  // cases stay (empty: nowhere).
  std::string layout = "bhsd";
  double call_time = 60;
  std::string keep;

  std::string real;  // a file with q, k and v of a model; empty: the one that ships, if it is there
  oracle::Declaration declared;  // the kernel's arithmetic; needs one type in the schema
  oracle::BatteryOptions options;
};

// What a kernel is asked for unless the question says otherwise: of one of ours, what its row takes.
oracle::Schema usual_schema(const std::string& kernel, const std::string& backend);

// A failing case of a program, run again with its folders kept.
struct KeptCase {
  Index index = 0;
  std::string folder;
  std::string command;  // the last call again, the one that failed
};

struct BatteryAnswer {
  oracle::BatteryReport report;
  std::vector<KeptCase> kept;
};

// What its largest case takes; cases altogether are limited by options.time_limit_s.
Work work_of(const BatteryQuestion& question);

// Throws InvalidArgument naming the field, and FileError.
BatteryAnswer answer(const BatteryQuestion& question);

}  // namespace attnlab::answers
