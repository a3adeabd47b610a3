// attnlab battery: a kernel, as a program or one of ours, against the oracle's battery.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include "answers/battery_folder.h"
#include "answers/battery_process.h"
#include "answers/kernels/rungs.h"
#include "cli/command.h"
#include "cli/problem_options.h"
#include "cli/progress.h"
#include "cli/quantity_options.h"
#include "cli/refusal.h"
#include "files/tensor_file.h"
#include "oracle/battery/plan.h"
#include "oracle/battery/run_case.h"
#include "oracle/declaration.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/translate/process.h"

namespace attnlab::cli {

using answers::backend_of;
using answers::folder_kernel;
using answers::FolderKernelOptions;
using answers::Interrupted;
using answers::InterruptGuard;
using answers::require_program;
using answers::require_uninterrupted;
using answers::rung_class;
using answers::rung_kernel;
using answers::rung_schema;
using answers::split_command;

namespace {

namespace fs = std::filesystem;
using emulator::translate::TemporaryDirectory;

struct Options {
  std::string command, kernel, backend, layout = "bhsd", dtypes, head_dims, page_sizes, real, keep;
  bool no_causal = false, no_gqa = false, no_cross = false, no_empty = false, no_lse = false,
       no_scale = false, no_hidden_nan = false, no_shrink = false, json = false;
  bool window = false, softcap = false, alibi = false, dropout = false, padding = false, packed = false,
       dim_v = false, mask = false, bias = false, sinks = false, backward = false, huge = false;
  std::uint64_t max_seqlen = 0, seed = 0, resume = 0, cases = 0, stop_after = 3, threads = 0;
  double time = 60, call_time = 60;
  oracle::Declaration declared;
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

void require_seconds(const char* option, double seconds) {
  constexpr double kMost = 1e7;
  if (!(seconds > 0 && seconds <= kMost)) {
    throw InvalidArgument(option, fmt::format("{}", seconds), "seconds, more than 0 and at most 1e7");
  }
}

oracle::Schema schema_of(const Options& o, std::optional<cuda::Backend> backend) {
  oracle::Schema s;
  if (backend) s = rung_schema(*backend, o.kernel);
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
  if (!o.command.empty()) s.strides = false;  // files are contiguous
  return s;
}

// Tensors q, k and v of a model, [batch, heads, seqlen, dim], of a file: the first batch entry.
oracle::Activations activations_in(const fs::path& path) {
  const auto file = files::open(path);
  const std::vector<Index> shape = file->info("q").shape;
  if (shape.size() != 4 || *std::min_element(shape.begin(), shape.end()) < 1) {
    throw FileError(path, fmt::format("q has the shape {}, expected [batch, heads, seqlen, dim]",
                                      files::shape_text(shape)));
  }
  oracle::Activations a{path.stem().string(), 1, shape[1], shape[2], shape[3], {}, {}, {}};
  for (const auto& [name, values] : {std::pair{"q", &a.q}, {"k", &a.k}, {"v", &a.v}}) {
    const files::Tensor tensor = file->load(name);
    if (tensor.shape != shape) {
      throw FileError(path, fmt::format("{} has the shape {}, expected q's, {}", name,
                                        files::shape_text(tensor.shape), files::shape_text(shape)));
    }
    *values = tensor.to_float();
    values->resize(static_cast<std::size_t>(a.heads * a.rows * a.dim));
  }
  return a;
}

// Those of the file that was asked for, or of a trained model where the data files are. Of the latter's two
// sequences the second is mostly padding: only the first is used.
std::optional<oracle::Activations> activations(const std::string& asked_for) {
  if (!asked_for.empty()) return activations_in(asked_for);
  try {
    return activations_in(data_dir("experiments/real_attention") / "minilm_layer0.safetensors");
  } catch (const FileError&) {
    return {};
  }
}

std::string shell_quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\$&|;<>(){}*?[]#~`!") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
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

// Runs each failing case again with its folders kept: <keep>/case-<index>/call-<n>. The last folder is the
// one that failed.
std::string keep_failures(const Options& o, const FolderKernelOptions& program,
                          const oracle::BatteryOptions& options, const oracle::BatteryReport& report) {
  std::string text;
  const auto planned = oracle::planned_cases(options.schema, options.seed, options.activations);
  for (const oracle::CaseFailure& failure : report.failures) {
    const auto n = static_cast<std::size_t>(failure.index);
    const oracle::Case c = n < planned.size() ? planned[n]
                                              : oracle::random_case(options.schema, options.seed,
                                                                    options.activations, failure.index);
    const fs::path folder = fs::absolute(o.keep) / fmt::format("case-{}", failure.index);
    fs::remove_all(folder);
    const oracle::KernelClass kernel_class =
        options.kernel_class ? *options.kernel_class : oracle::usual_class(c.dtype);
    oracle::run_case(folder_kernel(program, folder, true), c, kernel_class, options.threads, false);
    int calls = 0;
    while (fs::exists(folder / fmt::format("call-{}", calls + 1))) ++calls;
    std::string command = o.command;
    for (std::size_t at = command.find("{dir}"); at != std::string::npos; at = command.find("{dir}"))
      command.replace(at, 5, (folder / fmt::format("call-{}", calls)).string());
    text += fmt::format("  case {} is kept in {}; its last call again: {}\n", failure.index, folder.string(),
                        command);
  }
  return text;
}

void require_writable(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(folder, "cannot be made: " + error.message());
}

oracle::BatteryOptions battery_options(const Options& o, std::optional<cuda::Backend> backend) {
  constexpr std::uint64_t kMost = 1 << 30, kMostThreads = 1024;
  oracle::BatteryOptions options;
  options.schema = schema_of(o, backend);
  options.seed = o.seed;
  options.time_limit_s = o.time;
  options.cases = static_cast<Index>(std::min(o.cases, kMost));
  options.first_case = static_cast<Index>(std::min(o.resume, kMost));
  options.stop_after = static_cast<int>(std::min(o.stop_after, kMost));
  options.shrink = !o.no_shrink;
  if (o.threads > kMostThreads) throw InvalidArgument("--threads", std::to_string(o.threads), "at most 1024");
  options.threads = static_cast<int>(o.threads);
  if (backend) options.kernel_class = rung_class();
  if (!o.declared.accumulate.empty() || !o.declared.p.empty() || !o.declared.operands.empty()) {
    if (options.schema.dtypes.size() != 1) {
      throw InvalidArgument("--dtype", o.dtypes.empty() ? "several" : o.dtypes,
                            "one type where --accumulate, --p-dtype or --operands declare its arithmetic");
    }
    options.kernel_class = oracle::declared_class(options.schema.dtypes[0], o.declared, "--", '-');
  }
  return options;
}

void run(const Options& o) {
  if (o.command.empty() == o.kernel.empty()) {
    throw InvalidArgument("--cmd, --kernel", o.command.empty() ? "neither" : "both", "one of them");
  }
  if (!o.command.empty() && o.command.find("{dir}") == std::string::npos)
    throw InvalidArgument("--cmd", o.command, "{dir} where the folder of a call goes");
  if (!o.keep.empty() && o.command.empty()) throw InvalidArgument("--keep", o.keep, "nothing without --cmd");
  if (o.layout != "bhsd" && o.layout != "bshd") throw InvalidArgument("--layout", o.layout, "bhsd or bshd");
  require_seconds("--time", o.time), require_seconds("--call-time", o.call_time);

  std::optional<cuda::Backend> backend;
  if (!o.kernel.empty()) backend = backend_of("backend", o.backend);
  oracle::BatteryOptions options = battery_options(o, backend);
  const std::optional<oracle::Activations> real = activations(o.real);
  if (real) options.activations = &*real;

  FolderKernelOptions program;
  const TemporaryDirectory work;
  oracle::Kernel kernel;
  if (backend) {
    kernel = rung_kernel(*backend, o.kernel);
  } else {
    program = {split_command("cmd", o.command), o.layout == "bshd", o.call_time};
    require_program(program.words[0]);
    kernel = folder_kernel(program, work.path(), false);
  }
  if (!o.keep.empty()) require_writable(o.keep);

  const InterruptGuard guard;
  std::string text;
  oracle::BatteryReport report;
  try {
    {
      Progress progress(o.kernel.empty() ? "battery" : o.kernel);
      options.progress = [&](Index done, Index total, int) {
        require_uninterrupted();
        progress.show(static_cast<double>(done) / static_cast<double>(total));
      };
      report = oracle::battery(kernel, options);
    }
    text = o.json ? to_json(report) : to_text(report);
    if (!o.json) {
      for (const oracle::CaseFailure& failure : report.failures)
        text += fmt::format("  case {} alone: {}\n", failure.index, reproduction(failure.index));
    }
    if (!o.keep.empty()) {
      const std::string kept = keep_failures(o, program, options, report);
      if (!o.json) text += kept;
    }
  } catch (const Interrupted& interrupt) {
    throw CLI::RuntimeError(128 + interrupt.signal);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!report.right) throw CLI::RuntimeError(1);
}

void add_schema(CLI::App& app, Options& o) {
  app.add_option("--dtype", o.dtypes,
                 "Types of the inputs, separated by commas [fp32; --kernel: fp16,bf16,fp32]");
  app.add_option("--head-dim", o.head_dims, "Head dims, separated by commas [64]");
  app.add_option(
      "--real", o.real,
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

void add_arithmetic(CLI::App& app, Options& o) {
  app.add_option("--accumulate", o.declared.accumulate, "Type of products and sums [fp32; fp64 for fp64]");
  app.add_option("--p-dtype", o.declared.p,
                 "Type that P and dS are rounded to [that of q; fp8: e4m3 times 256]");
  app.add_option("--operands", o.declared.operands, "Type that Q, K, V and dO are rounded to, such as tf32");
}

}  // namespace

void add_battery(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "battery", "Is a kernel right? Hundreds of problems around everything that breaks kernels");
  const auto o = std::make_shared<Options>();
  command->add_option(
      "--cmd", o->command,
      "A program: './my_kernel {dir}' reads a call from the folder {dir} and writes its outputs "
      "there (docs/battery.md); exit code 3 declines a problem. No shell is involved");
  command->add_option("--kernel", o->kernel, "Or one of ours, such as flash2-04 (attnlab list)");
  command->add_option("--backend", o->backend, "Of --kernel: emulator or gpu [gpu where there is one]");
  command->add_option("--layout", o->layout, "Of --cmd's files: bhsd or bshd")->capture_default_str();
  add_schema(*command, *o);
  add_arithmetic(*command, *o);
  add_count(*command, "--seed", o->seed, "Of the numbers and of the random cases [0]");
  command->add_option("--time", o->time, "Seconds after which no further case is begun [60]");
  command->add_option("--call-time", o->call_time, "Seconds that a call of --cmd may take [60]");
  add_count(*command, "--resume", o->resume, "The first case [0]");
  add_count(*command, "--cases", o->cases, "Where to stop; beyond the plan, cases are random [the plan]");
  add_count(*command, "--stop-after", o->stop_after, "Failures [3]", 1);
  command->add_flag("--no-shrink", o->no_shrink, "Does not look for the smallest problem that fails");
  command->add_option("--keep", o->keep, "A folder that keeps the files of failing cases of --cmd");
  add_count(*command, "--threads", o->threads, "Threads of the oracle [one a core]");
  command->add_flag("--json", o->json, "One JSON object");
  command->footer("Exit code 0: right; 1: wrong, or nothing was run; 2: bad input.");
  spell_fields(*command, {{"kernel", "--kernel"}, {"backend", "--backend"}, {"cmd", "--cmd"}});
  command->callback([o] { run(*o); });
}

}  // namespace attnlab::cli
