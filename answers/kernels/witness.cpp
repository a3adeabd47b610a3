#include "answers/kernels/witness.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "answers/kernels/emulated_work.h"
#include "answers/kernels/kernel_io.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/runtime/session.h"
#include "simulator/io/registry.h"
#include "simulator/memory/geometry.h"

namespace attnlab::answers {
namespace {

void add_io(Witness& w) {
  if (w.kernel->algorithm == nullptr) return;
  w.algorithm = w.kernel->algorithm;
  const attention::Problem problem = cuda::problem_of(w.shape);
  const cuda::Geometry geometry = w.kernel->geometry(static_cast<int>(w.shape.head_dim), {});
  w.closed = closed_form_bytes(*w.kernel, problem, w.shape.type, geometry);
  w.metered = metered_bytes(*w.kernel, problem, w.shape.type, geometry);
}

DType dtype_of(const cuda::Kernel& kernel, const std::string& text) {
  for (const DType type : kernel.needs.dtypes)
    if (text == name(type)) return type;
  throw InvalidArgument("dtype", text, cuda::alternatives(kernel.needs.dtypes));
}

std::vector<const cuda::Kernel*> chosen(const WitnessQuestion& question) {
  std::vector<const cuda::Kernel*> kernels;
  for (const std::string& name : question.kernels) kernels.push_back(&cuda::find_kernel(name));
  if (kernels.empty())
    for (const cuda::Kernel& kernel : cuda::kernels()) kernels.push_back(&kernel);
  return kernels;
}

void validate(const WitnessQuestion& q) {
  if (q.seqlen < 1) throw InvalidArgument("seqlen", std::to_string(q.seqlen), "at least 1");
  if (q.heads < 1) throw InvalidArgument("heads", std::to_string(q.heads), "at least 1");
  if (q.dim < 1 || q.dim > 1 << 16) throw InvalidArgument("dim", std::to_string(q.dim), "1 to 65536");
  // Every pair of a query and a key is emulated: beyond this nobody would wait for the end.
  constexpr Index kLongest = 1 << 17;
  if (q.seqlen > kLongest) throw InvalidArgument("seqlen", std::to_string(q.seqlen), "at most 131072");
  if (q.heads > kLongest) throw InvalidArgument("heads", std::to_string(q.heads), "at most 131072");
  if (q.seqlen * q.heads > Index{1} << 19)
    throw InvalidArgument("heads", std::to_string(q.heads), "`seqlen` times `heads` of at most 2^19");
  if (!(q.products > 0)) throw InvalidArgument("products", fmt::format("{}", q.products), "more than 0");
}

// Of a run's tensors in fp32; where scores are written out, as S and P.
double bytes(const Launch& run) {
  const cuda::Shape& s = run.shape;
  const bool whole = run.kernel->algorithm != nullptr && io::find(run.kernel->algorithm).attention &&
                     attention::info(*io::find(run.kernel->algorithm).attention).materialises_scores;
  const double rows = static_cast<double>(s.batch * s.heads) * static_cast<double>(s.seqlen_q);
  return 4 * rows *
         (4 * static_cast<double>(s.head_dim) + (whole ? 2 * static_cast<double>(s.seqlen_kv) : 0));
}

std::vector<Launch> launches_of(const WitnessQuestion& question, const cuda::Measurements& measurements) {
  validate(question);
  std::vector<Launch> launches;
  for (const cuda::Kernel* kernel : chosen(question)) {
    if (question.measured) {
      for (const cuda::Measurement& measured : measurements.runs) {
        const Launch launch{kernel, measured.shape};
        if (measured.kernel == kernel && products(launch) <= question.products) launches.push_back(launch);
      }
      continue;
    }
    // Softmax and decode kernels have other shapes: only where they are asked for.
    const bool other_shapes = kernel->pass == cuda::Pass::softmax || kernel->pass == cuda::Pass::decode;
    if (other_shapes && question.kernels.empty()) continue;
    const DType type = dtype_of(*kernel, question.dtype);
    cuda::Shape shape;
    shape.type = type;
    shape.seqlen_q = shape.seqlen_kv = question.seqlen;
    shape.head_dim = question.dim;
    shape.heads = shape.kv_heads = question.heads;
    shape.causal = question.causal;
    launches.push_back({kernel, shape});
  }
  return launches;
}

}  // namespace

std::uint64_t Witness::useful_bytes() const {
  const Witness& w = *this;
  return w[emulator::Metric::global_load_bytes] + w[emulator::Metric::global_store_bytes] +
         w[emulator::Metric::async_copy_bytes];
}

std::optional<std::uint64_t> Witness::on_gpu(emulator::Metric metric) const {
  if (measured == nullptr) return std::nullopt;
  return measured->sum(emulator::metrics()[static_cast<std::size_t>(metric)].name);
}

cuda::Measurements shipped_measurements() {
  return cuda::read_measurements(data_dir("cuda/counters") / "h200.csv");
}
cuda::Measurements shipped_predictions() {
  return cuda::read_measurements(data_dir("cuda/counters") / "emulated.csv");
}
std::vector<cuda::Exception> shipped_exceptions() {
  return cuda::read_exceptions(data_dir("cuda/counters") / "exceptions.csv");
}

cuda::Measurement emulate(const cuda::Kernel& kernel, const cuda::Shape& shape,
                          const cuda::Measurements& measurements, emulator::Report* report) {
  emulator::options().registers = measurements.registers();
  const auto code_bytes = measurements.code_bytes();
  emulator::take_report();
  cuda::launch_once(cuda::Backend::emulator, kernel, shape);
  emulator::Report own = emulator::take_report();
  cuda::Measurement run{&kernel, shape, {}};
  for (const emulator::KernelReport& launch : own.kernels) {
    cuda::MeasuredLaunch counted;
    counted.cuda_kernel = launch.name;
    for (const emulator::MetricInfo& info : emulator::metrics()) {
      counted.counters[std::string(info.name)] =
          static_cast<double>(launch.counters[static_cast<std::size_t>(info.metric)]);
    }
    if (const auto code = code_bytes.find(launch.name); code != code_bytes.end()) {
      counted.code_bytes = code->second;
      counted.counters["dram__bytes_read.sum"] +=
          static_cast<double>(memory::launch_read_bytes(code->second));
    }
    run.launches.push_back(std::move(counted));
  }
  if (report != nullptr) *report = std::move(own);
  return run;
}

Work work_of(const WitnessQuestion& question, const cuda::Measurements& measurements) {
  const std::vector<Launch> launches = launches_of(question, measurements);
  Work work;
  for (const Launch& launch : launches) work.bytes = std::max(work.bytes, bytes(launch));
  require_memory(work.bytes);  // a launch is timed below
  work.seconds = emulated_seconds(launches);
  return work;
}

std::vector<cuda::Measurement> predictions(const WitnessQuestion& question,
                                           const cuda::Measurements& measurements) {
  std::vector<cuda::Measurement> result;
  for (const Launch& launch : launches_of(question, measurements))
    result.push_back(emulate(*launch.kernel, launch.shape, measurements));
  return result;
}
Witness witness(const cuda::Measurement& prediction, const cuda::Measurements& measurements) {
  Witness w;
  w.kernel = prediction.kernel;
  w.shape = prediction.shape;
  w.measured = measurements.find(*w.kernel, w.shape);
  add_io(w);
  for (const emulator::MetricInfo& info : emulator::metrics())
    w.emulated[static_cast<std::size_t>(info.metric)] = prediction.sum(info.name).value_or(0);
  return w;
}

Json to_json(const std::vector<Witness>& witnesses) {
  Json all = Json::array();
  for (const Witness& w : witnesses) {
    Json one;
    one["kernel"] = w.kernel->name;
    one["dtype"] = name(w.shape.type);
    one["batch"] = w.shape.batch, one["heads"] = w.shape.heads, one["kv_heads"] = w.shape.kv_heads;
    one["seqlen_q"] = w.shape.seqlen_q, one["seqlen_kv"] = w.shape.seqlen_kv,
    one["head_dim"] = w.shape.head_dim;
    one["causal"] = w.shape.causal;
    if (w.closed) one["closed_form_bytes"] = json_count(*w.closed);
    if (w.metered) one["metered_bytes"] = json_count(*w.metered);
    one["emulator_useful_bytes"] = w.useful_bytes();
    for (const auto& metric : emulator::metrics()) {
      const auto measured = w.on_gpu(metric.metric);
      one["emulator"][std::string(metric.name)] = w[metric.metric];
      if (measured) one["h200"][std::string(metric.name)] = *measured;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace attnlab::answers
