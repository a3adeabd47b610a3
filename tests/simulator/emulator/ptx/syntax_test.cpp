// Is the text of an asm statement read as PTX reads it: blocks, registers, labels, guards, constants,
// comments, and is everything that cannot be executed refused with the instruction's name?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/emulator/ptx/check.h"
#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::uint32_t result_of(const std::string& text) {
  std::uint32_t d = 0;
  run_text(text, out("=r", d));
  return d;
}

TEST(Syntax, Constants) {
  EXPECT_EQ(result_of("mov.u32 %0, 17;"), 17u);
  EXPECT_EQ(result_of("mov.u32 %0, 0x1F;"), 31u);
  EXPECT_EQ(result_of("mov.u32 %0, 0xFFU;"), 255u);
  EXPECT_EQ(result_of("mov.u32 %0, 010;"), 8u);
  EXPECT_EQ(result_of("mov.u32 %0, 0b101;"), 5u);
  EXPECT_EQ(result_of("mov.s32 %0, -1;"), 0xffffffffu);
  EXPECT_EQ(result_of("mov.u32 %0, (4+3*2-1);"), 9u);
  EXPECT_EQ(result_of("mov.b32 %0, 0f3F800000;"), 0x3f800000u);
  EXPECT_EQ(result_of("{ .reg .f32 f; mov.f32 f, 0fFF800000; mov.b32 %0, f; }"), 0xff800000u);
  EXPECT_EQ(result_of("{ .reg .f32 f; mov.f32 f, -2.5e-1; mov.b32 %0, f; }"), 0xbe800000u);
  EXPECT_EQ(result_of("{ .reg .f64 d; mov.f64 d, 0d3FF8000000000000; cvt.rzi.u32.f64 %0, d; }"), 1u);
  EXPECT_EQ(result_of("mov.u32 %0, WARP_SZ;"), 32u);
}

TEST(Syntax, BlocksRegistersAndComments) {
  EXPECT_EQ(result_of("{\n\t.reg .b32 r<3>; // three\n\tmov.b32 r0, 5;\n/* two\nlines */ mov.b32 r1, 6;"
                      "add.u32 r2, r0, r1;\n\tmov.b32 %0, r2;\n}"),
            11u);
  EXPECT_EQ(
      result_of(
          "{ .reg .u32 %%a, $b, _c; mov.u32 %%a, 1; mov.u32 $b, 2; add.u32 _c, %%a, $b; mov.u32 %0, _c; }"),
      3u);
  // An inner register hides the outer one, and is gone after its block.
  EXPECT_EQ(result_of("{ .reg .u32 r; mov.u32 r, 1; { .reg .u32 r; mov.u32 r, 2; } mov.u32 %0, r; }"), 1u);
  EXPECT_EQ(result_of("mov.u32 %0, 3; add.u32 %0, %0, 4;"), 7u);
}

TEST(Syntax, GuardsLabelsAndBranches) {
  // The sum of 1 to n, by a loop.
  std::uint32_t n = 10, sum = 0;
  run_text(
      "{ .reg .pred p; .reg .u32 i; mov.u32 i, %1; mov.u32 %0, 0;\n"
      "LOOP: add.u32 %0, %0, i; sub.u32 i, i, 1; setp.ne.u32 p, i, 0; @p bra LOOP; }",
      out("=r", sum), in("r", n));
  EXPECT_EQ(sum, 55u);
  for (const int x : {0, 1}) {
    int guarded = 0, negated = 0, skipped = 0;
    run_text(
        "{ .reg .pred p; setp.ne.s32 p, %3, 0; mov.s32 %0, 1; mov.s32 %1, 1; mov.s32 %2, 1;"
        "@p mov.s32 %0, 2; @!p mov.s32 %1, 2; @p bra.uni DONE_%=; mov.s32 %2, 2; DONE_%=: }",
        out("=r", guarded), out("=r", negated), out("=r", skipped), in("r", x));
    EXPECT_EQ(guarded, x != 0 ? 2 : 1);
    EXPECT_EQ(negated, x != 0 ? 1 : 2);
    EXPECT_EQ(skipped, x != 0 ? 1 : 2);
  }
  // The same label in two blocks; a branch out of a block.
  EXPECT_EQ(result_of("{ bra L; L: } { bra L; L: } mov.u32 %0, 1; { bra OUT; mov.u32 %0, 2; } mov.u32 %0, 3; "
                      "OUT: add.u32 %0, %0, 10;"),
            11u);
}

