// attnlab battery: a kernel, as a program or one of ours, against the oracle's battery.
#include "answers/kernels/battery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/declaration_options.h"
#include "cli/long_work.h"
#include "cli/problem_options.h"
#include "cli/progress.h"
#include "cli/quantity_options.h"
#include "cli/shell_quoted.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::BatteryAnswer;
using answers::BatteryQuestion;

namespace {

struct Options {
  BatteryQuestion question;
  std::string dtypes, head_dims, page_sizes;
  bool no_causal = false, no_gqa = false, no_cross = false, no_empty = false, no_lse = false,
       no_scale = false, no_hidden_nan = false, no_shrink = false, json = false;
  bool window = false, softcap = false, alibi = false, dropout = false, padding = false, packed = false,
       dim_v = false, mask = false, bias = false, sinks = false, backward = false, huge = false;
  LongWork work;
  std::uint64_t max_seqlen = 0, seed = 0, resume = 0, cases = 0, stop_after = 3, threads = 0;
};

std::vector<std::string> comma_separated(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

oracle::Schema schema_of(const Options& o) {
  oracle::Schema s = answers::usual_schema(o.question.kernel, o.question.backend);
  if (!o.dtypes.empty()) {
    s.dtypes.clear();
    for (const std::string& part : comma_separated(o.dtypes)) {
      const DType dtype = parse_dtype(part);
      if (!is_float(dtype)) throw InvalidArgument("--dtype", part, "a floating-point type");
      s.dtypes.push_back(dtype);
    }
  }
  if (!o.head_dims.empty()) s.head_dims = parse_list("--head-dim", o.head_dims);
  if (!o.page_sizes.empty()) s.page_sizes = parse_list("--page-size", o.page_sizes);
  if (o.max_seqlen != 0) s.max_seqlen = extent("--max-seqlen", o.max_seqlen);
  s.causal &= !o.no_causal, s.gqa &= !o.no_gqa, s.cross &= !o.no_cross, s.empty &= !o.no_empty;
  s.lse &= !o.no_lse, s.scale &= !o.no_scale, s.hidden_nan &= !o.no_hidden_nan;
  s.window |= o.window, s.softcap |= o.softcap, s.alibi |= o.alibi, s.dropout |= o.dropout;
  s.padding |= o.padding, s.packed |= o.packed, s.dim_v |= o.dim_v, s.mask |= o.mask, s.bias |= o.bias,
      s.sinks |= o.sinks, s.backward |= o.backward, s.huge |= o.huge;
  return s;
}

// This command as it was typed, for one case alone.
std::string reproduction(Index index) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text, word;
  bool skip = false, first = true;
  while (std::getline(file, word, '\0')) {
    const std::string option = word.substr(0, word.find('='));
    const bool valued = option == "--resume" || option == "--cases" || option == "--keep";
    if (skip) {
      skip = false;
    } else if (valued || option == "--json") {
      skip = valued && word.find('=') == std::string::npos;
    } else {
      text += (text.empty() ? "" : " ") + (first ? std::string("attnlab") : shell_quoted(word));
    }
    first = false;
  }
  return fmt::format("{} --resume {} --cases {}", text, index, index + 1);
}

void set_options(const Options& o, oracle::BatteryOptions& options) {
  constexpr std::uint64_t kMost = 1 << 30, kMostThreads = 1024;
  options.schema = schema_of(o);
  options.seed = o.seed;
  for (const auto& [option, value] :
       {std::pair{"--cases", o.cases}, {"--resume", o.resume}, {"--stop-after", o.stop_after}})
    if (value > kMost) throw InvalidArgument(option, std::to_string(value), fmt::format("at most {}", kMost));
  options.cases = static_cast<Index>(o.cases);
  options.first_case = static_cast<Index>(o.resume);
  options.stop_after = static_cast<int>(o.stop_after);
  options.shrink = !o.no_shrink;
  if (o.threads > kMostThreads) throw InvalidArgument("--threads", std::to_string(o.threads), "at most 1024");
  options.threads = static_cast<int>(o.threads);
}

BatteryAnswer answer_with_progress(BatteryQuestion& question) {
  Progress progress(question.kernel.empty() ? "battery" : question.kernel);
  question.options.progress = [&](Index done, Index total, int) {
    progress.show(static_cast<double>(done) / static_cast<double>(total));
  };
  return answer(question);
}

std::string text_of(const BatteryAnswer& result) {
  std::string text = to_text(result.report);
  for (const oracle::CaseFailure& failure : result.report.failures) {
    text += fmt::format("  case {} alone: {}\n", failure.index, reproduction(failure.index));
  }
  for (const answers::KeptCase& kept : result.kept) {
    text += fmt::format("  case {} is kept in {}; its last call again: {}\n", kept.index, kept.folder,
                        kept.command);
  }
  return text;
}

void run(Options& o) {
  set_options(o, o.question.options);
  o.work.permit(work_of(o.question));
  const BatteryAnswer result = answer_with_progress(o.question);
  const std::string text = o.json ? to_json(result.report) : text_of(result);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!result.report.right) throw Exit{1};
}

