// attnlab check: is what a kernel wrote right?
#include "oracle/check.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>

#include "cli/check_report.h"
#include "cli/command.h"
#include "cli/declaration_options.h"
#include "cli/estimated_progress.h"
#include "cli/field_options.h"
#include "cli/legend.h"
#include "cli/long_work.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"
#include "cuda/golden/golden.h"
#include "os/output_file.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::CheckAnswer;
using answers::CheckSources;
using answers::dump;
using answers::kRoles;
using answers::Role;
using answers::RoleInfo;

namespace {

struct Options {
  answers::CheckQuestion question;
  ProblemOptions problem;
  std::string rows = "all", golden = "auto", rules, picture = "auto", html;
  std::uint64_t threads = 0, seed = 0;
  bool no_diagnosis = false, json = false;
  LongWork work;
};

void apply_options(const Options& o, oracle::CheckOptions& options) {
  options.rows = oracle::RowChoice::parse(o.rows);
  options.rows.seed = o.seed;
  constexpr std::uint64_t kMostThreads = 1024;
  if (o.threads > kMostThreads) {
    throw InvalidArgument("--threads", std::to_string(o.threads), fmt::format("at most {}", kMostThreads));
  }
  options.threads = static_cast<int>(o.threads);
  options.golden = cuda::golden_source(o.golden, "--golden");
  options.diagnose = !o.no_diagnosis;
  if (!o.rules.empty() && o.rules != "all") throw InvalidArgument("--rules", o.rules, "all");
  options.rules = !o.rules.empty();
}

// What was compared, for a title.
std::string title(const CheckSources& s) {
  const std::string& out = s.file(Role::o);
  return out.empty() ? s.input : out;
}

void run(Options& o) {
  answers::CheckQuestion& question = o.question;
  apply_options(o, question.options);
  const Screen show = screen("--picture", o.picture);
  os::check_outputs(std::array{os::NamedFile{"--html", o.html}}, question.sources.named_files());
  question.problem = fields_of(o.problem);
  std::optional<EstimatedProgress> bar;
  question.accept = [&](const answers::Work& work) {
    o.work.permit(work);
    bar.emplace("check", work.seconds);
  };
  const CheckAnswer result = answer(question);
  bar.reset();
  if (!o.html.empty()) os::write_file(o.html, to_html(result, title(question.sources)));
  const std::string text = o.json ? dump(to_json(result)) : to_text(result, show);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!result.verdict.right) throw Exit{1};
}

// The output o is --out, the others have their own names.
std::string option_of(const RoleInfo& role) {
  return role.role == Role::o ? "--out" : option_like(role.name);
}

void add_tensors(Command& check, CheckSources& s) {
  check.add_option(
      "--input", s.input,
      "A .safetensors or .npz file with tensors q, k, v, o (or out), lse, dout, dq, dk, dv, mask, "
      "bias, block_table, q_scale, k_scale, v_scale, as many as there are");
  for (const RoleInfo& role : kRoles) check.add_option(option_of(role), s.file(role.role), role.what);
  check.add_option(
      "--layout", s.layout,
      "bhsd, [batch, heads, seqlen, dim], or bshd, [batch, seqlen, heads, dim]; 3 dimensions are "
      "one sequence, 2 one head [bhsd]. With --cu-seqlens-*: [total, heads, dim]");
  check.add_option("--page-layout", s.page_layout,
                   "Of pages: bshd, [pages, page size, heads, dim], or bhsd, [pages, heads, page size, dim] "
                   "[bshd]");
  check.add_option(
      "--dtype", s.dtype,
      "Of tensors that a .npy holds untyped or as uint16 or uint8: bf16, fp16, fp8_e4m3, fp8_e5m2");
  check.add_option("--kv-dtype", s.kv_dtype, "Of k and v, where it is another one");
  check.add_option("--out-dtype", s.out_dtype,
                   "Of out, dout, dq, dk, dv, where it is another one [beside fp8: "
                   "bf16]");
}

}  // namespace

void add_check(Command& app) {
  Command command = app.add_command("check", "Is the output of a kernel right? And if not, what is wrong?");
  command.footer("Exit code 0: right; 1: wrong; 2: not checked, with the reason on stderr.\n\n" +
                 legend_text(check_terms()));
  const auto o = std::make_shared<Options>();
  add_tensors(command, o->question.sources);
  add_mask_options(command, o->problem);
  add_declaration_options(command, o->question.declared);
  command.add_option("--rows", o->rows, "Rows of Q that are compared: all, or sample:COUNT per head")
      .show_default();
  add_count(command, "--seed", o->seed, "Of the sample [0]");
  command
      .add_option(
          "--golden", o->golden,
          "Who computes golden values: cpu, gpu, emulator, or auto: a GPU where there is one and the problem "
          "is large")
      .show_default();
  command.add_option("--rules", o->rules, "all: what the rules of other projects say of this output, too");
  command.add_flag("--no-diagnosis", o->no_diagnosis, "Does not look for the mistake");
  add_count(command, "--threads", o->threads, "[one a core]");
  command.add_option("--picture", o->picture, "Shades: auto (the locale's), unicode or ascii").show_default();
  command.add_option("--html", o->html, "Writes the verdict as a page, too");
  command.add_flag("--json", o->json, "One JSON object");
  o->work.add_option(command);
  command.callback([o] { run(*o); });
}

}  // namespace attnlab::cli
