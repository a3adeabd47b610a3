// Does the runtime API do what its functions say, beyond their error codes: do bytes arrive, with what is
// known of them, do arguments reach kernels by their types, do errors stay where they belong, is a refusal
// explained?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/machine/known_kernels.h"

extern "C" char __executable_start, etext;  // the linker's: where the program's code begins and ends

namespace {

namespace global_memory = attnlab::emulator::global_memory;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

[[gnu::section("attnlab_device")]] int table[4] = {1, 2, 3, 4};
[[gnu::section("attnlab_constant")]] float factor = 1;

struct Refused {
  int error = 0;
  std::string function, why;
  const void* caller = nullptr;
};
Refused refused;

class RuntimeApi : public testing::Test {
 protected:
  RuntimeApi() {
    refused = {};
    report_ = attnlab::emulator::set_refusal_observer(
        [](int error, const char* function, const char* why, const void* caller) {
          refused = {error, function, why, caller};
        });
  }
  ~RuntimeApi() override {
    attnlab::emulator::set_refusal_observer(report_);
    cudaDeviceReset();
    attnlab::emulator::api::forget_errors();
  }
  template <class T>
  static T* device(std::size_t count) {
    T* p = nullptr;
    EXPECT_EQ(cudaMalloc(&p, count * sizeof(T)), cudaSuccess);
    return p;
  }
  attnlab::emulator::RefusalObserver report_;
};

template <class T, std::size_t n>
std::array<T, n> fetch(const T* p) {
  std::array<T, n> host{};
  EXPECT_EQ(cudaMemcpy(host.data(), p, sizeof host, cudaMemcpyDeviceToHost), cudaSuccess);
  return host;
}

// --- copies --------------------------------------------------------------------------------------------

TEST_F(RuntimeApi, CopiesCarryBytesAndMarkThemWritten) {
  int* p = device<int>(8);
  const int host[4] = {5, 6, 7, 8};
  EXPECT_FALSE(global_memory::initialised(p, 1));
  ASSERT_EQ(cudaMemcpy(p + 2, host, sizeof host, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_FALSE(global_memory::initialised(p + 1, 4));
  EXPECT_TRUE(global_memory::initialised(p + 2, 16));
  EXPECT_FALSE(global_memory::initialised(p + 6, 1));
  int* q = device<int>(8);
  ASSERT_EQ(cudaMemcpy(q, p, 32, cudaMemcpyDeviceToDevice), cudaSuccess);
  EXPECT_FALSE(global_memory::initialised(q + 1, 4));
  EXPECT_TRUE(global_memory::initialised(q + 2, 16));
  EXPECT_THAT((fetch<int, 4>(q + 2)), ElementsAre(5, 6, 7, 8));
}

TEST_F(RuntimeApi, CopiesFindOutDirectionsThemselves) {
  int *p = device<int>(2), *managed = nullptr, *pinned = nullptr;
  ASSERT_EQ(cudaMallocManaged(&managed, 8), cudaSuccess);
  ASSERT_EQ(cudaMallocHost(&pinned, 8), cudaSuccess);
  const int host[2] = {3, 4};
  int back[2] = {};
  ASSERT_EQ(cudaMemcpy(p, host, 8, cudaMemcpyDefault), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(pinned, p, 8, cudaMemcpyDefault), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(managed, pinned, 8, cudaMemcpyDefault), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(back, managed, 8, cudaMemcpyDefault), cudaSuccess);
  EXPECT_THAT(back, ElementsAre(3, 4));
  EXPECT_THAT((std::vector<int>{pinned[0], pinned[1]}), ElementsAre(3, 4)) << "the host reads it directly";
}

TEST_F(RuntimeApi, RowsAreCopiedWithTheirPitches) {
  std::vector<unsigned char> host(4 * 10);
  std::iota(host.begin(), host.end(), static_cast<unsigned char>(0));
  unsigned char* p = nullptr;
  std::size_t pitch = 0;
  ASSERT_EQ(cudaMallocPitch(&p, &pitch, 7, 4), cudaSuccess);
  ASSERT_EQ(cudaMemcpy2D(p, pitch, host.data(), 10, 7, 4, cudaMemcpyHostToDevice), cudaSuccess);
  for (std::size_t y = 0; y < 4; ++y) {
    EXPECT_TRUE(global_memory::initialised(p + y * pitch, 7));
    EXPECT_FALSE(global_memory::initialised(p + y * pitch + 7, 1)) << "between rows";
  }
  std::vector<unsigned char> back(4 * 10, 99);
  ASSERT_EQ(cudaMemcpy2D(back.data(), 10, p, pitch, 7, 4, cudaMemcpyDeviceToHost), cudaSuccess);
  for (std::size_t i = 0; i < back.size(); ++i) EXPECT_EQ(back[i], i % 10 < 7 ? host[i] : 99) << i;
}

TEST_F(RuntimeApi, BoxesAreCopiedFromAndToTheirCorners) {
  cudaPitchedPtr box{};
  ASSERT_EQ(cudaMalloc3D(&box, {4, 3, 2}), cudaSuccess);
  EXPECT_EQ(box.pitch, 512u);
  ASSERT_EQ(cudaMemset(box.ptr, 0, 512 * 3 * 2), cudaSuccess);
  unsigned char host[2][2][2] = {{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}};
  cudaMemcpy3DParms in{};
  in.srcPtr = {host, 2, 2, 2};
  in.dstPtr = box;
  in.dstPos = {1, 1, 0};
  in.extent = {2, 2, 2};
  in.kind = cudaMemcpyHostToDevice;
  ASSERT_EQ(cudaMemcpy3D(&in), cudaSuccess);
  const auto at = [&](std::size_t x, std::size_t y, std::size_t z) {
    return fetch<unsigned char, 1>(static_cast<unsigned char*>(box.ptr) + (z * 3 + y) * 512 + x)[0];
  };
  EXPECT_EQ(at(1, 1, 0), 1);
  EXPECT_EQ(at(2, 2, 0), 4);
  EXPECT_EQ(at(1, 1, 1), 5);
  EXPECT_EQ(at(2, 2, 1), 8);
  in.dstPos = {0, 0, 1};
  in.extent.depth = 1;
  ASSERT_EQ(cudaMemcpy3D(&in), cudaSuccess);
  EXPECT_EQ(at(1, 1, 1), 4);
  EXPECT_EQ(at(0, 0, 1), 1);
  EXPECT_EQ(at(0, 0, 0), 0);
  EXPECT_EQ(at(3, 2, 1), 0);
}

TEST_F(RuntimeApi, MemsetWritesTheLowByteAndMarks) {
  unsigned char* p = device<unsigned char>(64);
  ASSERT_EQ(cudaMemset(p + 1, 0x1ab, 3), cudaSuccess);
  EXPECT_FALSE(global_memory::initialised(p, 1));
  EXPECT_FALSE(global_memory::initialised(p + 4, 1));
  EXPECT_THAT((fetch<unsigned char, 3>(p + 1)), Each(0xab));
  ASSERT_EQ(cudaMemset2D(p + 10, 8, 7, 2, 3), cudaSuccess);
  EXPECT_TRUE(global_memory::initialised(p + 26, 2));
  EXPECT_FALSE(global_memory::initialised(p + 12, 1)) << "between rows";
}

TEST_F(RuntimeApi, SymbolsAreCopiedByNameAndOffset) {
  const int two[2] = {20, 30};
  ASSERT_EQ(cudaMemcpyToSymbol(table, two, sizeof two, sizeof(int)), cudaSuccess);
  int back[4] = {};
  ASSERT_EQ(cudaMemcpyFromSymbol(back, table, sizeof back), cudaSuccess);
  EXPECT_THAT(back, ElementsAre(1, 20, 30, 4));
  const float pi = 3.5f;
  ASSERT_EQ(cudaMemcpyToSymbol(factor, &pi, sizeof pi), cudaSuccess);
  EXPECT_EQ(factor, 3.5f);
  int* address = nullptr;
  ASSERT_EQ(cudaGetSymbolAddress(&address, table), cudaSuccess);
  ASSERT_EQ(cudaMemset(address, 0, sizeof table), cudaSuccess);
  ASSERT_EQ(cudaMemcpyFromSymbol(back, table, sizeof back), cudaSuccess);
  EXPECT_THAT(back, Each(0));
}

// --- refusals ------------------------------------------------------------------------------------------

TEST_F(RuntimeApi, ARefusalSaysWhatWasWrong) {
  char host[64] = {};
  char* p = device<char>(100);
  EXPECT_EQ(cudaMemcpy(host, host, 8, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(refused.error, cudaErrorInvalidValue);
  EXPECT_EQ(refused.function, "cudaMemcpy");
  EXPECT_THAT(refused.why, HasSubstr("host memory, expected 8 bytes of device memory"));
  EXPECT_NE(refused.caller, nullptr);
  EXPECT_EQ(cudaMemset(p + 90, 0, 20), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("20 bytes at byte 90 of a cudaMalloc of 100 bytes"));
  EXPECT_EQ(cudaMemset(p + 116, 0, 4), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("16 bytes past the end of a cudaMalloc of 100 bytes"));
  EXPECT_EQ(cudaMemset(p - 16, 0, 4), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("16 bytes before a cudaMalloc of 100 bytes"));
  EXPECT_EQ(cudaFree(p + 4), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("not the beginning"));
  EXPECT_EQ(cudaFreeHost(p), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("allocated by another function"));
  ASSERT_EQ(cudaFree(p), cudaSuccess);
  EXPECT_EQ(cudaFree(p), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("freed already"));
  EXPECT_EQ(cudaMemset(p, 0, 4), cudaErrorInvalidValue);
  EXPECT_THAT(refused.why, HasSubstr("a cudaMalloc of 100 bytes that was freed"));
  EXPECT_EQ(cudaMalloc(&p, std::size_t{1} << 45), cudaErrorMemoryAllocation);
  EXPECT_THAT(refused.why, HasSubstr("h200 has"));
}

TEST_F(RuntimeApi, NothingMovesWhenACopyIsRefused) {
  char host[200];
  std::memset(host, 1, sizeof host);
  char* p = device<char>(100);
  EXPECT_EQ(cudaMemcpy(p, host, 101, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_FALSE(global_memory::initialised(p, 1));
  EXPECT_EQ(static_cast<unsigned char>(p[0]), global_memory::kPoison);
}

TEST_F(RuntimeApi, FreedMemoryIsNoHostMemory) {
  char host[8] = {};
  char* p = device<char>(8);
  ASSERT_EQ(cudaFree(p), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(p, host, 8, cudaMemcpyDefault), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(p, host, 8, cudaMemcpyHostToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host, p, 8, cudaMemcpyDefault), cudaErrorInvalidValue);
}

TEST_F(RuntimeApi, AllocationsNameTheirCallers) {
  int* p = device<int>(1);
  const global_memory::Allocation* found = global_memory::find(p);
  ASSERT_NE(found, nullptr);
  // device<int>'s code, into which the typed cudaMalloc was inlined, is in this program.
  EXPECT_TRUE(static_cast<const void*>(&__executable_start) < found->caller && found->caller < &etext);
}

TEST_F(RuntimeApi, DestroyedStreamsAndEventsAreRefused) {
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  ASSERT_EQ(cudaEventDestroy(event), cudaSuccess);
  int* p = device<int>(1);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaMemsetAsync(p, 0, 4, stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaMemcpyAsync(p, p, 4, cudaMemcpyDeviceToDevice, stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaMallocAsync(&p, 4, stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(event), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorInvalidResourceHandle);
  cudaStream_t next = nullptr;
  ASSERT_EQ(cudaStreamCreate(&next), cudaSuccess);
  EXPECT_NE(next, stream) << "handles are not used twice";
}

// --- errors --------------------------------------------------------------------------------------------

TEST_F(RuntimeApi, TheLastErrorIsTheThreads) {
  EXPECT_EQ(cudaSetDevice(5), cudaErrorInvalidDevice);
  std::thread([] {
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
    EXPECT_EQ(cudaFree(&refused), cudaErrorInvalidValue);
  }).join();
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(RuntimeApi, ALaunchErrorIsTheLastError) {
  attnlab::emulator::set_last_error(cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  attnlab::emulator::set_last_error(cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(RuntimeApi, AFailureReachesEveryThreadAndTheFirstCounts) {
  int* p = device<int>(1);
  attnlab::emulator::set_last_error(cudaErrorNotSupported);
  attnlab::emulator::set_last_error(cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(attnlab::emulator::sticky_error(), cudaErrorNotSupported);
  std::thread([p] {
    int* q = nullptr;
    EXPECT_EQ(cudaMalloc(&q, 4), cudaErrorNotSupported);
    EXPECT_EQ(cudaMemset(p, 0, 4), cudaErrorNotSupported);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorNotSupported);
    EXPECT_EQ(cudaGetLastError(), cudaErrorNotSupported);
  }).join();
}

TEST_F(RuntimeApi, EveryErrorHasItsNameAndADescription) {
  int count = 0;
#define CHECK(error, number, description)               \
  EXPECT_EQ(static_cast<int>(error), number);           \
  EXPECT_STREQ(cudaGetErrorName(error), #error);        \
  EXPECT_STREQ(cudaGetErrorString(error), description); \
  EXPECT_GT(std::strlen(description), 0u);              \
  ++count;
  ATTNLAB_CUDA_ERRORS(CHECK)
#undef CHECK
  EXPECT_GT(count, 120);
  EXPECT_STREQ(cudaGetErrorName(static_cast<cudaError_t>(12345)), "unrecognized error code");
  EXPECT_STREQ(cudaGetErrorString(static_cast<cudaError_t>(12345)), "unrecognized error code");
}

// --- launches through a pointer ----------------------------------------------------------------------------

void combine(double* out, int i, float f, char c, double d) { *out = i + static_cast<double>(f) + c + d; }
void undescribed(double*) {}
template <class T>
void store(T* out, T value) {
  *out = value;
}

TEST_F(RuntimeApi, ArgumentsReachAKernelByTheirTypes) {
  double* out = device<double>(1);
  int i = 1;
  float f = 0.5f;
  char c = 2;
  double d = 0.25;
  void* arguments[] = {&out, &i, &f, &c, &d};
  ASSERT_EQ(cudaLaunchKernel(combine, 1, 1, arguments), cudaSuccess);
  EXPECT_EQ((fetch<double, 1>(out)[0]), 3.75);
  i = 10;
  ASSERT_TRUE(attnlab::emulator::describe_kernel(combine, "combine"));
  ASSERT_EQ(cudaLaunchKernel(reinterpret_cast<const void*>(combine), 1, 1, arguments), cudaSuccess);
  EXPECT_EQ((fetch<double, 1>(out)[0]), 12.75);
  i = 20;
  ASSERT_EQ(cudaLaunchCooperativeKernel(combine, 1, 1, arguments), cudaSuccess);
  EXPECT_EQ((fetch<double, 1>(out)[0]), 22.75);
  const char* name = nullptr;
  ASSERT_EQ(cudaFuncGetName(&name, combine), cudaSuccess);
  EXPECT_STREQ(name, "combine");
}

TEST_F(RuntimeApi, AConfiguredLaunchConvertsItsArguments) {
  double* out = device<double>(1);
  cudaLaunchConfig_t config{};
  config.gridDim = 1;
  config.blockDim = 1;
  ASSERT_EQ(cudaLaunchKernelEx(&config, combine, out, short{1}, 1.0f, char{1}, 1), cudaSuccess);
  EXPECT_EQ((fetch<double, 1>(out)[0]), 4);
  ASSERT_EQ(cudaLaunchKernelEx(&config, store<double>, out, 7), cudaSuccess);
  EXPECT_EQ((fetch<double, 1>(out)[0]), 7);
}

TEST_F(RuntimeApi, OccupancyTakesKernelsOfAnyForm) {
  int blocks = 0, grid = 0, size = 0;
  const void* const address = reinterpret_cast<const void*>(combine);
  ASSERT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, store<float>, 256, 0), cudaSuccess);
  EXPECT_EQ(blocks, 8);
  ASSERT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, address, 512, 0), cudaSuccess);
  EXPECT_EQ(blocks, 4);
  ASSERT_EQ(cudaOccupancyMaxPotentialBlockSize(&grid, &size, address), cudaSuccess);
  EXPECT_EQ(size, 1024);
  // A float for every thread and 20 KB: at 1024 threads 24 KB, at which two blocks fit.
  const auto shared_of = [](int threads) { return 20'480 + 4 * threads; };
  ASSERT_EQ(cudaOccupancyMaxPotentialBlockSizeVariableSMem(&grid, &size, combine, shared_of), cudaSuccess);
  EXPECT_EQ(size, 1024);
  EXPECT_EQ(grid, 132 * 2);
  const auto greedy = [](int threads) { return threads > 256 ? 100'000 : 0; };
  ASSERT_EQ(cudaOccupancyMaxPotentialBlockSizeVariableSMem(&grid, &size, combine, greedy), cudaSuccess);
  EXPECT_EQ(size, 256);
  EXPECT_EQ(grid, 132 * 8);
}

TEST_F(RuntimeApi, AKernelWhoseTypesAreLostIsNotLaunched) {
  double* out = device<double>(1);
  void* arguments[] = {&out};
  EXPECT_EQ(cudaLaunchKernel(reinterpret_cast<const void*>(undescribed), 1, 1, arguments),
            cudaErrorNotSupported);
  EXPECT_THAT(refused.why, HasSubstr("pass the function itself"));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << "a refused call is no failed kernel";
}

// --- streams, events, the device ---------------------------------------------------------------------------

TEST_F(RuntimeApi, EventsMeasureTheHostsTime) {
  cudaEvent_t start = nullptr, end = nullptr;
  ASSERT_EQ(cudaEventCreate(&start), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&end), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(start), cudaSuccess);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_EQ(cudaEventRecord(end), cudaSuccess);
  float ms = 0;
  ASSERT_EQ(cudaEventElapsedTime(&ms, start, end), cudaSuccess);
  EXPECT_GE(ms, 19.9f);
  EXPECT_LT(ms, 10'000.0f);
}

TEST_F(RuntimeApi, HostFunctionsOfAStreamAreCalled) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  int calls = 0;
  ASSERT_EQ(cudaLaunchHostFunc(
                stream, [](void* n) { ++*static_cast<int*>(n); }, &calls),
            cudaSuccess);
  const auto callback = [](cudaStream_t, cudaError_t status, void* n) {
    *static_cast<int*>(n) += status == cudaSuccess ? 10 : 0;
  };
  ASSERT_EQ(cudaStreamAddCallback(stream, callback, &calls, 0), cudaSuccess);
  EXPECT_EQ(calls, 11);
}

TEST_F(RuntimeApi, ThePoolsThresholdIsRemembered) {
  cudaMemPool_t pool = nullptr;
  ASSERT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
  std::uint64_t threshold = 1 << 30, back = 0, used = 0;
  ASSERT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), cudaSuccess);
  ASSERT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &back), cudaSuccess);
  EXPECT_EQ(back, threshold);
  int* p = nullptr;
  ASSERT_EQ(cudaMallocAsync(&p, 4096, nullptr), cudaSuccess);
  ASSERT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used), cudaSuccess);
  EXPECT_EQ(used, 4096u);
  EXPECT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemPoolTrimTo(nullptr, 0), cudaErrorInvalidValue);
}

TEST_F(RuntimeApi, ResetFreesAllMemoryAndForgetsSettings) {
  device<int>(5);
  int* managed = nullptr;
  ASSERT_EQ(cudaMallocManaged(&managed, 8), cudaSuccess);
  ASSERT_EQ(cudaDeviceSetLimit(cudaLimitStackSize, 4096), cudaSuccess);
  ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_TRUE(global_memory::live().empty());
  std::size_t size = 0;
  ASSERT_EQ(cudaDeviceGetLimit(&size, cudaLimitStackSize), cudaSuccess);
  EXPECT_EQ(size, 1024u);
}

TEST_F(RuntimeApi, WhatIsNotSupportedSaysSo) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  char host[8];
  for (const cudaError_t error :
       {cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaStreamEndCapture(nullptr, &graph),
        cudaGraphCreate(&graph, 0), cudaGraphInstantiate(&executable, graph),
        cudaGraphLaunch(executable, nullptr), cudaGraphExecDestroy(executable), cudaGraphDestroy(graph),
        cudaHostRegister(host, 8, 0), cudaIpcGetMemHandle(nullptr, nullptr)}) {
    EXPECT_EQ(error, cudaErrorNotSupported);
  }
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
  EXPECT_EQ(cudaStreamIsCapturing(nullptr, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusNone);
}

}  // namespace
