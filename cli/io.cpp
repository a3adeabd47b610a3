// attnlab io: what an algorithm moves between HBM and SRAM, in closed form and metered.
#include "answers/io.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "answers/random_blocks.h"
#include "answers/sweep.h"
#include "cli/command.h"
#include "cli/io_report.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"
#include "cli/table.h"
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
  std::uint64_t sram = 0, br = 0, bc = 0, kv_lora_rank = 512, rope_dim = 64, page_size = 0;
  Share density{1, 1};
  std::string sweep;
  bool json = false, csv = false;
};

// "; decode takes --seqlen-q 1 alone": what the algorithms' rows say of the lengths that they take.
std::string only_lengths() {
  std::string text;
  for (const io::Entry& entry : io::registry())
    if (entry.seqlen_q) text += fmt::format("; {} takes --seqlen-q {} alone", entry.name, *entry.seqlen_q);
  return text;
}

IoQuestion question_of(const Options& o) {
  const answers::ProblemFields fields = fields_of(o.problem);
  if (const io::Entry& entry = io::find(o.algorithm); entry.seqlen_q && !fields.seqlen_q && !fields.packed())
    throw InvalidArgument("seqlen_q", "nothing", fmt::format("{} with {}", *entry.seqlen_q, entry.name));
  IoQuestion question;
  question.algorithm = o.algorithm;
  question.dtype = parse_dtype(o.dtype);
  question.choices = o.choices;
  question.sram_bytes = o.sram;
  question.tiles = {extent("--br", o.br), extent("--bc", o.bc)};
  question.density = o.density.value();
  question.kv_lora_rank = extent("--kv-lora-rank", o.kv_lora_rank);
  question.rope_dim = extent("--rope-dim", o.rope_dim);
  question.problem = problem_of(fields);
  question.problem.page_size = o.page_size == 0 ? 0 : extent("--page-size", o.page_size);
  return question;
}

// The option that a field of --sweep stands for.
std::uint64_t& swept(Options& o, const std::string& field) {
  const std::pair<const char*, std::uint64_t*> fields[] = {{"seqlen", &o.problem.seqlen},
                                                           {"seqlen_q", &o.problem.seqlen_q},
                                                           {"seqlen_kv", &o.problem.seqlen_kv},
                                                           {"head_dim", &o.problem.dim},
                                                           {"batch", &o.problem.batch},
                                                           {"heads", &o.problem.heads},
                                                           {"br", &o.br},
                                                           {"bc", &o.bc},
                                                           {"page_size", &o.page_size},
                                                           {"sram", &o.sram}};
  std::string names;
  for (const auto& [name, option] : fields) {
    if (field == name) return *option;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw InvalidArgument("--sweep", field, "one of " + names);
}

// One row per value of --sweep.
std::string sweep(Options o) {
  const answers::Sweep sweep = answers::parse_sweep(o.sweep);
  std::uint64_t& option = swept(o, sweep.field);
  answers::Json list = answers::Json::array();
  Table table{{sweep.field, "hbm_read_bytes", "hbm_write_bytes", "hbm_bytes", "matrix_bytes", "metered_bytes",
               "sram_peak_elements", "flops", "time_roofline_us", "bound"},
              {}};
  for (const std::uint64_t value : sweep.values) {
    option = value;
    const IoQuestion question = question_of(o);
    const IoAnswer result = answer(question);
    if (o.json) list.push_back(to_json(question, result));
    const io::ElementSizes sizes(question.dtype);
    const io::Bytes closed = io::bytes(result.closed, sizes);
    table.rows.push_back(
        {std::to_string(value), io::to_string(closed.read), io::to_string(closed.written),
         io::to_string(closed.total()), io::to_string(io::matrix_bytes(result.closed, sizes).total()),
         result.metered ? io::to_string(io::bytes(*result.metered, sizes).total()) : "",
         io::to_string(result.closed.sram_peak), io::to_string(result.closed.flop(Flop::matmul)),
         fmt::format("{:.6g}", result.roofline.seconds() * 1e6),
         std::string(device::name(result.roofline.bound()))});
  }
  return o.json ? dump(list) : o.csv ? table.csv() : table.text();
}

void run(const Options& o) {
  std::string text;
  if (!o.sweep.empty()) {
    text = sweep(o);
  } else {
    const IoQuestion question = question_of(o);
    const IoAnswer result = answer(question);
    text = o.json ? dump(to_json(question, result)) : to_text(question, result);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_io(Command& app) {
  Command io = app.add_command("io", "HBM traffic, SRAM and FLOPs of an algorithm: closed form and metered");
  const auto o = std::make_shared<Options>();
  io.add_option("--algorithm", o->algorithm, "One of attnlab list" + only_lengths()).show_default();
  add_size_options(io, o->problem);
  io.add_option("--dtype", o->dtype, "Of Q, K, V: fp32, fp16, bf16, fp8").show_default();
  io.add_option("--pass", o->choices.pass, "forward, backward or both").show_default();
  add_mask_options(io, o->problem);
  io.add_flag("--mask", o->choices.mask_pass, "Scores take a masking pass, its mask computed and not stored");
  io.add_flag("--boolean-mask", o->choices.boolean_mask,
              "A mask of a byte a score in HBM, the same for every head");
  io.add_flag("--bias", o->choices.bias, "An additive bias in HBM, the same for every head");
  io.add_option("--device", o->choices.device, "Its SRAM and its roofline: a name of attnlab list, or a file")
      .show_default();
  add_bytes(io, "--sram", o->sram, "Bytes of SRAM [the device's L1 and shared memory of an SM]", 1);
  add_count(io, "--br", o->br, "Rows of a tile [the paper's rule]", 1);
  add_count(io, "--bc", o->bc, "Columns of a tile [the paper's rule]", 1);
  add_share(io, "--density", o->density,
            answers::block_mask_algorithms() + ": share of tiles that exist, drawn at random [1]");
  add_count(io, "--page-size", o->page_size,
            "K and V in pages of so many rows: the block table is read, too [in one piece]", 1);
  add_count(io, "--kv-lora-rank", o->kv_lora_rank, "mla-*: d_c, the latent of K and V [512]", 1);
  add_count(io, "--rope-dim", o->rope_dim, "mla-*: d_R, the decoupled RoPE key [64]");
  Option sweep =
      io.add_option(
            "--sweep", o->sweep,
            "One row per value of a size: seqlen=1k..64k doubles, seqlen=1k..8k..+1k adds; sizes are seqlen, "
            "seqlen_q, seqlen_kv, head_dim, batch, heads, br, bc, page_size, sram")
          .type_name("FIELD=FIRST..LAST");
  Option json = io.add_flag("--json", o->json, "One JSON object; with --sweep an array of them");
  io.add_flag("--csv", o->csv, "Of --sweep, with a header line").needs(sweep).excludes(json);
  io.callback([o] { run(*o); });
}

}  // namespace attnlab::cli
