// The refusal of a command line by the attnlab program: one line on stderr, nothing on stdout, exit code 2.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/cli/program.h"

inline std::string refusal_of(const std::string& arguments) {
  const Outcome outcome = attnlab_program(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments << ": " << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out, "") << arguments;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << arguments << ": " << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("attnlab: ")) << arguments << ": " << outcome.err;
  return outcome.err;
}
