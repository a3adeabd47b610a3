// attnlab witness: kernels on the emulator beside the formulas, the metered reference and a GPU's counters.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "answers/kernels/witness.h"
#include "cli/command.h"
#include "cli/estimated_progress.h"
#include "cli/long_work.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"
#include "cli/witness_report.h"

namespace attnlab::cli {

using answers::shipped_exceptions;
using answers::shipped_measurements;
using answers::shipped_predictions;
using answers::witness;
using answers::Witness;

namespace {

struct Options : answers::WitnessQuestion {
  LongWork work;
  bool json = false, csv = false, markdown = false;
};

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void run(const Options& options) {
  const cuda::Measurements measurements = shipped_measurements();
  if (options.markdown) {
    print(markdown(witness_tables(shipped_predictions().runs, measurements, shipped_exceptions())));
    return;
  }
  const answers::Work work = work_of(options, measurements);
  options.work.permit(work, options.measured ? "a smaller --products beside --measured" : "smaller sizes");
  std::optional<EstimatedProgress> bar(std::in_place, "witness", work.seconds);
  const std::vector<cuda::Measurement> predictions = answers::predictions(options, measurements);
  bar.reset();
  if (options.csv) {
    print(to_csv(predictions));
    return;
  }
  std::vector<Witness> witnesses;
  for (const cuda::Measurement& prediction : predictions)
    witnesses.push_back(witness(prediction, measurements));
  print(options.json ? to_json(witnesses).dump(2) + "\n" : to_text(witnesses, measurements));
}

}  // namespace

void add_witness(Command& app) {
  Command command = app.add_command(
      "witness",
      "What a kernel moves: by formula, by the metered reference, on the emulator, and as an H200 counted");
  const auto options = std::make_shared<Options>();
  command.add_option("--kernel", options->kernels, "Rungs by name (attnlab witness without it: all)");
  const auto add_size = [&](const char* name, Index& size, const char* help) {
    add_count(command, name, fmt::format("{} [{}]", help, size), 1,
              [name, &size](std::uint64_t value) { size = extent(name, value); });
  };
  add_size("--seqlen", options->seqlen, "Queries and keys");
  add_size("--dim", options->dim, "head_dim: 32, 64, 80, 96, 128 or 256");
  add_size("--heads", options->heads, "Heads; softmax: rows");
  command.add_option("--dtype", options->dtype, "fp32, fp16 or bf16").show_default();
  command.add_flag("--causal", options->causal, "Keys up to the query only");
  command.add_flag("--measured", options->measured,
                   "Every run that the H200 was measured with, up to --products");
  command
      .add_option("--products", options->products,
                  "The largest run of --measured, in products of two numbers")
      .show_default();
  options->work.add_option(command);
  const Option json = command.add_flag("--json", options->json, "JSON");
  const Option csv = command.add_flag(
      "--csv", options->csv, "With --measured: the table of predictions, cuda/counters/emulated.csv");
  command
      .add_flag("--markdown", options->markdown,
                "The tables of docs/results/counters.md, from that table: nothing is emulated")
      .excludes(json)
      .excludes(csv);
  csv.excludes(json);
  command.callback([options] { run(*options); });
}

}  // namespace attnlab::cli
