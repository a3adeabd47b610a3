// attnlab emulate: compile a CUDA program, or one kernel of cuda/, for the emulator, run it, and report.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "answers/json.h"
#include "cli/command.h"
#include "cli/emulate_options.h"
#include "cli/emulate_sandbox.h"
#include "cli/refusal.h"
#include "os/output_file.h"
#include "os/process.h"
#include "os/temporary_directory.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/machine/gpu.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/report/html.h"
#include "simulator/emulator/report/json.h"
#include "simulator/emulator/report/text.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;
using answers::Json;
using answers::SingleLaunch;
using emulator::translate::Compilation;

// The kernel's own file, named as a program: it is none, and its C++ is newer than what nvcc takes unasked.
void refuse_kernels(const std::vector<fs::path>& sources) {
  for (const fs::path& source : sources) {
    std::error_code none;
    const std::string path = fs::weakly_canonical(source, none).string();
    for (const cuda::Kernel& kernel : cuda::kernels()) {
      if (!path.ends_with("/" + std::string(kernel.file))) continue;
      throw FileError(source.string(), "is a kernel, not a program: attnlab emulate --kernel " +
                                           std::string(kernel.name) + " launches it");
    }
  }
}

// The kernel's file in place of its own: one that was edited.
fs::path own_file(std::vector<std::string>& compile) {
  const auto source =
      std::ranges::find_if(compile, [](const std::string& word) { return word.ends_with(".cu"); });
  if (source == compile.end()) return {};
  const fs::path file = *source;
  compile.erase(source);
  return file;
}

Compilation compilation_of(const EmulateQuestion& question, const emulator::Gpu& gpu,
                           const SingleLaunch* launch) {
  std::vector<std::string> words = question.compile;
  if (launch != nullptr) {
    const std::vector<std::string> kernel = launch->compile_words(own_file(words));
    words.insert(words.begin(), kernel.begin(), kernel.end());
  }
  words.insert(words.begin(), "-arch=sm_" + std::to_string(gpu.major * 10 + gpu.minor));
  Compilation compilation = emulator::translate::parse_command_line(words);
  if (!compilation.output.empty() || compilation.stop != Compilation::Stop::program) {
    throw InvalidArgument("option", "-o, -c or -E",
                          "none of them: emulate runs the program (see attnlab cc)");
  }
  if (launch == nullptr) refuse_kernels(compilation.sources);
  compilation.outputs = {{"--json", question.json.value_or("")}, {"--html", question.html}};
  os::check_outputs(compilation.outputs, {});
  compilation.check_asm = emulator::ptx::problem;
  return compilation;
}

using Start = std::function<int(const os::Command&)>;

// The program's report, and the code that it ended with.
emulator::Report run(const EmulateQuestion& question, const std::vector<std::string>& command,
                     const std::string& name, const fs::path& report_file, const Start& start,
                     int& exit_code) {
  const std::string data = data_dir("simulator/device/data").parent_path().parent_path().parent_path();
  std::map<std::string, std::string> environment = {{"ATTNLAB_EMULATOR_REPORT", report_file},
                                                    {"ATTNLAB_EMULATOR_GPU", question.gpu},
                                                    {"ATTNLAB_EMULATOR_QUIET", "1"},
                                                    {"ATTNLAB_DATA", data}};
  if (question.seed) environment["ATTNLAB_EMULATOR_SEED"] = *question.seed;
  if (question.threads) environment["ATTNLAB_EMULATOR_THREADS"] = *question.threads;
  if (question.timeout) environment["ATTNLAB_EMULATOR_TIMEOUT"] = *question.timeout;
  const bool json_alone = question.json && question.json->empty();
  exit_code = start({.words = command, .environment = environment, .output_to_errors = json_alone});
  if (!fs::exists(report_file)) {  // killed, or ended by itself without its exit handlers
    std::fprintf(stderr, "attnlab: %s: the program ended with code %d and left no report\n", name.c_str(),
                 exit_code);
    throw Exit{exit_code != 0 ? exit_code : kRefused};
  }
  emulator::Report report = emulator::read_json(report_file);
  report.program = name;
  return report;
}

