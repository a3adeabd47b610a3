// attnlab witness: kernels on the emulator beside the formulas, the metered reference and a GPU's counters.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "answers/kernels/witness.h"
#include "cli/command.h"
#include "cli/witness_report.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::emulate;
using answers::shipped_exceptions;
using answers::shipped_measurements;
using answers::shipped_predictions;
using answers::witness;
using answers::Witness;

namespace {

struct Options {
  std::vector<std::string> kernels;
  Index seqlen = 512, dim = 64, heads = 2;
  std::string dtype = "fp32";
  bool causal = false, measured = false, json = false, csv = false, markdown = false;
  double products = 6e8;
};

DType dtype_of(const cuda::Kernel& kernel, const std::string& text) {
  for (const DType type : kernel.needs.dtypes)
    if (text == name(type)) return type;
  throw InvalidArgument("--dtype", text, cuda::alternatives(kernel.needs.dtypes));
}

std::vector<const cuda::Kernel*> chosen(const Options& options) {
  std::vector<const cuda::Kernel*> kernels;
  for (const std::string& name : options.kernels) kernels.push_back(&cuda::find_kernel(name));
  if (kernels.empty())
    for (const cuda::Kernel& kernel : cuda::kernels()) kernels.push_back(&kernel);
  return kernels;
}

// Products of a query's and a key's elements; softmax: ten a number.
double work(const cuda::Measurement& run) {
  const cuda::Shape& s = run.shape;
  if (run.kernel->pass == cuda::Pass::softmax) return 10.0 * static_cast<double>(s.heads * s.seqlen_kv);
  return static_cast<double>(s.batch * s.heads * s.seqlen_q) * static_cast<double>(s.seqlen_kv * s.head_dim);
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void run(const Options& options) {
  if (options.seqlen < 1) throw InvalidArgument("--seqlen", std::to_string(options.seqlen), "at least 1");
  if (options.heads < 1) throw InvalidArgument("--heads", std::to_string(options.heads), "at least 1");
  // Every pair of a query and a key is emulated: beyond this nobody would wait for the end.
  constexpr Index longest = 1 << 17;
  if (options.seqlen > longest)
    throw InvalidArgument("--seqlen", std::to_string(options.seqlen), "at most 131072");
  if (options.heads > longest)
    throw InvalidArgument("--heads", std::to_string(options.heads), "at most 131072");
  if (options.seqlen * options.heads > Index{1} << 19)
    throw InvalidArgument("--heads", std::to_string(options.heads), "--seqlen times --heads of at most 2^19");
  if (!(options.products > 0))
    throw InvalidArgument("--products", fmt::format("{}", options.products), "more than 0");
  const cuda::Measurements measurements = shipped_measurements();
  if (options.markdown) {
    print(markdown(witness_tables(shipped_predictions().runs, measurements, shipped_exceptions())));
    return;
  }
  std::vector<cuda::Measurement> predictions;
  const auto emulate_one = [&](const cuda::Kernel& kernel, const cuda::Shape& shape) {
    predictions.push_back(emulate(kernel, shape, measurements));
  };
  const auto kernels = chosen(options);
  if (options.measured) {
    for (const cuda::Kernel* kernel : kernels)
      for (const cuda::Measurement& measured : measurements.runs)
        if (measured.kernel == kernel && work(measured) <= options.products)
          emulate_one(*kernel, measured.shape);
  } else {
    cuda::Shape shape;
    shape.seqlen_q = shape.seqlen_kv = options.seqlen;
    shape.head_dim = options.dim;
    shape.heads = shape.kv_heads = options.heads;
    shape.causal = options.causal;
    for (const cuda::Kernel* kernel : kernels) {
      shape.type = dtype_of(*kernel, options.dtype);
      if (kernel->pass == cuda::Pass::softmax && options.kernels.empty())
        continue;  // their shapes are others
      emulate_one(*kernel, shape);
    }
  }
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

void add_witness(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "witness",
      "What a kernel moves: by formula, by the metered reference, on the emulator, and as an H200 counted");
  const auto options = std::make_shared<Options>();
  command->add_option("--kernel", options->kernels, "Rungs by name (attnlab witness without it: all)");
  command->add_option("--seqlen", options->seqlen, "Queries and keys")->capture_default_str();
  command->add_option("--dim", options->dim, "head_dim: 32, 64, 80, 96, 128 or 256")->capture_default_str();
  command->add_option("--heads", options->heads, "Heads; softmax: rows")->capture_default_str();
  command->add_option("--dtype", options->dtype, "fp32, fp16 or bf16")->capture_default_str();
  command->add_flag("--causal", options->causal, "Keys up to the query only");
  command->add_flag("--measured", options->measured,
                    "Every run that the H200 was measured with, up to --products");
  command
      ->add_option("--products", options->products,
                   "The largest run of --measured, in products of two numbers")
      ->capture_default_str();
  auto* json = command->add_flag("--json", options->json, "JSON");
  auto* csv = command->add_flag("--csv", options->csv,
                                "With --measured: the table of predictions, cuda/counters/emulated.csv");
  command
      ->add_flag("--markdown", options->markdown,
                 "The tables of docs/results/counters.md, from that table: nothing is emulated")
      ->excludes(json)
      ->excludes(csv);
  csv->excludes(json);
  command->callback([options] { run(*options); });
}

}  // namespace attnlab::cli
