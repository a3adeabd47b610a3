// Are the kernels right where there is no test framework, on a GPU, say? Every problem of *_cases.h, and the
// golden values. gpu.sh builds and runs it.
//
//   check_kernels [--kernel NAME] [--backend gpu|emulator]     default: all kernels and the golden values, on
//                                                              the GPU where there is one
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

#include "reference/core/errors.h"
#include "tests/cuda/backward_cases.h"
#include "tests/cuda/forward_cases.h"
#include "tests/cuda/golden_cases.h"
#include "tests/cuda/softmax_cases.h"

namespace attnlab::cuda {
namespace {

// The number of problems whose golden values are not the CPU's.
int check_golden(Backend backend) {
  int failures = 0;
  testing::GoldenErrors worst;
  const auto judge = [&](const std::string& problem, const testing::Case& c) {
    const testing::GoldenErrors errors = testing::golden_errors(backend, c);
    worst.of_bound = std::max(worst.of_bound, errors.of_bound);
    worst.relative = std::max(worst.relative, errors.relative);
    if (errors.of_bound <= 1 && errors.relative <= 1e-12) return;
    ++failures;
    std::printf("FAIL golden %s: error / bound %.3g, relative %.3g\n", problem.c_str(), errors.of_bound,
                errors.relative);
  };
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    testing::Case c;
    testing::make_case(c, seed);
    judge("seed " + std::to_string(seed) + c.description, c);
  }
  for (const Index dim : {1, 63, 64, 65, 128, 129, 200, 256, 257, 300, 512}) {
    testing::Case c;
    testing::make_wide_case(c, dim);
    judge("head_dim " + std::to_string(dim), c);
  }
  std::printf("%-32s 211 problems, largest error / bound %.3g, relative %.3g\n", "golden", worst.of_bound,
              worst.relative);
  return failures;
}

// The number of kernels and problems beyond their bounds.
int check_all(Backend backend, const std::string& only) {
  int failures = 0;
  for (const Kernel& kernel : kernels()) {
    if (!only.empty() && only != kernel.name) continue;
    if (kernel.pass == Pass::decode) continue;  // decode_test.cpp
    const bool backward = kernel.pass == Pass::backward;
    const char *first = backward ? "dK, dV" : "O", *second = backward ? "dQ" : "lse";
    double worst_first = 0, worst_second = 0;
    const auto judge = [&](const std::string& problem, double one, double other) {
      worst_first = std::max(worst_first, one), worst_second = std::max(worst_second, other);
      if (one <= 1 && other <= 1) return;
      ++failures;
      std::printf("FAIL %s %s: error / bound: %s %.3g, %s %.3g\n", kernel.name, problem.c_str(), first, one,
                  second, other);
    };
    try {
      if (kernel.pass == Pass::softmax) {
        for (const DType type : kernel.needs.dtypes) {
          for (const Index cols : {1, 31, 32, 33, 255, 257, 1000, 1003}) {
            judge(std::string(name(type)) + " " + std::to_string(cols),
                  testing::softmax_fraction(backend, kernel, type, 133, cols), 0);
          }
        }
      } else if (kernel.pass == Pass::forward) {
        for (const auto& c : testing::forward_cases(kernel)) {
          const auto fractions = testing::run_forward_case(backend, kernel, c);
          judge(c.name, fractions.o, fractions.lse);
        }
      } else {
        for (const auto& c : testing::backward_cases(kernel)) {
          const auto fractions = testing::run_backward_case(backend, kernel, c);
          judge(c.name, std::max(fractions.dk, fractions.dv), fractions.dq);
        }
      }
    } catch (const CudaError& error) {
      ++failures;
      std::printf("FAIL %s: %s\n", kernel.name, error.what());
    }
    std::printf("%-32s largest error / bound: %s %.3g, %s %.3g\n", kernel.name, first, worst_first, second,
                worst_second);
    std::fflush(stdout);
  }
  return failures;
}

int run(int argc, char** argv) {
  std::string kernel, backend_name;
  for (int at = 1; at < argc; at += 2) {
    const std::string option = argv[at];
    if (at + 1 == argc) throw InvalidArgument(option, "nothing", "a value");
    if (option == "--kernel") {
      kernel = argv[at + 1];
    } else if (option == "--backend") {
      backend_name = argv[at + 1];
    } else {
      throw InvalidArgument("option", option, "--kernel or --backend");
    }
  }
  if (!kernel.empty()) find_kernel(kernel);  // a known one
  const auto present = backends();
  if (present.empty()) throw InvalidArgument("backend", "none", "a GPU, or a build with the emulator");
  Backend backend = present.back();
  if (!backend_name.empty()) backend = backend_name == "gpu" ? Backend::gpu : Backend::emulator;
  std::fprintf(stderr, "%s: %s\n", name(backend), functions(backend).device_name().c_str());
  const int failures = check_all(backend, kernel) + (kernel.empty() ? check_golden(backend) : 0);
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace attnlab::cuda

int main(int argc, char** argv) {
  try {
    return attnlab::cuda::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "check_kernels: %s\n", error.what());
    return 2;
  }
}
