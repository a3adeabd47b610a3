// Does every option of every command take any text that there is: with an answer, or one line that names the option?
// The options are those that --help lists, so that new ones join by themselves. In every run a sample of the grid; all
// of it in long runs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "files/safetensors.h"
#include "tests/cli/program.h"
#include "tests/files/temporary_folder.h"
#include "tests/long.h"

namespace attnlab {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// A question to every command that is answered at once: words, and options with values, one of which the grid may
// replace. `others`: options that another option asks for.
struct Asked {
  std::string command, words;
  Pairs options;
  std::map<std::string, std::string> beside = {};
};
const std::vector<Asked>& questions() {
  static const std::vector<Asked> all{
      {"battery",
       "",
       {{"--kernel", "flash2-04"},
        {"--backend", "emulator"},
        {"--dtype", "fp32"},
        {"--cases", "1"},
        {"--max-seqlen", "8"}},
       {}},
      {"check", "", {{"--q", "q.npy"}, {"--k", "q.npy"}, {"--v", "q.npy"}, {"--out", "o.npy"}}, {}},
      {"convert-gqa", "in.safetensors out.safetensors", {{"--groups", "1"}, {"--heads", "2"}}, {}},
      {"io", "", {{"--seqlen", "64"}}, {{"--csv", "--sweep seqlen=1..2"}}},
      {"kv", "", {{"--model", "llama3-8b"}}, {{"--groups", "--compare"}, {"--out", "--compare"}}},
      {"list", "", {}, {}},
      {"run",
       "",
       {{"--seqlen", "16"}},
       {{"--dout", "--backward"}, {"--dq", "--backward"}, {"--dk", "--backward"}, {"--dv", "--backward"}}},
      {"traffic", "", {{"--seqlen", "64"}}, {}},
      {"witness",
       "",
       {{"--kernel", "flash2-04"}, {"--seqlen", "16"}, {"--dim", "32"}, {"--heads", "1"}},
       {{"--csv", "--measured --products 1"}, {"--products", "--measured"}}},
      {"zoo", "", {{"--mistake", "scale-missing"}, {"--problem", "plain"}}, {}},
  };
  return all;
}

// Take the rest of the line as it stands, or hand it to Python, or have no answer in seconds.
const std::set<std::string> kLeftOut{"cc", "emulate", "experiment", "demo", "grade"};

struct Hostile {
  const char* what;
  std::string value;
};
std::vector<Hostile> hostile_values() {
  return {{"empty", ""},
          {"zero", "0"},
          {"negative", "-1"},
          {"not a number", "nan"},
          {"infinity", "inf"},
          {"beyond double", "1e400"},
          {"2^64 - 1", "18446744073709551615"},
          {"2^63", "9223372036854775808"},
          {"a word", "abc"},
          {"two words", "1 2"},
          {"control characters", "a\x01\x1b[31m\nb"},
          {"10 kB", std::string(10000, 'x')},
          {"a directory", "."},
          {"no file", "nowhere/file.npy"}};
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

class Hostility : public TemporaryFolder {
 protected:
  Hostility() {
    ask("run --seqlen 16 --dim 8 --out o.npy");
    const std::vector<double> ones(16 * 8, 1);
    for (const char* name : {"k_proj", "v_proj"}) {
      projections_.push_back(files::Tensor::from(std::span<const double>(ones), {16, 8}, DType::f32,
                                                 "layers.0.self_attn." + std::string(name) + ".weight"));
    }
    files::write_safetensors(path("in.safetensors"), projections_, {});
    std::filesystem::copy_file(path("o.npy"), path("q.npy"));
  }

  Outcome ask(const std::string& arguments) const {
    // Seconds of the processor: beside other tests a short answer takes long, too. The whole grid has lines that are
    // work of a minute or two, which nobody is asked about.
    const std::string limits = long_runs() ? "ulimit -t 300 && timeout 300 " : "ulimit -t 10 && timeout 60 ";
    return attnlab_program(arguments, "cd " + quoted(path("").string()) + " && " + limits);
  }

  // Options of a command with whether they take a value.
  std::map<std::string, bool> options_of(const std::string& command) const {
    const std::string help = ask(command + " --help").out;
    std::map<std::string, bool> options;
    static const std::regex kLine(
        "\n  (?:-[A-Za-z],)?(--[a-z0-9-]+)(?:,-[A-Za-z])?( (?!Needs:|Excludes:)[A-Z][^ ]*)?");
    for (std::sregex_iterator at(help.begin(), help.end(), kLine), end; at != end; ++at)
      if ((*at)[1] != "--help") options[(*at)[1]] = (*at)[2].matched;
    return options;
  }

  // The question with an option's words in place of its own.
  static std::string line(const Asked& asked, const std::string& option, const std::string& words) {
    std::string text = asked.command + " " + asked.words;
    for (const auto& [name, value] : asked.options)
      if (name != option) text += " " + name + " " + value;
    if (const auto beside = asked.beside.find(option); beside != asked.beside.end())
      text += " " + beside->second;
    return text + " " + words;
  }

  static std::string printable(const std::string& text) {
    std::string result;
    for (const char c : text)
      result += static_cast<unsigned char>(c) < 0x20 ? fmt::format("\\x{:02x}", c) : std::string(1, c);
    return result;
  }

  void expect_answer_or_refusal(const std::string& arguments, const std::string& option,
                                const std::string& value) const {
    const Outcome outcome = ask(arguments);
    const std::string said = arguments.substr(0, 300) + "\n" + outcome.out.substr(0, 300) + outcome.err;
    ASSERT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 1 || outcome.exit_code == 2)
        << outcome.exit_code << ": " << said;
    EXPECT_EQ(outcome.err.find("internal error"), std::string::npos) << said;
    if (outcome.exit_code != 2) {
      EXPECT_NE(outcome.out, "") << said;
      return;
    }
    EXPECT_TRUE(outcome.err.starts_with("attnlab: ")) << said;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << said;
    // A file is named by its path, as a terminal can show it.
    const std::string path = value.size() > 100 ? value.substr(0, 50) : printable(value) + ": ";
    const bool names_it =
        outcome.err.find(option) != std::string::npos || outcome.err.starts_with("attnlab: " + path);
    EXPECT_TRUE(names_it) << option << ": " << said;
  }

  std::vector<files::Tensor> projections_;
};

TEST_F(Hostility, EveryCommandIsAsked) {
  std::set<std::string> asked = kLeftOut, listed;
  for (const Asked& one : questions()) asked.insert(one.command);
  const std::string help = ask("--help").out;
  const std::string commands = help.substr(help.find("Subcommands:"));
  static const std::regex kLine("\n  ([a-z-]+) ");
  for (std::sregex_iterator at(commands.begin(), commands.end(), kLine), end; at != end; ++at)
    if ((*at)[1] != "emulate:") listed.insert((*at)[1]);
  listed.erase("others");  // a row of the exit codes
  EXPECT_EQ(asked, listed);
}

TEST_F(Hostility, TheQuestionsAreAnswered) {
  for (const Asked& asked : questions()) {
    const Outcome outcome = ask(line(asked, "", ""));
    EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 1)
        << asked.command << outcome.out << outcome.err;
    EXPECT_NE(outcome.out, "") << asked.command;
    EXPECT_FALSE(options_of(asked.command).empty()) << asked.command;
  }
}

