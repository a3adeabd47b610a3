// Does a damaged text crash or hang the translator? It may take it or refuse it; nothing else.
#include <gtest/gtest.h>

#include <exception>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include "reference/core/errors.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/translate/translate.h"
#include "tests/long.h"

namespace attnlab::emulator {
namespace {

constexpr std::string_view kCuda = R"(# 1 "a.cu"
template <class T> struct Pair { T a, b; };
__constant__ float table[4] = {1, 2, 3, 4};
__device__ inline int twice(int x) { return 2 * x; }
template <class T, int n>
__global__ void __launch_bounds__(n) kernel(T* out, const T* in) {
  __shared__ T tile[n][n + 1];
  extern __shared__ float rest[];
#pragma unroll
  for (int i = 0; i < n; ++i) tile[threadIdx.x][i] = in[i] << 1;
  asm volatile("add.u32 %0, %1, 7;" : "=r"(out[0]) : "r"(twice(3)) : "memory");
  atomicAdd(&out[1], tile[0][0]); // "<<<" in a comment
}
int main() {
  int* p = nullptr;
  kernel<int, 32><<<dim3(1, 2), 32, sizeof(float) * 4>>>(p, p);
  const char* s = R"x(kernel<<<1, 1>>>())x";
  return s[0] == '\'';
}
)";

// Some of: a byte changed, a piece left out, a piece repeated elsewhere, the end cut off.
std::string damaged(std::string text, std::string_view alphabet, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (std::size_t faults = 1 + below(3); faults > 0 && !text.empty(); --faults) {
    const std::size_t at = below(text.size()), length = below(12);
    switch (below(4)) {
      case 0:
        text[at] = alphabet[below(alphabet.size())];
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(below(text.size()), text.substr(at, length));
        break;
      case 3:
        if (below(8) == 0) text.resize(at);
        break;
    }
  }
  return text;
}

constexpr std::string_view kAlphabet = "<>(){}[];:,.%@!|&*#\"'\\/ \n\t09axR_-+\0\x80\xff";

TEST(Fuzz, TheTranslatorTakesOrRefuses) {
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < rounds(2000, 500000); ++round) {
    const std::string text = damaged(std::string(kCuda), kAlphabet, random);
    SCOPED_TRACE(text);
    try {
      translate::translate(text, {.check_asm = ptx::problem});
    } catch (const FileError&) {
      ++refused;
    } catch (const std::exception& other) {
      FAIL() << other.what();
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(Fuzz, TheTextItselfIsTaken) {
  EXPECT_NO_THROW(translate::translate(kCuda, {.check_asm = ptx::problem}));
}

}  // namespace
}  // namespace attnlab::emulator