bool has_findings(const emulator::Report& report, bool leaks) {
  const auto counts = [&](const emulator::Finding& finding) { return leaks || !emulator::is_note(finding); };
  return std::ranges::any_of(report.findings, counts) ||
         std::ranges::any_of(report.kernels, [](const auto& kernel) { return !kernel.findings.empty(); });
}

// The report with the verdict as a member of its own.
std::string json_text(const emulator::Report& report, const std::optional<answers::LaunchVerdict>& verdict) {
  const std::string text = emulator::to_json(report);
  if (!verdict) return text;
  Json json = Json::parse(text);
  json["check"] = verdict->json;
  return answers::dump(json);
}

// Returns the exit code.
int emulate(EmulateQuestion question) {
  const emulator::Gpu gpu = emulator::find_gpu(question.gpu);
  std::optional<SingleLaunch> launch;
  if (question.launch) {
    launch.emplace(*question.launch,
                   cuda::DeviceLimits{gpu.major * 10 + gpu.minor,
                                      static_cast<std::size_t>(gpu.device.shared_bytes_per_block)},
                   [&](const answers::Work& work) { question.long_work.permit(work); });
    if (!question.ideal) question.ideal = launch->ideal();
  }
  Compilation compilation = compilation_of(question, gpu, launch ? &*launch : nullptr);

  const os::TemporaryDirectory work;
  const fs::path problem = work.path() / "problem", results = work.path() / "results";
  compilation.output = work.path() / compilation.sources[0].stem();
  std::optional<EmulateSandbox> sandbox;
  if (question.sandbox) sandbox.emplace(compilation, question.gpu, question.memory);
  if (const int error = emulator::translate::compile(compilation); error != 0) return error;
  std::vector<std::string> command = {compilation.output.string()}, words = question.arguments;
  if (launch) {
    launch->write_problem(problem);
    words = launch->program_words(problem, results);
  }
  command.insert(command.end(), words.begin(), words.end());
  int exit_code = 0;
  const std::string name = launch ? launch->title() : compilation.sources[0].string();
  const Start start = [&](const os::Command& program) {
    if (!sandbox) return os::run(program);
    return launch ? sandbox->run(program, problem, results) : sandbox->run(program, {}, {});
  };
  emulator::Report report = run(question, command, name, work.path() / "report.json", start, exit_code);
  if (sandbox) sandbox->hide_other_files(report);
  std::optional<answers::LaunchVerdict> verdict;
  if (question.check && exit_code == 0) verdict = launch->judge(results);

  const bool json_alone = question.json && question.json->empty();
  std::string text =
      json_alone ? json_text(report, verdict) : (launch ? name + "\n\n" : "") + emulator::text(report);
  if (!json_alone && verdict) text += "\nwhat it wrote\n  " + verdict->text;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (question.json && !json_alone) os::write_file(*question.json, json_text(report, verdict));
  if (!question.html.empty()) emulator::write_html(report, question.html, {question.ideal});
  if (exit_code != 0) return exit_code;
  const bool wrong = verdict && !verdict->right;
  return has_findings(report, question.leaks) || wrong ? kAnswerIsNo : kAnswered;
}

}  // namespace

void add_emulate(Command& app) {
  Command command = app.add_command("emulate", "Run a CUDA program on the CPU: counters, checks, report");
  command.take_the_rest();
  command.footer(emulate_help());
  command.callback([command] {
    int code = 0;
    try {
      code = emulate(parse_emulate(command.remaining()));
    } catch (const InvalidArgument& refusal) {
      throw as_emulate_options(refusal);
    }
    if (code != 0) throw Exit{code};
  });
}

}  // namespace attnlab::cli
