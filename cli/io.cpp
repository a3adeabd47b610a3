// attnlab io: what an algorithm moves between HBM and SRAM, in closed form and metered.
#include "answers/io.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/io_report.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"
#include "cli/refusal.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::dump;
using answers::IoAnswer;
using answers::IoChoices;
using answers::IoQuestion;
using answers::Share;

namespace {

struct Options {
  ProblemOptions problem;
  IoChoices choices;
  std::string dtype = "fp16", algorithm = "flash2";
  std::uint64_t sram = 0, br = 0, bc = 0, kv_lora_rank = 512, rope_dim = 64;
  Share density{1, 1};
  bool json = false;
};

void run(Options& o) {
  IoQuestion question;
  question.algorithm = o.algorithm;
  question.dtype = parse_dtype(o.dtype);
  question.choices = o.choices;
  question.sram_bytes = o.sram;
  question.tiles = {extent("--br", o.br), extent("--bc", o.bc)};
  question.density = o.density.value();
  question.kv_lora_rank = extent("--kv-lora-rank", o.kv_lora_rank);
  question.rope_dim = extent("--rope-dim", o.rope_dim);
  question.problem = problem_of(fields_of(o.problem));
  const IoAnswer result = answer(question);
  const std::string text = o.json ? dump(to_json(question, result)) : to_text(question, result);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_io(CLI::App& app) {
  CLI::App* io =
      app.add_subcommand("io", "HBM traffic, SRAM and FLOPs of an algorithm: closed form and metered");
  const auto o = std::make_shared<Options>();
  io->add_option("--algorithm", o->algorithm, "One of attnlab list")->capture_default_str();
  add_size_options(*io, o->problem);
  io->add_option("--dtype", o->dtype, "Of Q, K, V: fp32, fp16, bf16, fp8")->capture_default_str();
  io->add_option("--pass", o->choices.pass, "forward, backward or both")->capture_default_str();
  add_mask_options(*io, o->problem);
  io->add_flag("--mask", o->choices.mask_pass,
               "Scores take a masking pass, its mask computed and not stored");
  io->add_flag("--boolean-mask", o->choices.boolean_mask,
               "A mask of a byte a score in HBM, the same for every head");
  io->add_flag("--bias", o->choices.bias, "An additive bias in HBM, the same for every head");
  io->add_option("--device", o->choices.device,
                 "Its SRAM and its roofline: a name of attnlab list, or a file")
      ->capture_default_str();
  add_bytes(*io, "--sram", o->sram, "Bytes of SRAM [the device's L1 and shared memory of an SM]", 1);
  add_count(*io, "--br", o->br, "Rows of a tile [the paper's rule]", 1);
  add_count(*io, "--bc", o->bc, "Columns of a tile [the paper's rule]", 1);
  add_share(*io, "--density", o->density, "blocksparse: share of tiles that exist, drawn at random [1]");
  add_count(*io, "--kv-lora-rank", o->kv_lora_rank, "mla-*: d_c, the latent of K and V [512]", 1);
  add_count(*io, "--rope-dim", o->rope_dim, "mla-*: d_R, the decoupled RoPE key [64]");
  io->add_flag("--json", o->json, "One JSON object");
  spell_fields(*io, {{"pass", "--pass"},
                     {"density", "--density"},
                     {"sram_bytes", "--sram"},
                     {"alibi", "--alibi"},
                     {"seqlen_q", "--seqlen-q"},
                     {"seqlen_kv", "--seqlen-kv"}});
  io->callback([o] { run(*o); });
}

}  // namespace attnlab::cli
