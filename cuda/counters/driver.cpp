// The program that measurements run: it lists the kernels, and launches them once each for a profiler (what
// checks them is tests/cuda/check_kernels.cpp). It needs neither a test framework nor the command line's
// libraries; how it is built: measure.sh.
//
//   driver --list
//   driver --ladder                                  the kernels' table of docs/ladder.md
//   driver --measure                                 every kernel at every shape below, once
//   driver --kernel NAME --seqlen N [--seqlen-kv N] [--dim D] [--causal] [--dtype fp32|fp16|bf16] [--batch B]
//          [--heads H] [--kv-heads H]                one launch; softmax: --heads rows of N numbers
//   --backend gpu|emulator                           with all of them; default: the GPU where there is one
//
// Before a launch, one line names it: "launch," and, separated by commas, the kernel, how many CUDA kernels
// it launches, dtype, batch, heads, KV heads, seqlen_q, seqlen_kv, head_dim, causal. A profiler's rows follow
// in this order.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "cuda/counters/launch_once.h"
#include "reference/core/dtype.h"
#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

// Lengths that are whole tiles and lengths that are not, both sides of L1 and of L2 for S.
const std::vector<Shape>& attention_shapes() {
  static const std::vector<Shape> shapes = {
      {128, 128, 64},
      {256, 256, 128, true},
      {512, 512, 64},
      {1003, 1003, 64},
      {1000, 1000, 128, true},
      {1024, 1024, 64},
      {1024, 1024, 64, true},
      {1024, 1024, 64, true, DType::f16},
      {777, 1003, 80, true, DType::bf16, 2, 4, 2},
      {2048, 2048, 128},
      {2048, 2048, 64, true},
      {4096, 4096, 64},
      {4096, 4096, 128, true},
  };
  return shapes;
}
// rows (heads) of seqlen_kv numbers
const std::vector<Shape>& softmax_shapes() {
  static const std::vector<Shape> shapes = {
      {1, 128, 0, false, DType::f32, 1, 4096, 1},   {1, 1000, 0, false, DType::f32, 1, 2048, 1},
      {1, 1003, 0, false, DType::f32, 1, 2048, 1},  {1, 1024, 0, false, DType::f16, 1, 2048, 1},
      {1, 4096, 0, false, DType::f32, 1, 4096, 1},  {1, 50257, 0, false, DType::f32, 1, 512, 1},
      {1, 50257, 0, false, DType::bf16, 1, 512, 1},
  };
  return shapes;
}

void announce(const Kernel& kernel, const Shape& s) {
  std::printf("launch,%s,%d,%s,%lld,%lld,%lld,%lld,%lld,%lld,%d\n", kernel.name,
              s.type == DType::f32 ? kernel.launches : kernel.launches_narrow, name(s.type).data(),
              static_cast<long long>(s.batch), static_cast<long long>(s.heads),
              static_cast<long long>(s.kv_heads), static_cast<long long>(s.seqlen_q),
              static_cast<long long>(s.seqlen_kv), static_cast<long long>(s.head_dim), s.causal ? 1 : 0);
  std::fflush(stdout);
}

void launch(Backend backend, const Kernel& kernel, const Shape& shape) {
  launch_once(backend, kernel, shape, [&] { announce(kernel, shape); });
}

void list() {
  for (const Kernel& kernel : kernels()) {
    std::printf("%-12s %-42s %s\n", kernel.name, kernel.file, kernel.title);
    if (kernel.pass == Pass::softmax) continue;
    for (const int d : kernel.needs.head_dims) {
      const Geometry g = kernel.geometry(d, {});
      std::printf("  head_dim %3d: Br %3d  Bc %3d  threads %3d  shared %6zu bytes\n", d, g.br, g.bc,
                  g.threads, g.shared_bytes);
    }
  }
}

int run(int argc, char** argv) {
  Shape shape;
  std::string kernel, backend_name;
  enum class Action { launch, list, ladder, measure } action = Action::launch;
  bool own_seqlen_kv = false;
  for (int at = 1; at < argc; ++at) {
    const std::string option = argv[at];
    const auto value = [&]() -> std::string {
      if (at + 1 == argc) throw InvalidArgument(option, "nothing", "a value");
      return argv[++at];
    };
    if (option == "--list")
      action = Action::list;
    else if (option == "--ladder")
      action = Action::ladder;
    else if (option == "--measure")
      action = Action::measure;
    else if (option == "--kernel")
      kernel = value();
    else if (option == "--backend")
      backend_name = value();
    else if (option == "--seqlen")
      shape.seqlen_q = std::stoll(value());
    else if (option == "--seqlen-kv")
      shape.seqlen_kv = std::stoll(value()), own_seqlen_kv = true;
    else if (option == "--dim")
      shape.head_dim = std::stoll(value());
    else if (option == "--batch")
      shape.batch = std::stoll(value());
    else if (option == "--heads")
      shape.heads = shape.kv_heads = std::stoll(value());
    else if (option == "--kv-heads")
      shape.kv_heads = std::stoll(value());
    else if (option == "--causal")
      shape.causal = true;
    else if (option == "--dtype")
      shape.type = parse_dtype(value());
    else
      throw InvalidArgument("option", option, "one of those that the head of driver.cpp lists");
  }
  if (!own_seqlen_kv) shape.seqlen_kv = shape.seqlen_q;
  if (action == Action::list) return list(), 0;
  if (action == Action::ladder) {
    for (const Kernel& each : kernels()) std::printf("%s\n", ladder_row(each).c_str());
    return 0;
  }

  const auto present = backends();
  if (present.empty()) throw InvalidArgument("backend", "none", "a GPU, or a build with the emulator");
  Backend backend = present.back();
  if (!backend_name.empty()) backend = backend_name == "gpu" ? Backend::gpu : Backend::emulator;
  std::fprintf(stderr, "%s: %s\n", name(backend), functions(backend).device_name().c_str());
  if (action == Action::launch) return launch(backend, find_kernel(kernel), shape), 0;
  for (const Kernel& each : kernels()) {
    if ((!kernel.empty() && kernel != each.name) || each.pass == Pass::decode) continue;
    for (const Shape& s : each.pass == Pass::softmax ? softmax_shapes() : attention_shapes()) {
      if (!refusal(each, need_of(problem_of(s), s.type), device_limits(backend))) launch(backend, each, s);
    }
  }
  return 0;
}

}  // namespace
}  // namespace attnlab::cuda

int main(int argc, char** argv) {
  try {
    return attnlab::cuda::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "driver: %s\n", error.what());
    return 2;
  }
}
