#include "cli/emulate_options.h"

#include <algorithm>
#include <cstdint>

#include "cli/field_options.h"
#include "cli/legend.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"
#include "reference/core/errors.h"
#include "simulator/emulator/machine/environment.h"

namespace attnlab::cli {
namespace {

// As typed.
struct Typed {
  EmulateQuestion question;
  std::string kernel, ideal;
  answers::LaunchQuestion launch;
  ProblemOptions problem;
  std::uint64_t br = 0, bc = 0;
};

// For the emulator's environment, which reads plain numbers.
void add_number(Command& app, const std::string& name, std::optional<std::string>& text,
                const std::string& help, std::uint64_t least, std::uint64_t most) {
  add_count(app, name, help, least, [=, &text](std::uint64_t value) {
    if (value > most) throw InvalidArgument(name, std::to_string(value), "at most " + std::to_string(most));
    text = std::to_string(value);
  });
}

void add_general(Command& app, Typed& o) {
  EmulateQuestion& q = o.question;
  app.add_option("--kernel", o.kernel, "A kernel of attnlab list kernels in place of a program: see below");
  app.add_option("--gpu", q.gpu, "The GPU whose limits hold: a100, h100, h200, rtx4090, or a device file")
      .show_default();
  app.add_option("--html", q.html, "The report as a page: the source with a bar per line").type_name("FILE");
  app.add_option("--ideal", o.ideal,
                 "NAME=BYTES: the page holds each level's bytes against what a closed form says");
  add_number(app, "--seed", q.seed, "Another order of warps and lanes, to expose missing barriers", 0,
             UINT64_MAX);
  add_number(app, "--threads", q.threads, "OS threads; 0, as without: as many as there are cores", 0,
             emulator::kMostThreads);
  add_number(app, "--timeout", q.timeout,
             "Seconds that the program may run; then it ends with code 124, and a finding says where it was",
             1, emulator::kLongest);
  app.add_flag("--sandbox", q.sandbox,
               "For programs of others: compiled and run without network, rights and files, 60 s as without "
               "--timeout; "
               "needs bubblewrap (docs/emulator.md says what it covers)");
  constexpr std::uint64_t kMostGibibytes = 1 << 20;
  add_count(app, "--memory", "GiB that a program in the sandbox may take [4]", 1,
            [&q](std::uint64_t gibibytes) {
              if (gibibytes > kMostGibibytes)
                throw InvalidArgument("--memory", std::to_string(gibibytes),
                                      "1 to " + std::to_string(kMostGibibytes) + " GiB");
              q.memory = gibibytes << 30;
            });
  app.add_flag("--leaks", q.leaks, "Memory that is never freed is a finding: exit code 1");
}

void add_launch(Command& app, Typed& o) {
  add_size_options(app, o.problem);
  add_mask_options(app, o.problem);
  app.add_option("--dtype", o.launch.dtype, "Of Q, K, V and O: fp32, fp16 or bf16").show_default();
  add_count(app, "--br", o.br, "Rows of a tile [the kernel's own]", 1);
  add_count(app, "--bc", o.bc, "Columns of a tile [the kernel's own]", 1);
  app.add_flag("--check", o.question.check,
               "The oracle judges what the kernel wrote: exit code 1 if it is wrong");
  o.question.long_work.add_option(app);
}

// --json, --json FILE.json and --json=FILE.
void take_json(std::vector<std::string>& words, EmulateQuestion& question) {
  for (auto word = words.begin(); word != words.end();) {
    if (*word != "--json" && !word->starts_with("--json=")) {
      ++word;
      continue;
    }
    question.json = word->size() > 7 ? word->substr(7) : "";
    const bool alone = *word == "--json";
    word = words.erase(word);
    if (!alone || word == words.end() || !word->ends_with(".json")) continue;
    question.json = *word;
    word = words.erase(word);
  }
}

emulator::Ideal ideal_of(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) throw InvalidArgument("--ideal", text, "NAME=BYTES such as flash2=4MiB");
  return {text.substr(0, equals), answers::parse_bytes("--ideal", text.substr(equals + 1))};
}

}  // namespace

EmulateQuestion parse_emulate(std::vector<std::string> words) {
  Typed typed;
  EmulateQuestion& question = typed.question;
  if (const auto end = std::ranges::find(words, "--"); end != words.end()) {
    question.arguments.assign(end + 1, words.end());
    words.erase(end, words.end());
  }
  take_json(words, question);
  const auto general = [&](Command& app) { add_general(app, typed); };
  const auto launch = [&](Command& app) { add_launch(app, typed); };
  words = pick_options(general, std::move(words));
  const std::vector<std::string> rest = pick_options(launch, words);
  if (!typed.kernel.empty()) {
    typed.launch.kernel = typed.kernel;
    constexpr std::uint64_t kUsualSeqlen = 512;
    if (typed.problem.seqlen == ProblemOptions::kAbsent) typed.problem.seqlen = kUsualSeqlen;
    typed.launch.problem = fields_of(typed.problem);
    typed.launch.br = extent("--br", typed.br), typed.launch.bc = extent("--bc", typed.bc);
    if (!question.arguments.empty())
      throw InvalidArgument("--", question.arguments[0],
                            "nothing beside --kernel, whose program has no arguments of yours");
    question.launch = typed.launch;
  } else if (rest.size() != words.size()) {
    throw InvalidArgument("--kernel", "nothing",
                          "a kernel's name beside options of its problem (attnlab list kernels)");
  }
  if (question.memory && !question.sandbox)
    throw InvalidArgument("--memory", std::to_string(*question.memory >> 30), "--sandbox beside it");
  constexpr const char* kSandboxSeconds = "60";
  if (question.sandbox && !question.timeout) question.timeout = kSandboxSeconds;
  if (!typed.ideal.empty()) question.ideal = ideal_of(typed.ideal);
  question.compile = rest;
  return question;
}

InvalidArgument as_emulate_options(const InvalidArgument& refusal) {
  Typed typed;
  InvalidArgument result = refusal;
  const auto define = [&](Command& app) { add_general(app, typed), add_launch(app, typed); };
  with_options(define, [&](const Command& command) {
    result = {argument_as_option(command, refusal.argument()), refusal.value(),
              fields_as_options(command, refusal.expected())};
  });
  return result;
}

std::string emulate_help() {
  Typed typed;
  return R"(
attnlab emulate FILE.cu [OPTIONS] [-- ARGUMENTS OF THE PROGRAM]
attnlab emulate --kernel NAME [FILE.cu] [OPTIONS]

  -I, -D, ...                 As attnlab cc
  --json [FILE.json]          Counters and findings as JSON, to a file; without one to stdout, the program's own
                              output then goes to stderr and the text is left out
)" + options_text([&](Command& app) { add_general(app, typed); }) +
         R"(
With --kernel: one launch on random numbers, compiled from the kernel's file (or from yours, an edited copy of it) with
the tiles that you ask for. Its problem; for softmax --heads rows of --seqlen numbers, else [--seqlen 512]:
)" + options_text([&](Command& app) { add_launch(app, typed); }) +
         R"(
The exit code is the program's own; if that is 0, 1 with findings, else 0.

)" + legend_text(emulator::terms()) +
         R"(
  attnlab emulate softmax.cu -I include --html report.html -- 1024
  attnlab emulate --kernel flash2-04 --seqlen 512 --dim 64 --causal --br 32 --bc 64 --check --html report.html)";
}

}  // namespace attnlab::cli