TEST(Syntax, OperandsKeepTheirWidth) {
  std::uint16_t h = 0x1234;
  std::uint32_t r = 0x89abcdef;
  std::uint64_t l = 0x0123456789abcdef;
  float f = 1.5f;
  double d = 2.5;
  run_text("add.u16 %0, %0, 1; add.u32 %1, %1, 1; add.u64 %2, %2, 1; add.f32 %3, %3, %3; add.f64 %4, %4, %4;",
           inout("+h", h), inout("+r", r), inout("+l", l), inout("+f", f), inout("+d", d));
  EXPECT_EQ(h, 0x1235);
  EXPECT_EQ(r, 0x89abcdf0u);
  EXPECT_EQ(l, 0x0123456789abcdf0u);
  EXPECT_EQ(f, 3.0f);
  EXPECT_EQ(d, 5.0);
}

TEST(Syntax, PacksAndUnpacks) {
  std::uint32_t low = 0, high = 0;
  run_text("mov.b64 {%0, %1}, %2;", out("=r", low), out("=r", high), in("l", 0x0123456789abcdefull));
  EXPECT_EQ(low, 0x89abcdefu);
  EXPECT_EQ(high, 0x01234567u);
  std::uint64_t both = 0;
  run_text("mov.b64 %0, {%1, %2};", out("=l", both), in("r", 1), in("r", 2));
  EXPECT_EQ(both, 0x0000000200000001u);
  EXPECT_EQ(result_of("{ .reg .b16 a, b; mov.b16 a, 0x1122; mov.b16 b, 0x3344; mov.b32 %0, {a, b}; }"),
            0x33441122u);
  EXPECT_EQ(result_of("{ .reg .b16 a; mov.b32 {_, a}, 0x33441122; cvt.u32.u16 %0, a; }"), 0x3344u);
  __extension__ unsigned __int128 wide = 0;
  run_text("mov.b128 %0, {%1, %2};", out("=q", wide), in("l", 3ull), in("l", 4ull));
  EXPECT_EQ(static_cast<std::uint64_t>(wide), 3u);
  EXPECT_EQ(static_cast<std::uint64_t>(wide >> 64), 4u);
  std::uint64_t first = 0, second = 0;
  run_text("mov.b128 {%0, %1}, %2;", out("=l", first), out("=l", second), in("q", wide));
  EXPECT_EQ(first, 3u);
  EXPECT_EQ(second, 4u);
}

TEST(Syntax, LiteralOperands) {
  float d = 0;
  execute(interned("add%3.f32 %0, %1, %2;"), "test.cu", 1, out("=f", d), in("f", 1.0f), in("f", 0x1p-30f),
          in("C", ".rp"));
  EXPECT_GT(d, 1.0f);
  execute(interned("add%3.f32 %0, %1, %2;"), "test.cu", 1, out("=f", d), in("f", 1.0f), in("f", 0x1p-30f),
          in("C", ".rn"));
  EXPECT_EQ(d, 1.0f);
}

// Equal texts with operands of other kinds are different programs.
TEST(Syntax, ShapesTellProgramsApart) {
  const char* text = interned("mov.b32 %0, %1;");
  std::uint32_t d = 0;
  execute(text, "test.cu", 1, out("=r", d), in("f", 1.0f));
  EXPECT_EQ(d, 0x3f800000u);
  EXPECT_THROW(execute(text, "test.cu", 1, out("=r", d), in("l", 1ull)), fake::Stopped);
  execute(text, "test.cu", 1, out("=r", d), in("n", 9));
  EXPECT_EQ(d, 9u);
}

