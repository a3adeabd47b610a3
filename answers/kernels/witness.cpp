#include "answers/kernels/witness.h"

#include <fmt/format.h>

#include <string>

#include "answers/kernels/kernel_io.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/runtime/session.h"
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

// Products of a query's and a key's elements; softmax: ten per number.
double work(const cuda::Measurement& run) {
  const cuda::Shape& s = run.shape;
  if (run.kernel->pass == cuda::Pass::softmax) return 10.0 * static_cast<double>(s.heads * s.seqlen_kv);
  return static_cast<double>(s.batch * s.heads * s.seqlen_q) * static_cast<double>(s.seqlen_kv * s.head_dim);
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

std::vector<cuda::Measurement> predictions(const WitnessQuestion& question,
                                           const cuda::Measurements& measurements) {
  validate(question);
  const std::vector<const cuda::Kernel*> kernels = chosen(question);
  std::vector<cuda::Measurement> result;
  if (question.measured) {
    for (const cuda::Kernel* kernel : kernels) {
      for (const cuda::Measurement& measured : measurements.runs) {
        if (measured.kernel == kernel && work(measured) <= question.products)
          result.push_back(emulate(*kernel, measured.shape, measurements));
      }
    }
    return result;
  }
  cuda::Shape shape;
  shape.seqlen_q = shape.seqlen_kv = question.seqlen;
  shape.head_dim = question.dim;
  shape.heads = shape.kv_heads = question.heads;
  shape.causal = question.causal;
  for (const cuda::Kernel* kernel : kernels) {
    shape.type = dtype_of(*kernel, question.dtype);
    // Softmax kernels have other shapes: only where they are asked for.
    if (kernel->pass == cuda::Pass::softmax && question.kernels.empty()) continue;
    result.push_back(emulate(*kernel, shape, measurements));
  }
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
