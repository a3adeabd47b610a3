// attnlab traffic: what an algorithm's tiles move between SMs, L2 and DRAM, replayed through a model of the
// caches.
#include "answers/traffic.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/long_work.h"
#include "cli/problem_options.h"
#include "cli/progress.h"
#include "cli/quantity_options.h"
#include "cli/traffic_report.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::dump;
using answers::Share;
using answers::TrafficAnswer;
using answers::TrafficQuestion;

namespace {

struct Options {
  ProblemOptions problem;
  TrafficQuestion question;
  std::string dtype = "fp16";
  std::uint64_t br = 128, bc = 128;
  Share l2_fraction{0, 0};  // none given
  bool json = false;
  LongWork work;
};

// What the model keeps an entry of each: a GPU has far fewer.
constexpr std::uint64_t kMostSms = 1 << 12, kMostResidentBlocks = 1 << 10,
                        kMostL2Bytes = std::uint64_t{1} << 36;

void at_most(const char* option, std::uint64_t value, std::uint64_t most) {
  if (value > most) throw InvalidArgument(option, std::to_string(value), "at most " + std::to_string(most));
}

void run(Options& o) {
  TrafficQuestion& question = o.question;
  at_most("--sms", question.sms, kMostSms);
  at_most("--resident-blocks", question.resident_blocks, kMostResidentBlocks);
  at_most("--l2", question.l2_bytes, kMostL2Bytes);
  question.dtype = parse_dtype(o.dtype);
  question.tiles = {extent("--br", o.br), extent("--bc", o.bc)};
  question.problem = problem_of(fields_of(o.problem));

  if (o.l2_fraction.denominator != 0) {
    if (o.l2_fraction.numerator == 0) throw InvalidArgument("--l2-fraction", "0", "more than 0");
    question.l2_effective_fraction = o.l2_fraction.value();
  }
  o.work.permit(work_of(question));
  std::optional<Progress> bar;
  std::optional<io::Pass> shown;
  question.progress = [&](io::Pass pass, double share) {
    if (shown != pass) bar.emplace(std::string("traffic, ") + io::name(pass));
    shown = pass;
    bar->show(share);
  };
  const TrafficAnswer result = answer(question);
  bar.reset();
  const std::string text = o.json ? dump(to_json(question, result)) : to_text(question, result);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_traffic(Command& app) {
  Command traffic = app.add_command(
      "traffic", "Bytes between SMs, L2 and DRAM: an algorithm's tiles replayed through modelled caches");
  const auto o = std::make_shared<Options>();
  TrafficQuestion& q = o->question;
  traffic.add_option("--algorithm", q.algorithm, "One of attnlab list that traffic knows; naive is standard")
      .show_default();
  add_size_options(traffic, o->problem);
  traffic.add_option("--dtype", o->dtype, "Of Q, K, V: fp32, fp16, bf16, fp8").show_default();
  traffic.add_option("--pass", q.pass, "forward, backward or both").show_default();
  add_mask_options(traffic, o->problem);
  add_count(traffic, "--br", o->br, "Rows of a tile [128]", 1);
  add_count(traffic, "--bc", o->bc, "Columns of a tile [128]", 1);
  traffic.add_option("--gpu", q.gpu, "SMs and caches: a name of attnlab list, or a file").show_default();
  add_count(traffic, "--resident-blocks", q.resident_blocks,
            "Blocks of an SM at a time [what its tiles leave room for]", 1);
  add_count(traffic, "--sms", q.sms, "Streaming multiprocessors [the GPU's]", 1);
  add_bytes(traffic, "--l2", q.l2_bytes, "Bytes of L2 [the GPU's]", 1);
  add_share(traffic, "--l2-fraction", o->l2_fraction, "Share of the L2 that is used [all]");
  add_bytes(traffic, "--l1", q.l1_bytes, "Bytes of L1 of an SM; 0: tiles go past it [0]");
  traffic.add_flag("--json", o->json, "One JSON object");
  o->work.add_option(traffic);
  traffic.callback([o] { run(*o); });
}

}  // namespace attnlab::cli
