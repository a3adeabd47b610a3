// attnlab run: attention on real tensors.
#include "answers/run.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "answers/random_blocks.h"
#include "cli/command.h"
#include "cli/estimated_progress.h"
#include "cli/field_options.h"
#include "cli/long_work.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"
#include "cli/run_report.h"
#include "files/tensor_file.h"
#include "os/output_file.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::dump;
using answers::read_inputs;
using answers::Role;
using answers::RunAnswer;
using answers::RunInputs;
using answers::RunQuestion;
using answers::RunSources;
using answers::Share;

namespace {

struct Options {
  RunSources sources;
  ProblemOptions problem;
  std::string algorithm = "flash2", precision;
  std::uint64_t br = 0, bc = 0, threads = 0;
  std::optional<std::uint64_t> check;
  Share density{1, 1};
  std::string out, lse, dq, dk, dv;
  bool json = false;
  LongWork work;
};

RunQuestion question_of(const Options& o) {
  RunQuestion question;
  question.algorithm = &attention::find_algorithm(o.algorithm);
  question.backward = o.sources.backward;
  question.tiles = {extent("--br", o.br), extent("--bc", o.bc)};
  question.density = o.density.value();
  constexpr std::uint64_t kMostThreads = 1024;
  if (o.threads > kMostThreads) {
    throw InvalidArgument("--threads", std::to_string(o.threads), fmt::format("at most {}", kMostThreads));
  }
  question.threads = static_cast<int>(o.threads);
  if (o.check) question.check_heads = static_cast<Index>(std::min<std::uint64_t>(*o.check, INT64_MAX));
  if (!o.precision.empty() && o.precision != "float" && o.precision != "double") {
    throw InvalidArgument("--precision", o.precision, "float or double");
  }
  return question;
}

// Sizes belong to random tensors: files have their own.
void refuse_sizes_beside_files(const Command& app, const RunSources& sources) {
  if (sources.random()) return;
  std::string given;
  for (const char* option : {"--input", "--q", "--k", "--v"})
    if (given.empty() && app.given(option)) given = option;
  for (const char* option : {"--batch", "--heads", "--kv-heads", "--seqlen", "--seqlen-q", "--seqlen-kv",
                             "--dim", "--dim-v", "--seed"}) {
    if (app.given(option)) {
      throw InvalidArgument(option, app.typed(option).front(),
                            "nothing beside tensors from files (" + given + "), whose shapes say it");
    }
  }
}

// Refuses before work starts what could not be written after it.
void check_outputs(const Options& o) {
  const os::NamedFile outputs[] = {
      {"--out", o.out}, {"--lse", o.lse}, {"--dq", o.dq}, {"--dk", o.dk}, {"--dv", o.dv}};
  for (const os::NamedFile& output : outputs) {
    if (!output.path.empty()) files::format_of(output.path);
  }
  os::check_outputs(outputs, o.sources.named_files());
}

std::vector<std::string> write_outputs(const Options& o, const RunAnswer& result) {
  std::vector<std::string> written;
  const auto write = [&](const std::string& path, const files::Tensor& tensor) {
    if (path.empty()) return;
    files::write(path, std::span(&tensor, 1));
    written.push_back(path);
  };
  write(o.out, result.o);
  write(o.lse, result.lse);
  if (result.dq) write(o.dq, *result.dq);
  if (result.dk) write(o.dk, *result.dk);
  if (result.dv) write(o.dv, *result.dv);
  return written;
}

void run(const Options& o, const Command& app) {
  RunQuestion question = question_of(o);
  refuse_sizes_beside_files(app, o.sources);
  check_outputs(o);
  std::optional<EstimatedProgress> bar;
  const auto accept = [&](const attention::Problem& problem, DType dtype) {
    question.in_double = o.precision.empty() ? dtype == DType::f64 : o.precision == "double";
    validate(question, problem, dtype);
    const answers::Work work = work_of(question, problem, dtype);
    o.work.permit(work);
    bar.emplace("run", work.seconds);
  };
  const RunInputs inputs = read_inputs(o.sources, fields_of(o.problem), accept);
  const RunAnswer result = answer(question, inputs);
  bar.reset();
  const std::vector<std::string> written = write_outputs(o, result);
  const std::string text =
      o.json ? dump(to_json(question, inputs, result, written)) : to_text(question, inputs, result, written);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void add_inputs(Command& run, Options& o) {
  RunSources& s = o.sources;
  Option input = run.add_option(
      "--input", s.input, "A .safetensors or .npz file with q, k, v, and if wanted mask, bias, dout, o");
  for (const Role role : {Role::q, Role::k, Role::v}) {
    run.add_option(option_like(info(role).name), s.file(role), "Or a file a tensor (.npy)").excludes(input);
  }
  run.add_option(
      "--layout", s.layout,
      "bhsd, [batch, heads, seqlen, dim], or bshd, [batch, seqlen, heads, dim]; 3 dimensions are one "
      "sequence, 2 one head [bhsd]. With --cu-seqlens-*: [total, heads, dim]");
  run.add_option("--mask", s.file(Role::mask),
                 "A file of bool or integers, 0 where a key is hidden, that broadcasts to [batch, heads, "
                 "seqlen_q, seqlen_kv]");
  run.add_option("--bias", s.file(Role::bias),
                 "A file of numbers added to the scores, broadcast like a mask");
  run.add_option("--dtype", s.dtype,
                 "Of random tensors [fp16]; of bf16 and fp8 arrays that a .npy leaves untyped");
  add_count(run, "--seed", s.seed,
            "Of random tensors, N(0, 1): without files, drawn for the sizes below [0]");
}

void add_outputs(Command& run, Options& o) {
  run.add_option("--out", o.out, "Writes O in the type and layout of q: .npy, .npz or .safetensors");
  run.add_option("--lse", o.lse,
                 "Writes the log-sum-exp, fp32 or (in double) fp64: [batch, heads, seqlen_q]");
  Option backward = run.add_flag("--backward", o.sources.backward, "Gradients of q, k, v too, from dout");
  run.add_option("--dout", o.sources.file(Role::dout), "The gradient of O, shaped as O").needs(backward);
  for (const auto& [option, path] : {std::pair{"--dq", &o.dq}, {"--dk", &o.dk}, {"--dv", &o.dv}})
    run.add_option(option, *path, "Writes that gradient").needs(backward);
}

}  // namespace

void add_run(Command& app) {
  Command command = app.add_command("run", "Attention on tensors from files, or on random ones");
  const auto o = std::make_shared<Options>();
  command.add_option("--algorithm", o->algorithm, "One of attnlab list").show_default();
  add_inputs(command, *o);
  add_size_options(command, o->problem);
  add_mask_options(command, o->problem);
  add_outputs(command, *o);
  command.add_option("--precision", o->precision,
                     "Computes in float or double [double for fp64 tensors, else float]");
  add_count(command, "--br", o->br,
            "Rows of a tile [what suits the CPU; " + answers::block_mask_algorithms() + " 64]", 1);
  add_count(command, "--bc", o->bc, "Columns of a tile", 1);
  add_share(command, "--density", o->density,
            answers::block_mask_algorithms() + ": share of tiles that exist, drawn at random [1]");
  add_count(command, "--threads", o->threads, "Threads over heads [one a core]");
  add_count(command, "--check",
            "Heads compared with standard attention in float64 [as many as a few seconds allow]; 0: none", 0,
            [o](std::uint64_t heads) { o->check = heads; });
  command.add_flag("--json", o->json, "One JSON object");
  o->work.add_option(command);
  command.callback([o, command] { run(*o, command); });
}

}  // namespace attnlab::cli
