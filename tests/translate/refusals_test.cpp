// Is CUDA that the emulator does not know refused with its name and line, instead of being compiled to
// something else?
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "simulator/simt/ptx/check.h"
#include "simulator/simt/translate/translate.h"

namespace attnlab::simt::translate {
namespace {

std::string refusal(const std::string& text, const Options& options = {}) {
  try {
    translate("# 1 \"a.cu\"\n\n" + text, options);
    return "none";
  } catch (const FileError& error) {
    return error.what();
  }
}
std::string in_kernel(const std::string& statements) {
  return refusal("__global__ void k() {\n" + statements + "}");
}

TEST(Refusals, DynamicParallelism) {
  const std::string expected = "a.cu:3: a launch from device code (dynamic parallelism): not supported";
  EXPECT_EQ(in_kernel("child<<<1, 2>>>(x);"), expected);
  EXPECT_EQ(refusal("__device__ void f() {\nk<<<1, 2>>>(x); }"), expected);
  EXPECT_EQ(refusal("__host__ __device__ void f() {\nk<<<1, 2>>>(x); }"), "none") << "host code may call it";
}

TEST(Refusals, SharedWithInitialiser) {
  const std::string expected = "a.cu:3: a __shared__ variable with an initialiser: not supported";
  EXPECT_EQ(in_kernel("__shared__ int x = 3;"), expected);
  EXPECT_EQ(in_kernel("__shared__ int x[2] = {1, 2};"), expected);
  EXPECT_EQ(in_kernel("__shared__ int x{3};"), expected);
  EXPECT_EQ(in_kernel("__shared__ struct S { int a = 1; } x;"), "none");
}

TEST(Refusals, Textures) {
  EXPECT_EQ(in_kernel("float x = tex2D<float>(t, 1, 2);"),
            "a.cu:3: tex2D (textures and surfaces): not supported");
  EXPECT_EQ(in_kernel("surf2Dwrite(x, s, 1, 2);"),
            "a.cu:3: surf2Dwrite (textures and surfaces): not supported");
  EXPECT_EQ(refusal("texture<float, 1> t;"), "a.cu:2: texture references: not supported");
  EXPECT_EQ(in_kernel("my.tex2D(1); my::tex2D(1);"), "none");
}

TEST(Refusals, Clusters) {
  EXPECT_EQ(refusal("__global__ void __cluster_dims__(2, 1, 1) k() {}"),
            "a.cu:2: __cluster_dims__: not supported");
}

TEST(Refusals, Asm) {
  EXPECT_EQ(in_kernel("asm goto(\"x\" :::: label);"), "a.cu:3: asm goto: not supported");
  EXPECT_EQ(in_kernel("asm(\"x;\" : \"r\"(y));"),
            "a.cu:3: an asm operand with constraint \"r\": not supported");
  EXPECT_EQ(in_kernel("asm(name : \"=r\"(y));"),
            "a.cu:3: an asm statement without a literal text: not supported");
}

TEST(Refusals, PtxThatCannotRun) {
  Options options;
  options.check_asm = ptx::problem;
  const std::string refused =
      refusal("__device__ void f() {\nasm(\"wgmma.fence.sync.aligned;\"); }", options);
  EXPECT_EQ(refused.substr(0, 8), "a.cu:3: ") << refused;
  EXPECT_NE(refused.find("wgmma"), std::string::npos) << refused;
  EXPECT_EQ(refusal("__device__ void f() { asm(\"bar.sync 0;\"); }", options), "none");
}

TEST(Refusals, NameTheFileOfTheLineMarker) {
  try {
    translate("# 7 \"dir/header.cuh\" 1\n__shared__ int x = 3;\n");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_EQ(std::string(error.what()),
              "dir/header.cuh:7: a __shared__ variable with an initialiser: not supported");
  }
}

}  // namespace
}  // namespace attnlab::simt::translate
