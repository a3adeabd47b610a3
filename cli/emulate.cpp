// attnlab emulate: compile a CUDA program for the emulator, run it, and report.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/refusal.h"
#include "os/output_file.h"
#include "os/process.h"
#include "os/temporary_directory.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/machine/environment.h"
#include "simulator/emulator/machine/gpu.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/report/html.h"
#include "simulator/emulator/report/json.h"
#include "simulator/emulator/report/text.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter = R"(
attnlab emulate file.cu [options] [-- arguments of the program]

  --gpu name       the GPU whose limits hold: a100, h100, h200 (as without), rtx4090, or a device file
  --json [f.json]  counters and findings as JSON, to a file; without one to stdout, the program's own output then
                   goes to stderr and the text is left out
  --html f.html    the same as a page: the source with a bar per line
  --ideal name=n   the page holds the bytes of each level against n, what a closed form says is the least
  --seed n         another order of warps and lanes, to expose missing barriers
  --threads n      OS threads, at most 1024; 0, as without: as many as there are cores
  --timeout n      seconds that the program may run; then it ends with code 124, and a finding says where it was
  -I, -D, ...      as attnlab cc
  -- ...           the program's arguments

The exit code is the program's own; if that is 0, 1 with findings, else 0.

  attnlab emulate softmax.cu -I include --html report.html -- 1024)";

struct Question {
  std::vector<std::string> compile, arguments;
  std::string gpu = "h200", seed, threads, timeout, html, ideal;
  std::optional<std::string> json;  // empty: stdout
};

void require_number(const std::string& option, const std::string& value) {
  if (value.empty() || value.size() > 18 || value.find_first_not_of("0123456789") != std::string::npos)
    throw InvalidArgument(option, value, "a whole number");
}

Question parse(const std::vector<std::string>& words) {
  Question question;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      question.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word == "--json" || word.starts_with("--json=")) {
      question.json = word.size() > 7 ? word.substr(7) : "";
      if (word == "--json" && i + 1 < words.size() && words[i + 1].ends_with(".json"))
        question.json = words[++i];
      continue;
    }
    const std::map<std::string, std::string*> options = {
        {"--gpu", &question.gpu},         {"--seed", &question.seed}, {"--threads", &question.threads},
        {"--timeout", &question.timeout}, {"--html", &question.html}, {"--ideal", &question.ideal}};
    const std::size_t equals = word.find('=');
    const auto option = options.find(word.substr(0, equals));
    if (option == options.end()) {
      question.compile.push_back(word);
      continue;
    }
    if (equals == std::string::npos && i + 1 == words.size())
      throw InvalidArgument(word, "nothing", "a value");
    *option->second = equals == std::string::npos ? words[++i] : word.substr(equals + 1);
    if (option->first == "--seed" || option->first == "--threads" || option->first == "--timeout")
      require_number(option->first, *option->second);
    if (option->first == "--threads" && std::stoull(question.threads) > emulator::kMostThreads) {
      throw InvalidArgument("--threads", question.threads,
                            "at most " + std::to_string(emulator::kMostThreads));
    }
  }
  if (!question.timeout.empty() &&
      (std::stoull(question.timeout) < 1 || std::stoull(question.timeout) > emulator::kLongest)) {
    throw InvalidArgument("--timeout", question.timeout,
                          "1 to " + std::to_string(emulator::kLongest) + " seconds");
  }
  return question;
}

emulator::HtmlOptions page(const Question& question) {
  if (question.ideal.empty()) return {};
  const std::size_t equals = question.ideal.rfind('=');
  const std::string bytes = equals == std::string::npos ? "" : question.ideal.substr(equals + 1);
  require_number("--ideal", bytes);
  return {emulator::Ideal{question.ideal.substr(0, equals), std::stoull(bytes)}};
}

emulator::Report run(const Question& question, int& exit_code) {
  const os::TemporaryDirectory work;
  emulator::read_environment();  // the program's, too
  const emulator::Gpu gpu = emulator::find_gpu(question.gpu);
  std::vector<std::string> compile = question.compile;
  compile.insert(compile.begin(), "-arch=sm_" + std::to_string(gpu.major * 10 + gpu.minor));
  emulator::translate::Compilation compilation = emulator::translate::parse_command_line(compile);
  const fs::path program = work.path() / compilation.sources[0].stem(),
                 report_file = work.path() / "report.json";
  if (!compilation.output.empty() || compilation.stop != emulator::translate::Compilation::Stop::program) {
    throw InvalidArgument("option", "-o, -c or -E",
                          "none of them: emulate runs the program (see attnlab cc)");
  }
  compilation.outputs = {{"--json", question.json.value_or("")}, {"--html", question.html}};
  os::check_outputs(compilation.outputs, {});
  compilation.output = program;
  compilation.check_asm = emulator::ptx::problem;
  if (const int error = emulator::translate::compile(compilation); error != 0) throw Exit{error};

  const std::string data = data_dir("simulator/device/data").parent_path().parent_path().parent_path();
  std::map<std::string, std::string> environment = {{"ATTNLAB_EMULATOR_REPORT", report_file},
                                                    {"ATTNLAB_EMULATOR_GPU", question.gpu},
                                                    {"ATTNLAB_EMULATOR_QUIET", "1"},
                                                    {"ATTNLAB_DATA", data}};
  if (!question.seed.empty()) environment["ATTNLAB_EMULATOR_SEED"] = question.seed;
  if (!question.threads.empty()) environment["ATTNLAB_EMULATOR_THREADS"] = question.threads;
  if (!question.timeout.empty()) environment["ATTNLAB_EMULATOR_TIMEOUT"] = question.timeout;
  std::vector<std::string> command = {program.string()};
  command.insert(command.end(), question.arguments.begin(), question.arguments.end());
  const bool json_alone = question.json && question.json->empty();
  exit_code = os::run({.words = command, .environment = environment, .output_to_errors = json_alone});
  if (!fs::exists(report_file)) {  // killed, or ended by itself without its exit handlers
    std::fprintf(stderr, "attnlab: %s: the program ended with code %d and left no report\n",
                 compilation.sources[0].c_str(), exit_code);
    throw Exit{exit_code != 0 ? exit_code : kRefused};
  }
  emulator::Report report = emulator::read_json(report_file);
  report.program = compilation.sources[0].string();
  return report;
}

}  // namespace

void add_emulate(Command& app) {
  Command command = app.add_command("emulate", "Run a CUDA program on the CPU: counters, checks, report");
  command.take_the_rest();
  command.footer(kFooter);
  command.callback([command] {
    const Question question = parse(command.remaining());
    const emulator::HtmlOptions html = page(question);
    int exit_code = 0;
    const emulator::Report report = run(question, exit_code);
    if (question.json && question.json->empty())
      std::fputs(emulator::to_json(report).c_str(), stdout);
    else
      std::fputs(emulator::text(report).c_str(), stdout);
    if (question.json && !question.json->empty()) emulator::write_json(report, *question.json);
    if (!question.html.empty()) emulator::write_html(report, question.html, html);
    const bool findings =
        !report.findings.empty() ||
        std::any_of(report.kernels.begin(), report.kernels.end(),
                    [](const emulator::KernelReport& kernel) { return !kernel.findings.empty(); });
    if (exit_code == 0 && findings) exit_code = 1;
    if (exit_code != 0) throw Exit{exit_code};
  });
}

}  // namespace attnlab::cli
