#include "cli/witness.h"

#include <fmt/format.h>

#include "reference/core/data_dir.h"
#include "simulator/io/registry.h"
#include "simulator/simt/runtime/session.h"

namespace attnlab::cli {
namespace {

DType dtype_of(cuda::ElementType type) {
  switch (type) {
    case cuda::ElementType::f16:
      return DType::f16;
    case cuda::ElementType::bf16:
      return DType::bf16;
    default:
      return DType::f32;
  }
}

// The algorithm whose loops a rung has. Its own name says it: "flash2-backward-07".
std::string algorithm_of(const cuda::Kernel& kernel) {
  const std::string_view name = kernel.name;
  if (kernel.pass == cuda::Pass::softmax) return "";
  if (name.rfind("flash1", 0) == 0) return "flash1";
  if (name.rfind("flash2", 0) == 0) return "flash2";
  return "standard";
}

void add_io(Witness& w) {
  w.algorithm = algorithm_of(*w.kernel);
  if (w.algorithm.empty()) return;
  const io::Entry& entry = io::find(w.algorithm);
  const cuda::Geometry geometry = w.kernel->geometry(static_cast<int>(w.shape.head_dim));
  io::Question question;
  question.problem = cuda::Numbers(w.shape).p;
  question.pass = w.kernel->pass == cuda::Pass::backward ? io::Pass::backward : io::Pass::forward;
  question.tiles.br = geometry.br;
  question.tiles.bc = geometry.bc;
  question.sram_elements = std::int64_t{1}
                           << 40;  // the kernel's own tiles, which fit its shared memory and registers
  const io::ElementSizes sizes(dtype_of(w.shape.type));
  question.tiles = entry.tiles(entry, question);
  w.closed = io::bytes(entry.closed(entry, question), sizes).total();
  if (const auto sample = entry.metered(entry, question))
    w.metered = io::bytes(sample->traffic, sizes).total();
}

}  // namespace

std::optional<std::uint64_t> Witness::on_gpu(simt::Metric metric) const {
  if (measured == nullptr) return std::nullopt;
  return measured->sum(simt::metrics()[static_cast<std::size_t>(metric)].name);
}

cuda::Measurements shipped_measurements() {
  return cuda::read_measurements(data_dir("cuda/counters") / "h200.csv");
}

Witness witness(const cuda::Kernel& kernel, const cuda::Shape& shape,
                const cuda::Measurements& measurements) {
  Witness w;
  w.kernel = &kernel;
  w.shape = shape;
  w.measured = measurements.find(kernel, shape);
  add_io(w);
  // Only nvcc knows how many registers a kernel takes, and with them how many blocks share an SM.
  simt::options().registers = measurements.registers();
  simt::take_report();
  cuda::launch_once(cuda::Backend::emulator, kernel, shape);
  w.report = simt::take_report();
  for (const simt::KernelReport& launch : w.report.kernels)
    for (std::size_t m = 0; m < simt::metric_count; ++m) w.emulated[m] += launch.counters[m];
  return w;
}

}  // namespace attnlab::cli
