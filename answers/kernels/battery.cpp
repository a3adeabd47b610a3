#include "answers/kernels/battery.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "answers/battery_folder.h"
#include "answers/battery_process.h"
#include "answers/kernels/emulated_work.h"
#include "answers/kernels/rungs.h"
#include "files/tensor_file.h"
#include "oracle/battery/plan.h"
#include "oracle/battery/run_case.h"
#include "os/temporary_directory.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::answers {
namespace {

namespace fs = std::filesystem;

// Tensors q, k and v of a model, [batch, heads, seqlen, dim], of a file: the first batch entry.
oracle::Activations activations_in(const fs::path& path) {
  const auto file = files::open(path);
  const std::vector<Index> shape = file->info("q").shape;
  if (shape.size() != 4 || *std::min_element(shape.begin(), shape.end()) < 1) {
    throw FileError(
        path, fmt::format("q has the shape {}, expected [batch, heads, seqlen, dim]", shape_text(shape)));
  }
  oracle::Activations a{path.stem().string(), 1, shape[1], shape[2], shape[3], {}, {}, {}};
  for (const auto& [name, values] : {std::pair{"q", &a.q}, {"k", &a.k}, {"v", &a.v}}) {
    const files::Tensor tensor = file->load(name);
    if (tensor.shape != shape) {
      throw FileError(path, fmt::format("{} has the shape {}, expected q's, {}", name,
                                        shape_text(tensor.shape), shape_text(shape)));
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

// Runs each failing case again with its folders kept: <keep>/case-<index>/call-<n>. The last folder is the
// one that failed.
std::vector<KeptCase> keep_failures(const BatteryQuestion& question, const FolderKernelOptions& program,
                                    const oracle::BatteryOptions& options,
                                    const oracle::BatteryReport& report) {
  std::vector<KeptCase> kept;
  const auto planned = oracle::planned_cases(options.schema, options.seed, options.activations);
  for (const oracle::CaseFailure& failure : report.failures) {
    const auto n = static_cast<std::size_t>(failure.index);
    const oracle::Case c = n < planned.size() ? planned[n]
                                              : oracle::random_case(options.schema, options.seed,
                                                                    options.activations, failure.index);
    const fs::path folder = fs::absolute(question.keep) / fmt::format("case-{}", failure.index);
    fs::remove_all(folder);
    const oracle::KernelClass kernel_class =
        options.kernel_class ? *options.kernel_class : oracle::usual_class(c.dtype);
    oracle::run_case(folder_kernel(program, folder, true), c, kernel_class, options.threads, false);
    int calls = 0;
    while (fs::exists(folder / fmt::format("call-{}", calls + 1))) ++calls;
    std::string command = question.cmd;
    for (std::size_t at = command.find("{dir}"); at != std::string::npos; at = command.find("{dir}"))
      command.replace(at, 5, (folder / fmt::format("call-{}", calls)).string());
    kept.push_back({failure.index, folder.string(), command});
  }
  return kept;
}

void require_writable(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(folder, "cannot be made: " + error.message());
}

void require_seconds(const char* field, double seconds) {
  constexpr double kMost = 1e7;
  if (!(seconds > 0 && seconds <= kMost)) {
    throw InvalidArgument(field, fmt::format("{}", seconds), "seconds, more than 0 and at most 1e7");
  }
}

void validate(const BatteryQuestion& q) {
  if (q.cmd.empty() == q.kernel.empty()) {
    throw InvalidArgument("cmd, kernel", q.cmd.empty() ? "neither" : "both", "one of them");
  }
  if (!q.cmd.empty() && q.cmd.find("{dir}") == std::string::npos)
    throw InvalidArgument("cmd", q.cmd, "{dir} where the folder of a call goes");
  if (!q.keep.empty() && q.cmd.empty()) throw InvalidArgument("keep", q.keep, "nothing without `cmd`");
  if (q.layout != "bhsd" && q.layout != "bshd") throw InvalidArgument("layout", q.layout, "bhsd or bshd");
  require_seconds("time", q.options.time_limit_s), require_seconds("call_time", q.call_time);
}

std::optional<oracle::KernelClass> class_of(const BatteryQuestion& question) {
  const std::vector<DType>& dtypes = question.options.schema.dtypes;
  if (question.declared.usual()) return question.options.kernel_class;
  if (dtypes.size() != 1) {
    throw InvalidArgument("dtype", fmt::format("{} types", dtypes.size()),
                          "one type where the kernel's arithmetic is declared");
  }
  return oracle::declared_class(dtypes[0], question.declared);
}

}  // namespace

oracle::Schema usual_schema(const std::string& kernel, const std::string& backend) {
  return kernel.empty() ? oracle::Schema{} : rung_schema(backend_of("backend", backend), kernel);
}

Work work_of(const BatteryQuestion& question) {
  constexpr double kProduct = 4e-10, kHeads = 2, kSampledRows = 256;  // as in oracle/battery/plan.cpp
  const oracle::Schema& schema = question.options.schema;
  const double n = static_cast<double>(schema.max_seqlen);
  const double d = static_cast<double>(std::ranges::max(schema.head_dims));
  const bool emulated =
      !question.kernel.empty() && backend_of("backend", question.backend) == cuda::Backend::emulator;
  const double passes = schema.backward ? 5 : 1;
  const double rows = schema.backward ? n : std::min(n, kSampledRows);
  Work work;
  work.seconds = kHeads * n * d * rows * kProduct * passes;
  if (emulated) {
    Launch launch{&cuda::find_kernel(question.kernel), {}};
    cuda::Shape& shape = launch.shape;
    shape.heads = shape.kv_heads = static_cast<Index>(kHeads);
    shape.seqlen_q = shape.seqlen_kv = schema.max_seqlen;
    shape.head_dim = std::ranges::max(schema.head_dims);
    work.seconds += emulated_seconds({&launch, 1});
  }
  // Q, K, V and O as numbers and as the kernel's; masks and biases of every pair.
  work.bytes = kHeads * n * (4 * d * 12 + n * ((schema.mask ? 1 : 0) + (schema.bias ? 4 : 0)));
  return work;
}

BatteryAnswer answer(const BatteryQuestion& question) {
  validate(question);
  oracle::BatteryOptions options = question.options;
  options.kernel_class = class_of(question);
  const std::optional<oracle::Activations> real = activations(question.real);
  if (real) options.activations = &*real;

  FolderKernelOptions program;
  const os::TemporaryDirectory work;
  oracle::Kernel kernel;
  if (!question.kernel.empty()) {
    kernel = rung_kernel(backend_of("backend", question.backend), question.kernel);
    if (!options.kernel_class && !cuda::find_kernel(question.kernel).tensor_cores)
      options.kernel_class = rung_class();
  } else {
    program = {split_command("cmd", question.cmd), question.layout == "bshd", question.call_time};
    require_program(program.words[0]);
    kernel = folder_kernel(program, work.path(), false);
    options.schema.strides = false;  // files are contiguous
  }
  if (!question.keep.empty()) require_writable(question.keep);

  BatteryAnswer result;
  result.report = oracle::battery(kernel, options);
  if (!question.keep.empty()) result.kept = keep_failures(question, program, options, result.report);
  return result;
}

}  // namespace attnlab::answers