TEST(Syntax, SpecialRegisters) {
  EXPECT_EQ(result_of("mov.u32 %0, %%ctaid.x;"), 3u);
  EXPECT_EQ(result_of("mov.u32 %0, %%ctaid.z;"), 7u);
  EXPECT_EQ(result_of("mov.u32 %0, %%ntid.y;"), 2u);
  EXPECT_EQ(result_of("mov.u32 %0, %%nctaid.y;"), 13u);
  EXPECT_EQ(result_of("mov.u32 %0, %%nwarpid;"), 2u);
  EXPECT_EQ(result_of("mov.u32 %0, %%smid;"), 42u);
  EXPECT_EQ(result_of("mov.u32 %0, %%dynamic_smem_size;"), 4096u);
  std::uint64_t before = 0, after = 0;
  run_text("mov.u64 %0, %%clock64; mov.u64 %1, %%globaltimer;", out("=l", before), out("=l", after));
  EXPECT_LT(before, after);
  fake::run_warp([](unsigned lane) {
    EXPECT_EQ(result_of("mov.u32 %0, %%tid.x;"), lane);
    EXPECT_EQ(result_of("mov.u32 %0, %%laneid;"), lane);
    const std::uint32_t bit = 1u << lane;
    EXPECT_EQ(result_of("mov.u32 %0, %%lanemask_eq;"), bit);
    EXPECT_EQ(result_of("mov.u32 %0, %%lanemask_lt;"), bit - 1);
    EXPECT_EQ(result_of("mov.u32 %0, %%lanemask_le;"), bit | (bit - 1));
    EXPECT_EQ(result_of("mov.u32 %0, %%lanemask_ge;"), ~(bit - 1));
    EXPECT_EQ(result_of("mov.u32 %0, %%lanemask_gt;"), ~(bit | (bit - 1)));
  });
}

