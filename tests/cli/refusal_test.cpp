// Is every refusal one line on stderr, with --json an object on stdout as well, and an exit code of the table?
#include "cli/refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/program.h"

namespace attnlab::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct Refused {
  const char* arguments;
  const char* argument;
};

TEST(Refusal, WithJsonItIsAnObjectToo) {
  for (const auto& [arguments, argument] : {
           Refused{"io --seqlen 64 --pass up", "--pass"},
           {"io --seqlen 64 --density 0.5", "--density"},
           {"io --seqlen 64k --sram 1", "--sram"},
           {"io", "--seqlen-q"},
           {"io --seqlen x", "--seqlen"},
           {"kv --model nobody", "--model"},
           {"kv", "--model"},
           {"run --seqlen 64 --precision half", "--precision"},
           {"run --q nowhere.npy --k a --v b", "nowhere.npy"},
           {"check --q nowhere.npy", "nowhere.npy"},
           {"check", "--q"},
           {"traffic --seqlen 64 --pass up", "--pass"},
           {"battery", "--cmd, --kernel"},
           {"list nothing", "list"},
           {"witness --dtype fp8", "--dtype"},
           {"zoo --problem none", "--problem"},
           {"nothing", "command"},
       }) {
    const Outcome outcome = attnlab_program(std::string(arguments) + " --json");
    EXPECT_EQ(outcome.exit_code, kRefused) << arguments;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << arguments << outcome.err;
    ASSERT_TRUE(json::accept(outcome.out)) << arguments << outcome.out;
    const json error = json::parse(outcome.out)["error"];
    EXPECT_EQ(error["argument"], argument) << arguments;
    EXPECT_THAT(outcome.err, HasSubstr(error["got"].get<std::string>())) << arguments;
    EXPECT_EQ(error.size(), 3u);
  }
}

TEST(Refusal, AnUnknownOptionIsAnObjectToo) {
  for (const char* command : {"io", "kv", "run", "check", "traffic", "battery", "list", "witness", "zoo"}) {
    const Outcome outcome = attnlab_program(std::string(command) + " --json --no-such-option");
    EXPECT_EQ(outcome.exit_code, kRefused) << command;
    ASSERT_TRUE(json::accept(outcome.out)) << command << outcome.out;
    EXPECT_EQ(json::parse(outcome.out)["error"]["argument"], "--no-such-option");
  }
}

TEST(Refusal, WithoutJsonStdoutIsEmpty) {
  EXPECT_EQ(attnlab_program("io --seqlen 64 --pass up").out, "");
  EXPECT_EQ(attnlab_program("io --no-such-option").out, "");
}

TEST(Program, SaysItsVersion) {
  const Outcome outcome = attnlab_program("--version");
  EXPECT_EQ(outcome.exit_code, 0);
  std::ifstream file(ATTNLAB_SOURCE_DIR "/CMakeLists.txt");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t at =
      text.find("project(attnlab VERSION ") + std::string("project(attnlab VERSION ").size();
  EXPECT_EQ(outcome.out, "attnlab " + text.substr(at, text.find(' ', at) - at) + "\n");
}

TEST(ExitCodes, AreOneTableInHelpAndManual) {
  EXPECT_THAT(attnlab_program("--help").out, HasSubstr(exit_codes_text()));
  std::ifstream file(ATTNLAB_SOURCE_DIR "/docs/cli.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  for (const ExitCodeRow& row : kExitCodes) {
    EXPECT_THAT(page, HasSubstr("| " + std::string(row.codes) + " | " + std::string(row.meaning) + " |"));
  }
}

}  // namespace
}  // namespace attnlab::cli