TEST_F(Hostility, AnAnswerOrOneLineThatNamesTheOption) {
  struct Case {
    std::string arguments, option, value;
  };
  std::vector<Case> cases;
  for (const Asked& asked : questions()) {
    for (const auto& [option, takes_value] : options_of(asked.command)) {
      const auto add = [&, &option = option](const std::string& words, const std::string& value) {
        cases.push_back({line(asked, option, words), option, value});
      };
      if (!takes_value) {
        add(option + "=yes", "");
        add(option + " " + option, "");
        continue;
      }
      add(option, "");
      add(option + " --json", "");
      add(option + " 1 " + option + " 2", "1");
      for (const Hostile& hostile : hostile_values()) {
        add(option + " " + quoted(hostile.value), hostile.value);
        add(option + "=" + quoted(hostile.value), hostile.value);
      }
    }
  }
  ASSERT_GT(cases.size(), 2000u);
  std::mt19937 random(20);
  std::shuffle(cases.begin(), cases.end(), random);
  cases.resize(static_cast<std::size_t>(rounds(250, static_cast<int>(cases.size()))));
  for (const Case& one : cases) expect_answer_or_refusal(one.arguments, one.option, one.value);
}

// What stands on the line without being an option or a value of one.
TEST_F(Hostility, WordsThatNobodyAsksFor) {
  for (const Asked& asked : questions()) {
    for (const char* word : {"--bogus", "--bogus=1", "-Z", "--", "-"})
      expect_answer_or_refusal(line(asked, "", word), std::string(word).substr(0, 7), word);
    const Outcome bogus = ask(asked.command + " --bogus");
    EXPECT_EQ(bogus.err, "attnlab: --bogus: got an option that does not exist, expected one of attnlab " +
                             asked.command + " --help\n");
  }
  for (const auto& [line, said] : {std::pair{"--bogus", "--bogus: got an option that does not exist"},
                                   {"bogus", "command: got bogus, expected one of battery, cc"},
                                   {"'' io", "command: got an empty text"},
                                   {"", "command: got nothing, expected one of battery"},
                                   {"zoo word", "zoo: got word, expected no further word"}}) {
    const Outcome outcome = ask(line);
    EXPECT_EQ(outcome.exit_code, 2) << line;
    EXPECT_TRUE(outcome.err.starts_with("attnlab: " + std::string(said))) << line << ": " << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

}  // namespace
}  // namespace attnlab
