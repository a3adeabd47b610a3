// Is an environment variable ATTNLAB_... that nothing reads refused by every command, and a value that makes no sense;
// and is each that is read anywhere in the tree on the list?
#include "cli/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "tests/cli/program.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string refusal_with(const std::string& variable, const std::string& arguments = "io --seqlen 64") {
  const Outcome outcome = attnlab_program(arguments, variable + " ");
  EXPECT_EQ(outcome.exit_code, 2) << variable << outcome.out;
  EXPECT_EQ(outcome.out, "") << variable;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  return outcome.err;
}

TEST(ProgramsEnvironment, UnknownVariablesAreRefusedByEveryCommand) {
  for (const char* command :
       {"io --seqlen 64", "list", "kv --model gpt2", "cc", "emulate", "run --seqlen 8"}) {
    EXPECT_THAT(
        refusal_with("ATTNLAB_DATE=x", command),
        HasSubstr(
            "ATTNLAB_DATE: got a variable that nothing reads, expected ATTNLAB_ and one of DATA, PYTHON"));
  }
}

TEST(ProgramsEnvironment, ValuesThatMakeNoSenseAreRefused) {
  EXPECT_THAT(refusal_with("ATTNLAB_DATA=/nowhere"),
              HasSubstr("ATTNLAB_DATA: got /nowhere, expected a folder that exists"));
  EXPECT_THAT(refusal_with("ATTNLAB_PYTHON=/nowhere/python"),
              HasSubstr("ATTNLAB_PYTHON: got /nowhere/python"));
  EXPECT_THAT(refusal_with("ATTNLAB_LONG=yes"), HasSubstr("ATTNLAB_LONG: got yes, expected 1"));
  EXPECT_THAT(refusal_with("ATTNLAB_REAL_INPUTS=/nowhere"), HasSubstr("ATTNLAB_REAL_INPUTS: got /nowhere"));
  EXPECT_THAT(refusal_with("ATTNLAB_EMULATOR_SEED=x"), HasSubstr("ATTNLAB_EMULATOR_SEED: got x"));
  EXPECT_THAT(refusal_with("ATTNLAB_EMULATOR_SEEED=1"), HasSubstr("ATTNLAB_EMULATOR_SEEED: got a variable"));
}

TEST(ProgramsEnvironment, KnownOnesAndEmptyOnesAreTaken) {
  for (const char* variables :
       {"ATTNLAB_LONG=1", "ATTNLAB_LONG=", "ATTNLAB_DATA=", "ATTNLAB_EMULATOR_SEED=3"})
    EXPECT_EQ(attnlab_program("io --seqlen 64", std::string(variables) + " ").exit_code, 0) << variables;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ProgramsEnvironment, WhatIsReadAnywhereIsOnTheList) {
  std::set<std::string> known, read;
  for (const EnvironmentVariable& variable : environment_variables())
    known.insert(std::string(variable.name));
  static const std::regex kRead("(?:getenv|environ\\.get|environment|environ)[\\(\\[]\"ATTNLAB_([A-Z_]+)\"");
  for (const char* room : {"reference", "oracle", "simulator", "cuda", "os", "files", "answers", "cli",
                           "c_api", "python", "tests", "experiments", "benchmarks"}) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(ATTNLAB_SOURCE_DIR) / room)) {
      const std::string kind = entry.path().extension();
      if (kind != ".cpp" && kind != ".h" && kind != ".py") continue;
      const std::string text = text_of(entry.path());
      for (std::sregex_iterator at(text.begin(), text.end(), kRead), end; at != end; ++at)
        if (const std::string name = (*at)[1]; !name.starts_with("EMULATOR_")) read.insert(name);
    }
  }
  EXPECT_EQ(read, known);
}

TEST(ProgramsEnvironment, TheManualHasTheList) {
  const std::string page = text_of(ATTNLAB_SOURCE_DIR "/docs/cli.md");
  for (const EnvironmentVariable& variable : environment_variables()) {
    EXPECT_THAT(page, HasSubstr("| `ATTNLAB_" + std::string(variable.name) + "` | " +
                                std::string(variable.meaning) + " |"));
  }
}

}  // namespace
}  // namespace attnlab::cli
