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
using testing::StartsWith;

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
    EXPECT_TRUE(error["expected"].is_string()) << arguments;
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

// Fields of a question, and what stands for them on the command line; numbers as they were typed.
TEST(Refusal, SpeaksOfOptionsAsTheyAreTyped) {
  struct Said {
    const char* arguments;
    const char* line;
  };
  for (const auto& [arguments, line] : {
           Said{"io --seqlen 64 --heads 4 --kv-heads 3",
                "--kv-heads: got 3, expected a divisor of --heads = 4"},
           {"io --seqlen 64 --softcap -1",
            "--softcap: got -1, expected 0 (none) or a positive finite number"},
           {"io --seqlen 64 --scale inf", "--scale: got inf, expected a finite number"},
           {"io --seqlen 64 --scale abc", "--scale: got 'abc', expected a number such as 0.5 or 1e-3"},
           {"io --seqlen 64 --dropout 1.50", "--dropout: got 1.50, expected 0 <= p < 1"},
           {"io --seqlen 64 --dim 2G", "--dim: got 2G, expected at most 1G = 2^30"},
           {"io --algorithm decode --seqlen-kv 64", "--seqlen-q: got nothing, expected 1 with decode"},
           {"io --seqlen 64 --kv-lens '1 2'", "--kv-lens: got '1 2', expected a whole number such as"},
           {"traffic --seqlen 64 --gpu x", "--gpu: got 'x', expected one of"},
           {"kv --model gpt2 --gpus 0", "--gpus: got '0', expected at least 1"},
           {"kv --model gpt2 --context 18446744073709551615",
            "--context: got 12 x 18446744073709551615, expected"},
           {"witness --kernel flash2-04 --seqlen 2G", "--seqlen: got 2G, expected at most 1G = 2^30"},
           {"battery --kernel flash2-04 --head-dim 5000", "--head-dim: got 5000, expected"},
           {"convert-gqa --groups 1 --heads 2", "in: got nothing, expected a value"},
           {"kv --model gpt2 --device h100 --memory 1", "--memory: got both, expected it or --device"},
           {"run --seqlen 8 --dq x.npy", "--dq: got it alone, expected --backward beside it"},
       }) {
    EXPECT_THAT(attnlab_program(arguments).err, StartsWith("attnlab: " + std::string(line))) << arguments;
  }
}

TEST(Refusal, HelpOfIoSaysWhichLengthDecodingTakes) {
  EXPECT_THAT(attnlab_program("io --help").out, HasSubstr("decode takes --seqlen-q 1 alone"));
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
