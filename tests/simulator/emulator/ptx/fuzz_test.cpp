// Does a damaged text crash or hang the reader of inline PTX? It may take it or refuse it; nothing else.
#include <gtest/gtest.h>

#include <exception>
#include <random>
#include <string>
#include <string_view>

#include "simulator/emulator/ptx/check.h"
#include "tests/long.h"

namespace attnlab::emulator {
namespace {

constexpr std::string_view kPtx =
    "{ .reg .pred p; .reg .b32 r<3>; .reg .f32 f;\n\tsetp.lt.u32 p, %1, 32; // a guard\n@!p bra done;\n"
    "\tmov.b32 r0, 0f3F800000; mad.lo.u32 r1, %1, 2, -1;\n/* a vector */ ld.global.v2.u32 {r0, r2}, "
    "[%2+16];\n"
    "shfl.sync.bfly.b32 r2|p, r1, 0x1, 31, -1;\ndone:\n\tadd.u32 %0, r1, r2; }";

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

TEST(Fuzz, InlinePtxIsTakenOrRefused) {
  std::mt19937 random(2);
  int refused = 0;
  for (int round = 0; round < rounds(5000, 2000000); ++round) {
    const std::string text = damaged(std::string(kPtx), kAlphabet, random);
    SCOPED_TRACE(text);
    try {
      if (!ptx::problem(text, {"=r", "r", "l"}).empty()) ++refused;
    } catch (const std::exception& other) {
      FAIL() << other.what();
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(Fuzz, TheTextItselfIsTaken) { EXPECT_EQ(ptx::problem(kPtx, {"=r", "r", "l"}), ""); }

}  // namespace
}  // namespace attnlab::emulator
