// attnlab demo: the main job. A paper's numbers beside the ones computed here and a real model's attention, which are
// experiments; then CUDA kernels on the CPU.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "answers/kernels/witness.h"
#include "cli/command.h"
#include "cli/python.h"
#include "cli/witness_report.h"
#include "reference/core/errors.h"
#include "simulator/emulator/report/html.h"

namespace attnlab::cli {

using answers::emulate;
using answers::shipped_measurements;
using answers::witness;
using answers::Witness;

namespace {

struct Options {
  std::string out = "out";
  bool quick = false, no_plots = false;
};

constexpr const char* kExperiments[] = {"fa1_fig2", "real_attention"};

std::filesystem::path folder(const std::filesystem::path& out, const char* experiment) {
  const std::filesystem::path path = out / experiment;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw FileError(path.string(), "cannot be created: " + error.message());
  return path;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Three rungs at a size that an H200 was measured with, and what each line of the last one costs.
void run_kernels(const std::filesystem::path& out) {
  const cuda::Measurements measurements = shipped_measurements();
  cuda::Shape shape;
  shape.seqlen_q = shape.seqlen_kv = 512;
  std::vector<Witness> witnesses;
  emulator::Report last_report;
  for (const char* rung : {"naive-01", "flash1-03", "flash2-04"}) {
    witnesses.push_back(
        witness(emulate(cuda::find_kernel(rung), shape, measurements, &last_report), measurements));
  }
  print("\nCUDA kernels on the CPU: N 512, d 64, two heads, fp32\n\n" + to_text(witnesses, measurements));
  emulator::HtmlOptions html;
  if (const Witness& last = witnesses.back(); last.closed)
    html.ideal = emulator::Ideal{"FlashAttention-2 by formula", static_cast<std::uint64_t>(*last.closed)};
  emulator::write_html(last_report, (out / "flash2-04.html").string(), html);
}

void run(const Options& options) {
  const std::filesystem::path out = options.out, kernels_out = folder(out, "kernels");
  std::vector<std::string> arguments(std::begin(kExperiments), std::end(kExperiments));
  arguments.push_back("--out=" + options.out);
  if (options.quick) arguments.emplace_back("--quick");
  if (options.no_plots) arguments.emplace_back("--no-plots");
  if (const int code = run_experiments(arguments); code != 0) throw Exit{code};
  run_kernels(kernels_out);
  print(fmt::format("\nResults in {} and {}; the kernel's report, line by line: {}\n",
                    (out / kExperiments[0]).string(), (out / kExperiments[1]).string(),
                    (kernels_out / "flash2-04.html").string()));
}

}  // namespace

void add_demo(Command& app) {
  Command demo = app.add_command(
      "demo", "FlashAttention's Figure 2, a real model's attention, and CUDA kernels on the CPU, about 20 s");
  const auto options = std::make_shared<Options>();
  demo.add_option("--out", options->out, "Where results go").show_default();
  demo.add_flag("--quick", options->quick, "Fewer heads against float64");
  demo.add_flag("--no-plots", options->no_plots, "Data only");
  demo.callback([options] { run(*options); });
}

}  // namespace attnlab::cli