void add_schema(Command& app, Options& o) {
  app.add_option("--dtype", o.dtypes,
                 "Types of the inputs, separated by commas [fp32; --kernel: fp16,bf16,fp32]");
  app.add_option("--head-dim", o.head_dims, "Head dims, separated by commas [64]");
  app.add_option(
      "--real", o.question.real,
      "A file with q, k and v of a model, [batch, heads, seqlen, dim], for the profile 'real' [layer 0 "
      "of a MiniLM]");
  add_count(app, "--max-seqlen", o.max_seqlen, "The longest sequence [1040; on the emulator 130]", 1);
  app.add_flag("--backward", o.backward, "Gradients, too");
  app.add_flag("--window", o.window, "Sliding windows, too");
  app.add_flag("--softcap", o.softcap, "Softcap, too");
  app.add_flag("--alibi", o.alibi, "ALiBi, too");
  app.add_flag("--dropout", o.dropout, "Dropout, too, by the rule of docs/semantics.md");
  app.add_flag("--padding", o.padding, "Padded sequences, too (q_lens, kv_lens)");
  app.add_flag("--packed", o.packed, "Packed sequences, too (cu_seqlens)");
  app.add_option("--page-size", o.page_sizes,
                 "Paged caches, too, of so many rows a page; several separated by commas");
  app.add_flag("--dim-v", o.dim_v, "Values of another head dim, too");
  app.add_flag("--mask", o.mask, "Boolean masks, too");
  app.add_flag("--bias", o.bias, "Additive biases, too");
  app.add_flag("--sinks", o.sinks, "Attention sinks, too");
  app.add_flag("--huge", o.huge, "Tensors of more than 2^31 elements, too: 9 GB in 16-bit types");
  app.add_flag("--no-causal", o.no_causal, "No causal masks");
  app.add_flag("--no-gqa", o.no_gqa, "As many heads of K and V as of Q");
  app.add_flag("--no-cross", o.no_cross, "As many keys as queries");
  app.add_flag("--no-empty", o.no_empty, "No sequences of length 0");
  app.add_flag("--no-lse", o.no_lse, "The kernel returns no lse");
  app.add_flag("--no-scale", o.no_scale, "The softmax scale is 1 / sqrt(head_dim)");
  app.add_flag("--no-hidden-nan", o.no_hidden_nan, "NaN behind a causal mask or a window may spread");
}

}  // namespace

void add_battery(Command& app) {
  Command command = app.add_command(
      "battery", "Is a kernel right? Hundreds of problems around everything that breaks kernels");
  const auto o = std::make_shared<Options>();
  command.add_option(
      "--cmd", o->question.cmd,
      "A program: './my_kernel {dir}' reads a call from the folder {dir} and writes its outputs "
      "there (docs/battery.md); exit code 3 declines a problem. No shell is involved");
  command.add_option("--kernel", o->question.kernel, "Or one of ours, such as flash2-04 (attnlab list)");
  command.add_option("--backend", o->question.backend,
                     "Of --kernel: emulator or gpu [gpu where there is one]");
  command.add_option("--layout", o->question.layout, "Of --cmd's files: bhsd or bshd").show_default();
  add_schema(command, *o);
  add_declaration_options(command, o->question.declared);
  add_count(command, "--seed", o->seed, "Of the numbers and of the random cases [0]");
  command.add_option("--time", o->question.options.time_limit_s,
                     "Seconds after which no further case is begun [60]");
  command.add_option("--call-time", o->question.call_time, "Seconds that a call of --cmd may take [60]");
  add_count(command, "--resume", o->resume, "The first case [0]");
  add_count(command, "--cases", o->cases, "Where to stop; beyond the plan, cases are random [the plan]", 1);
  add_count(command, "--stop-after", o->stop_after, "Failures [3]", 1);
  command.add_flag("--no-shrink", o->no_shrink, "Does not look for the smallest problem that fails");
  command.add_option("--keep", o->question.keep, "A folder that keeps the files of failing cases of --cmd");
  add_count(command, "--threads", o->threads, "Threads of the oracle [one a core]");
  command.add_flag("--json", o->json, "One JSON object");
  o->work.add_option(command);
  command.footer("Exit code 0: right; 1: wrong, or nothing was run; 2: bad input.");
  command.callback([o] { run(*o); });
}

}  // namespace attnlab::cli