TEST(Syntax, WhatCannotRunIsNamed) {
  const struct {
    const char* text;
    std::vector<std::string> constraints;
    const char* instruction;
    const char* reason;
  } cases[] = {
      {"wgmma.fence.sync.aligned;", {}, "wgmma.fence.sync.aligned", "the instruction wgmma is not supported"},
      {"add.u32 %0, %1, 1; frobnicate.b32 %0;", {"=r", "r"}, "frobnicate.b32 %0", "not supported"},
      {"add.u32 %0, %1;", {"=r", "r"}, "add.u32 %0, %1", "2 operands, expected 3"},
      {"add.u32 %0, %1, %2;", {"=r", "r"}, "add.u32 %0, %1, %2", "%2: the statement has 2 operands"},
      {"add.u32 %0, %1, %1;", {"=r", "l"}, "%1", "%1 has 64 bits, expected 32 bits"},
      {"add.u32 %1, %0, %0;", {"r", "r"}, "%1", "it writes to %1, an input"},
      {"add.wrap.u32 %0, %1, %1;", {"=r", "r"}, "add.wrap.u32", ".wrap is not supported here"},
      {"add.rn.s32 %0, %1, %1;", {"=r", "r"}, "add.rn.s32", ".rn is not supported here"},
      {"fma.f32 %0, %0, %0, %0;", {"+f"}, "fma.f32", "no rounding"},
      {"cvt.s32.f32 %0, %1;", {"=r", "f"}, "cvt.s32.f32", "no rounding to an integer"},
      {"cvt.f16.f32 %0, %1;", {"=h", "f"}, "cvt.f16.f32", "no rounding"},
      {"mov.u32 %0, r9;", {"=r"}, "mov.u32 %0, r9", "unknown register r9"},
      {"mov.u32 %0, %%clusterid.x;", {"=r"}, "clusterid", "unknown register %clusterid.x"},
      {"{ .reg .b32 a, a; }", {}, ".reg .b32 a, a", "declared twice"},
      {"{ .shared .b32 a[4]; }", {}, ".shared", "directive .shared is not supported"},
      {"{ mov.u32 %0, 1;", {"=r"}, "", "'{' without '}'"},
      {"bra AWAY;", {}, "bra AWAY", "no such label"},
      {"{ L: } bra L;", {}, "bra L", "no such label"},
      {"mov.u32 %0, 1 2;", {"=r"}, "mov.u32", "expected ',' or ';'"},
      {"mov.u32 %0, 0f3F80;", {"=r"}, "mov.u32", "no floating-point constant"},
      {"add.u32 %0, %0, 1.5;", {"+r"}, "add.u32", "constant"},
      {"exit;", {}, "exit", "ends or leaves the thread"},
      {"ld.param.u32 %0, [p];", {"=r"}, "ld.param.u32", ".param space"},
      {"ld.shared::cluster.u32 %0, [%1];",
       {"=r", "r"},
       "ld.shared::cluster",
       "shared::cluster is not supported"},
      {"ld.global.v4.f64 %0, [%1];", {"=d", "l"}, "ld.global.v4.f64", "4 registers in braces"},
      {"ld.global.u32 %0, [%1];", {"=r", "r"}, "ld.global.u32", "%1 has 32 bits, expected 64 bits"},
      {"atom.global.v2.f32.add {%0, %0}, [%1], {%2, %2};", {"=f", "l", "f"}, "atom.global", "vector atomics"},
      {"atom.global.mul.u32 %0, [%1], %0;", {"+r", "l"}, "atom.global.mul", "not supported"},
      {"mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};",
       {"+d", "+d", "d", "d"},
       "m8n8k4",
       "not supported"},
      {"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6,%7}, {%0,%1,%2,%3};",
       {"+f", "+f", "+f", "+f", "r", "r", "r", "r"},
       "m16n8k16",
       "expected 4 registers in braces"},
      {"mbarrier.arrive.expect_tx.shared.b64 _, [%0], 16;",
       {"r"},
       "expect_tx",
       ".expect_tx is not supported"},
      {"cp.async.bulk.commit_group;", {}, "cp.async.bulk.commit_group", "cp.async.bulk is not supported"},
      {"bar.cluster.sync 0;", {}, "bar.cluster", "cluster is not supported"},
      {"shfl.up.b32 %0, %0, 1, 0;", {"+r"}, "shfl.up", "expected 5"},
      {"@%0 mov.u32 %0, 1;", {"+r"}, "@%0", "no predicate"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(problem(c.text, c.constraints),
                AllOf(HasSubstr("inline PTX \""), HasSubstr(c.instruction), HasSubstr(c.reason)))
        << c.text;
  }
  EXPECT_EQ(problem("add.u32 %0, %1, 1;", {"=r", "r"}), "");
}

TEST(Syntax, RefusalStopsTheLaunchWithItsPlace) {
  try {
    execute(interned("tcgen05.wait;"), "kernel.cu", 77);
    FAIL();
  } catch (const fake::Stopped& stopped) {
    EXPECT_THAT(stopped.what(), AllOf(HasSubstr("tcgen05.wait"), HasSubstr("kernel.cu:77")));
  }
}

TEST(Syntax, NumbersAndBracketsBeyondCount) {
  EXPECT_THAT(problem("mov.u32 %0, %18446744073709551617;", {"=r", "r"}), HasSubstr("%1844"));
  EXPECT_EQ(result_of("mov.u32 %0, (9223372036854775807 * 2 + 3);"), 1u) << "constants wrap";
  EXPECT_EQ(problem("mov.u64 %0, -9223372036854775808;", {"=l"}), "");
  for (const char* bracket : {"!", "{"}) {
    std::string text = "mov.u32 %0, ";
    for (int i = 0; i < 100000; ++i) text += bracket;
    EXPECT_THAT(problem(text + ";", {"=r"}), HasSubstr("more than 16 deep"));
  }
}

TEST(Syntax, TooManyRegistersAreRefused) {
  EXPECT_EQ(problem("{ .reg .b32 r<400>; mov.b32 r0, 1; }", {}), "");
  EXPECT_THAT(problem("{ .reg .b32 r<600>; mov.b32 r0, 1; }", {}), HasSubstr("more than 512 registers"));
}

}  // namespace
}  // namespace attnlab::emulator::ptx
