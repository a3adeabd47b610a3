// Is CUDA that the emulator does not know refused with its name and line, instead of being compiled to
// something else?
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/translate/refused_names.h"
#include "simulator/emulator/translate/translate.h"

namespace attnlab::emulator::translate {
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

TEST(Refusals, NamesThatTheEmulatorHasNot) {
  const auto expect = [](const std::string& statement, const std::string& name, const std::string& group) {
    EXPECT_EQ(refusal("int main() {\n" + statement + " }"),
              "a.cu:3: " + name + " (" + group + "): not supported");
  };
  expect("cudaChannelFormatDesc d = cudaCreateChannelDesc<float>();", "cudaChannelFormatDesc",
         "textures and surfaces");
  expect("cudaMallocArray(&a, &d, 32, 32);", "cudaMallocArray", "textures and surfaces");
  expect("cudaResourceDesc r{};", "cudaResourceDesc", "textures and surfaces");
  expect("cudaKernelNodeParams p = {};", "cudaKernelNodeParams", "graphs");
  expect("cudaGraphAddKernelNode(&n, g, nullptr, 0, &p);", "cudaGraphAddKernelNode", "graphs");
  expect("::cudaLaunchCooperativeKernelMultiDevice(p, 1);", "cudaLaunchCooperativeKernelMultiDevice",
         "launches on several devices");
  expect("cudaMemPoolProps props = {};", "cudaMemPoolProps", "memory pools of one's own");
  expect("CUmemAllocationProp p = {};", "CUmemAllocationProp", "virtual memory management");
  EXPECT_EQ(in_kernel("auto c = cg::this_cluster();"),
            "a.cu:3: this_cluster (thread block clusters): not supported");
  EXPECT_EQ(in_kernel("cde::cp_async_bulk_tensor_2d_global_to_shared(t, &map, 0, 0, bar);"),
            "a.cu:3: cp_async_bulk_tensor_2d_global_to_shared (bulk copies, TMA): not supported");
  EXPECT_EQ(in_kernel("x = __nv_fp8_e8m0(1.f);"), "a.cu:3: __nv_fp8_e8m0 (this number type): not supported");
  EXPECT_EQ(in_kernel("my.cudaMallocArray(1); my->this_cluster();"), "none");
}

TEST(Refusals, WhatDeviceCodeCannotCall) {
  const std::string heap = " (the device heap): not supported",
                    nested = " (the runtime API in device code, dynamic parallelism): not supported";
  EXPECT_EQ(in_kernel("int* p = (int*)malloc(4);"), "a.cu:3: malloc" + heap);
  EXPECT_EQ(in_kernel("int* p = new int[4];"), "a.cu:3: new" + heap);
  EXPECT_EQ(in_kernel("delete[] p;"), "a.cu:3: delete" + heap);
  EXPECT_EQ(in_kernel("cudaDeviceSynchronize();"), "a.cu:3: cudaDeviceSynchronize" + nested);
  EXPECT_EQ(in_kernel("new (place) T(1); pool.free(p); my::malloc(4); cudaMine(1);"), "none");
  EXPECT_EQ(refusal("__host__ __device__ void f() { malloc(4); }"), "none") << "host code may call it";
  EXPECT_EQ(refusal("void f() { int* p = new int; delete p; free(malloc(4)); cudaDeviceSynchronize(); }"),
            "none");
}

// What g++ and clang++ say of a header that is not there.
std::string header(const std::string& said) {
  try {
    refuse_headers(said);
    return "none";
  } catch (const FileError& error) {
    return error.what();
  }
}

TEST(Refusals, HeadersOfLibraries) {
  const std::string thrust = "a.cu:7: #include <thrust/device_vector.h> (Thrust): not supported";
  EXPECT_EQ(header("a.cu:7:10: fatal error: thrust/device_vector.h: No such file or directory\n"
                   "    7 | #include <thrust/device_vector.h>\ncompilation terminated.\n"),
            thrust);
  EXPECT_EQ(header("a.cu:7:10: fatal error: 'thrust/device_vector.h' file not found\n#include\n"), thrust);
  EXPECT_EQ(header("In file included from a.cu:1:\nin/b.cuh:2:10: fatal error: cub/cub.cuh: No such file\n"),
            "in/b.cuh:2: #include <cub/cub.cuh> (CUB): not supported");
  EXPECT_EQ(header("In file included from b.cuh:2,\n                 from a.cu:1:\n"
                   "h/cuda_fp4.h:3:2: error: #error attnlab: <cuda_fp4.h> (4-bit numbers)\n"),
            "b.cuh:2: #include <cuda_fp4.h> (4-bit numbers): not supported");
  EXPECT_EQ(header("a.cu:7:10: fatal error: helper_cuda.h: No such file or directory\n"), "none")
      << "the program's own: g++ says it";
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
}  // namespace attnlab::emulator::translate
