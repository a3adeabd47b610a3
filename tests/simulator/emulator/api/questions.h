// Calls of the CUDA runtime API whose answers a GPU and the emulator must agree on. Compiled twice: by nvcc
// against CUDA (questions.cu, whose output on an H200 is committed: answers_h200.txt), and by
// answers_test.cpp against the emulator.
//
// A part makes its calls in order and tells each one's text and answer: an error code, or a number.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define QUESTION_KERNEL __global__
#define QUESTION_BOUNDS(threads) __launch_bounds__(threads)
#define QUESTION_DEVICE __device__
#define QUESTION_CONSTANT __constant__
#else
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#define QUESTION_KERNEL
#define QUESTION_BOUNDS(threads)
#define QUESTION_DEVICE [[gnu::section("attnlab_device")]]
#define QUESTION_CONSTANT [[gnu::section("attnlab_constant")]]
#endif

namespace questions {

QUESTION_DEVICE float variable[4] = {1, 2, 3, 4};
QUESTION_CONSTANT float constant[8] = {0};
inline float ordinary[4];

QUESTION_KERNEL void plain(float*) {}
QUESTION_KERNEL void QUESTION_BOUNDS(128) bounded(float*) {}
QUESTION_KERNEL void attributed(float*) {}
QUESTION_KERNEL void with_static(float* p) {
#ifdef __CUDACC__
  __shared__ float tile[1024];
#else
  static constinit thread_local float tile[1024] = {};
#endif
  if (p == nullptr) return;
  tile[0] = p[0];
  p[1] = tile[p[2] > 0 ? 1023 : 0];
}
QUESTION_KERNEL void failing(float*) {
#ifdef __CUDACC__
  __trap();
#else
  attnlab::emulator::trap("a question");
#endif
}

using Tell = void (*)(const char* question, long long answer);

// Asks and forgets the error.
#define ASK(call)                              \
  do {                                         \
    tell(#call, static_cast<long long>(call)); \
    static_cast<void>(cudaGetLastError());     \
  } while (false)
#define ASK_VALUE(value) tell(#value, static_cast<long long>(value))

inline void ask_allocations(Tell tell) {
  void *p = nullptr, *q = nullptr;
  std::size_t pitch = 0;
  float host[64] = {};
  ASK(cudaMalloc(static_cast<void**>(nullptr), 4));
  p = host;
  ASK(cudaMalloc(&p, 0));
  ASK_VALUE(p == nullptr);
  ASK(cudaMalloc(&p, std::size_t{1} << 50));
  ASK(cudaMalloc(&p, ~std::size_t{0}));
  ASK(cudaFree(nullptr));
  ASK(cudaFree(host));
  ASK(cudaMalloc(&p, 100));
  ASK_VALUE(reinterpret_cast<std::size_t>(p) % 512);
  ASK(cudaFree(static_cast<char*>(p) + 4));
  ASK(cudaFreeHost(p));
  ASK(cudaFree(p));
  ASK(cudaFree(p));
  ASK(cudaMallocManaged(&p, 0));
  ASK(cudaMallocManaged(&p, 64, 0));
  ASK(cudaMallocManaged(&p, 64, 3));
  ASK(cudaMallocManaged(&p, 64, 2));
  ASK(cudaFreeHost(p));
  ASK(cudaFree(p));
  ASK(cudaMallocHost(&p, 0));
  ASK(cudaMallocHost(&p, 64));
  ASK(cudaFree(p));
  ASK(cudaFreeHost(static_cast<char*>(p) + 4));
  ASK(cudaHostGetDevicePointer(&q, p, 1));
  ASK(cudaHostGetDevicePointer(&q, p, 0));
  ASK_VALUE(p == q);
  ASK(cudaHostGetDevicePointer(&q, host, 0));
  ASK(cudaFreeHost(p));
  ASK(cudaFreeHost(p));
  ASK(cudaFreeHost(nullptr));
  ASK(cudaFreeHost(host));
  ASK(cudaHostAlloc(&p, 64, 8));
  ASK(cudaHostUnregister(host));
  ASK(cudaMallocPitch(&p, static_cast<std::size_t*>(nullptr), 100, 10));
  ASK(cudaMallocPitch(&p, &pitch, 100, 10));
  ASK_VALUE(pitch);
  ASK(cudaFree(p));
  ASK(cudaMallocPitch(&p, &pitch, 513, 10));
  ASK_VALUE(pitch);
  ASK(cudaFree(p));
  p = host;
  ASK(cudaMallocPitch(&p, &pitch, 0, 10));
  ASK_VALUE(pitch);
  ASK_VALUE(p == nullptr);
  ASK(cudaMallocPitch(&p, &pitch, ~std::size_t{0}, 10));
  ASK(cudaMallocPitch(&p, &pitch, 10, 0));
  ASK(cudaMallocAsync(&p, 64, 0));
  ASK(cudaFreeAsync(p, 0));
  ASK(cudaFreeAsync(nullptr, 0));
  ASK(cudaFreeAsync(host, 0));
  ASK(cudaStreamSynchronize(0));
  ASK(cudaMallocAsync(&p, 64, 0));
  ASK(cudaFree(p));
  ASK(cudaMallocAsync(&p, 0, 0));
  ASK_VALUE(p == nullptr);
  ASK(cudaMemGetInfo(nullptr, nullptr));
}

inline void ask_pointers(Tell tell) {
  float host[4] = {};
  void *device = nullptr, *managed = nullptr, *pinned = nullptr, *address = nullptr;
  std::size_t size = 0;
  cudaPointerAttributes a{};
  cudaMalloc(&device, 64);
  cudaMallocManaged(&managed, 64);
  cudaMallocHost(&pinned, 64);
  ASK(cudaPointerGetAttributes(nullptr, device));
  for (void* p : {static_cast<void*>(host), device, static_cast<void*>(static_cast<char*>(device) + 60),
                  managed, pinned, static_cast<void*>(nullptr)}) {
    ASK(cudaPointerGetAttributes(&a, p));
    ASK_VALUE(a.type);
    ASK_VALUE(a.device);
    ASK_VALUE(a.devicePointer == p);
    ASK_VALUE(a.hostPointer == p);
  }
  const cudaMemLocation here{cudaMemLocationTypeDevice, 0}, elsewhere{cudaMemLocationTypeDevice, 9};
  ASK(cudaMemPrefetchAsync(managed, 64, here, 0, 0));
  ASK(cudaMemPrefetchAsync(managed, 0, here, 0, 0));
  ASK(cudaMemPrefetchAsync(host, 16, here, 0, 0));
  ASK(cudaMemPrefetchAsync(managed, 64, elsewhere, 0, 0));
  ASK(cudaMemAdvise(managed, 64, cudaMemAdviseSetReadMostly, here));
  ASK(cudaMemAdvise(host, 16, cudaMemAdviseSetReadMostly, here));
  ASK(cudaGetSymbolAddress(&address, variable));
  ASK(cudaPointerGetAttributes(&a, address));
  ASK_VALUE(a.type);
  ASK(cudaGetSymbolAddress(&address, ordinary));
  ASK(cudaGetSymbolSize(&size, variable));
  ASK_VALUE(size);
  ASK(cudaGetSymbolSize(&size, constant));
  ASK_VALUE(size);
  ASK(cudaGetSymbolSize(&size, ordinary));
  cudaFree(device);
  cudaFree(managed);
  cudaFreeHost(pinned);
  ASK(cudaPointerGetAttributes(&a, device));
  ASK_VALUE(a.type);
  ASK_VALUE(a.device);
}

inline void ask_copies(Tell tell) {
  char *d = nullptr, *e = nullptr, *m = nullptr, *h = nullptr;
  static char host[8192], other[8192];
  cudaMalloc(&d, 4096);
  cudaMalloc(&e, 4096);
  cudaMallocManaged(&m, 4096);
  cudaMallocHost(&h, 4096);
  const auto bad = static_cast<cudaMemcpyKind>(7);
  ASK(cudaMemcpy(d, host, 64, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(host, d, 64, cudaMemcpyDeviceToHost));
  ASK(cudaMemcpy(e, d, 64, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpy(other, host, 64, cudaMemcpyHostToHost));
  ASK(cudaMemcpy(d, host, 64, cudaMemcpyDefault));
  ASK(cudaMemcpy(other, host, 64, cudaMemcpyDefault));
  ASK(cudaMemcpy(d, host, 64, bad));
  ASK(cudaMemcpy(d, host, 0, bad));
  ASK(cudaMemcpy(nullptr, nullptr, 0, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(host, other, 0, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpy(nullptr, host, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(d, nullptr, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(host, other, 64, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(host, other, 64, cudaMemcpyDeviceToHost));
  ASK(cudaMemcpy(host, other, 64, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpy(d, e, 64, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(d, e, 64, cudaMemcpyDeviceToHost));
  ASK(cudaMemcpy(d, e, 64, cudaMemcpyHostToHost));
  ASK(cudaMemcpy(d, host, 64, cudaMemcpyDeviceToHost));
  ASK(cudaMemcpy(host, d, 64, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy(d, host, 64, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpy(host, d, 64, cudaMemcpyHostToHost));
  ASK(cudaMemcpy(h, d, 64, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpy(m, d, 64, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpy(m, host, 64, cudaMemcpyHostToHost));
  ASK(cudaMemcpyAsync(host, other, 64, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpyAsync(d, host, 64, bad));
  ASK(cudaMemcpy2D(d, 64, host, 64, 32, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 16, host, 64, 32, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 64, host, 16, 32, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 16, host, 16, 32, 0, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 16, host, 16, 0, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, std::size_t{1} << 31, host, 64, 32, 1, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, std::size_t{1} << 31, host, 64, 32, 2, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 16, host, 64, 32, 1, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 64, host, 16, 32, 1, cudaMemcpyHostToDevice));
  ASK(cudaMemcpy2D(d, 64, host, 64, 0, 0, bad));
  ASK(cudaMemcpy2D(host, 64, d, 64, 32, 2, cudaMemcpyHostToHost));
  ASK(cudaMemcpy2D(d, 64, host, 64, 32, 4, bad));
  ASK(cudaMemcpy2D(host, 64, other, 64, 32, 4, cudaMemcpyHostToDevice));
  ASK(cudaMemset(d, 0, 4096));
  ASK(cudaMemset(d, 0, 0));
  ASK(cudaMemset(nullptr, 0, 0));
  ASK(cudaMemset(nullptr, 0, 4));
  ASK(cudaMemset(host, 0, 4));
  ASK(cudaMemset(m, 0, 4));
  ASK(cudaMemset(h, 0, 4));
  ASK(cudaMemsetAsync(host, 0, 4));
  ASK(cudaMemset2D(d, 64, 0, 32, 4));
  ASK(cudaMemset2D(d, 16, 0, 32, 4));
  ASK(cudaMemset2D(d, 16, 0, 32, 1));
  ASK(cudaMemset2D(d, 16, 0, 32, 0));
  ASK(cudaMemset2D(host, 64, 0, 32, 4));
  ASK(cudaMemcpyToSymbol(variable, host, 16));
  ASK(cudaMemcpyToSymbol(variable, host, 17));
  ASK(cudaMemcpyToSymbol(variable, host, 8, 12));
  ASK(cudaMemcpyToSymbol(variable, host, 0, 17));
  ASK(cudaMemcpyToSymbol(variable, host, 16, 0, cudaMemcpyDeviceToHost));
  ASK(cudaMemcpyToSymbol(variable, host, 16, 0, cudaMemcpyHostToHost));
  ASK(cudaMemcpyToSymbol(variable, d, 16, 0, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpyToSymbol(variable, host, 16, 0, cudaMemcpyDefault));
  ASK(cudaMemcpyToSymbol(variable, nullptr, 16));
  ASK(cudaMemcpyToSymbol(variable, host, 16, 0, bad));
  ASK(cudaMemcpyToSymbol(constant, host, 32));
  ASK(cudaMemcpyToSymbol(ordinary, host, 16));
  ASK(cudaMemcpyFromSymbol(host, variable, 16));
  ASK(cudaMemcpyFromSymbol(host, variable, 17));
  ASK(cudaMemcpyFromSymbol(host, variable, 16, 0, cudaMemcpyHostToDevice));
  ASK(cudaMemcpyFromSymbol(d, variable, 16, 0, cudaMemcpyDeviceToDevice));
  ASK(cudaMemcpyFromSymbol(host, ordinary, 16));
  ASK(cudaMemcpy3D(nullptr));
  char* large = nullptr;
  const std::size_t bytes = 4 << 20;
  cudaMalloc(&large, bytes);
  ASK(cudaMemset(large, 0, bytes));
  ASK(cudaMemset(large, 0, bytes + 1));
  ASK(cudaMemset(large + bytes - 1, 0, 2));
  ASK(cudaMemcpy(d, large, bytes, cudaMemcpyDeviceToDevice));
  cudaFree(large);
  ASK(cudaMemset(large, 0, 4));
  ASK(cudaMemcpy(host, large, 4, cudaMemcpyDeviceToHost));
  ASK(cudaMemcpy(large, host, 4, cudaMemcpyHostToDevice));
  cudaFree(d);
  cudaFree(e);
  cudaFree(m);
  cudaFreeHost(h);
}

inline void ask_streams(Tell tell) {
  cudaStream_t s = nullptr;
  cudaEvent_t a = nullptr, b = nullptr, untimed = nullptr;
  float ms = 0;
  int priority = 0, least = 9, greatest = 9;
  unsigned flags = 9;
  ASK(cudaStreamCreate(nullptr));
  ASK(cudaStreamCreateWithFlags(&s, 2));
  ASK(cudaStreamCreateWithPriority(&s, 1, -100));
  ASK(cudaStreamGetPriority(s, &priority));
  ASK_VALUE(priority);
  ASK(cudaStreamGetFlags(s, &flags));
  ASK_VALUE(flags);
  cudaStream_t low = nullptr;
  ASK(cudaStreamCreateWithPriority(&low, 0, 7));
  ASK(cudaStreamGetPriority(low, &priority));
  ASK_VALUE(priority);
  ASK(cudaStreamDestroy(low));
  ASK(cudaStreamGetPriority(0, &priority));
  ASK_VALUE(priority);
  ASK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  ASK_VALUE(least);
  ASK_VALUE(greatest);
  ASK(cudaStreamQuery(s));
  ASK(cudaStreamQuery(0));
  ASK(cudaStreamSynchronize(cudaStreamPerThread));
  ASK(cudaEventCreate(nullptr));
  ASK(cudaEventCreateWithFlags(&a, 8));
  ASK(cudaEventCreateWithFlags(&a, cudaEventInterprocess));
  ASK(cudaEventCreate(&a));
  ASK(cudaEventCreate(&b));
  ASK(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
  ASK(cudaEventQuery(a));
  ASK(cudaEventSynchronize(a));
  ASK(cudaEventElapsedTime(&ms, a, b));
  ASK(cudaEventRecord(a, s));
  ASK(cudaEventElapsedTime(&ms, a, b));
  ASK(cudaEventRecord(b, s));
  ASK(cudaEventSynchronize(b));
  ASK(cudaEventElapsedTime(&ms, a, b));
  ASK_VALUE(ms >= 0);
  ASK(cudaEventElapsedTime(nullptr, a, b));
  ASK(cudaEventRecord(untimed));
  ASK(cudaEventSynchronize(untimed));
  ASK(cudaEventElapsedTime(&ms, a, untimed));
  ASK(cudaEventRecord(nullptr));
  ASK(cudaEventQuery(nullptr));
  ASK(cudaEventDestroy(nullptr));
  ASK(cudaStreamWaitEvent(s, a, 0));
  ASK(cudaStreamWaitEvent(s, a, 2));
  ASK(cudaStreamWaitEvent(s, nullptr, 0));
  ASK(cudaStreamAddCallback(s, nullptr, nullptr, 0));
  ASK(cudaLaunchHostFunc(s, nullptr, nullptr));
  ASK(cudaStreamDestroy(nullptr));
  ASK(cudaStreamDestroy(s));
  ASK(cudaEventDestroy(a));
  ASK(cudaEventDestroy(b));
  ASK(cudaEventDestroy(untimed));
}

inline void ask_device(Tell tell) {
  int n = 9;
  std::size_t size = 0;
  cudaDeviceProp p{};
  cudaFuncCache cache = cudaFuncCachePreferEqual;
  ASK(cudaGetDeviceCount(nullptr));
  ASK(cudaGetDevice(nullptr));
  ASK(cudaGetDevice(&n));
  ASK_VALUE(n);
  ASK(cudaSetDevice(0));
  ASK(cudaSetDevice(-1));
  ASK(cudaSetDevice(99));
  ASK(cudaGetDeviceProperties(&p, 99));
  ASK(cudaGetDeviceProperties(&p, 0));
  ASK_VALUE(p.totalConstMem);
  ASK_VALUE(p.sharedMemPerBlock);
  ASK_VALUE(p.regsPerBlock);
  ASK_VALUE(p.warpSize);
  ASK_VALUE(p.memPitch);
  ASK_VALUE(p.maxThreadsPerBlock);
  ASK_VALUE(p.maxThreadsDim[0]);
  ASK_VALUE(p.maxThreadsDim[1]);
  ASK_VALUE(p.maxThreadsDim[2]);
  ASK_VALUE(p.maxGridSize[0]);
  ASK_VALUE(p.maxGridSize[1]);
  ASK_VALUE(p.maxGridSize[2]);
  ASK_VALUE(p.major);
  ASK_VALUE(p.minor);
  ASK_VALUE(p.textureAlignment);
  ASK_VALUE(p.texturePitchAlignment);
  ASK_VALUE(p.multiProcessorCount);
  ASK_VALUE(p.integrated);
  ASK_VALUE(p.canMapHostMemory);
  ASK_VALUE(p.concurrentKernels);
  ASK_VALUE(p.ECCEnabled);
  ASK_VALUE(p.asyncEngineCount);
  ASK_VALUE(p.unifiedAddressing);
  ASK_VALUE(p.l2CacheSize);
  ASK_VALUE(p.maxThreadsPerMultiProcessor);
  ASK_VALUE(p.streamPrioritiesSupported);
  ASK_VALUE(p.globalL1CacheSupported);
  ASK_VALUE(p.localL1CacheSupported);
  ASK_VALUE(p.sharedMemPerMultiprocessor);
  ASK_VALUE(p.regsPerMultiprocessor);
  ASK_VALUE(p.managedMemory);
  ASK_VALUE(p.concurrentManagedAccess);
  ASK_VALUE(p.computePreemptionSupported);
  ASK_VALUE(p.cooperativeLaunch);
  ASK_VALUE(p.sharedMemPerBlockOptin);
  ASK_VALUE(p.maxBlocksPerMultiProcessor);
  ASK_VALUE(p.reservedSharedMemPerBlock);
  ASK_VALUE(p.memoryPoolsSupported);
  ASK_VALUE(p.clusterLaunch);
  ASK(cudaDeviceGetAttribute(nullptr, cudaDevAttrWarpSize, 0));
  ASK(cudaDeviceGetAttribute(&n, cudaDevAttrWarpSize, 99));
  ASK(cudaDeviceGetAttribute(&n, static_cast<cudaDeviceAttr>(9999), 0));
  ASK(cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, 0));
  ASK_VALUE(n);
  ASK(cudaDeviceGetAttribute(&n, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  ASK_VALUE(n);
  for (int limit = cudaLimitStackSize; limit <= cudaLimitPersistingL2CacheSize; ++limit) {
    size = 0;
    ASK(cudaDeviceGetLimit(&size, static_cast<cudaLimit>(limit)));
    ASK_VALUE(size);
  }
  ASK(cudaDeviceGetLimit(&size, static_cast<cudaLimit>(99)));
  ASK(cudaDeviceGetLimit(nullptr, cudaLimitStackSize));
  ASK(cudaDeviceSetLimit(static_cast<cudaLimit>(99), 1));
  ASK(cudaDeviceSetLimit(cudaLimitPrintfFifoSize, 4 << 20));
  ASK(cudaDeviceGetLimit(&size, cudaLimitPrintfFifoSize));
  ASK_VALUE(size);
  ASK(cudaDeviceGetCacheConfig(&cache));
  ASK_VALUE(cache);
  unsigned flags = 99;
  char id[32];
  ASK(cudaSetDeviceFlags(0x100));
  ASK(cudaGetDeviceFlags(&flags));
  ASK_VALUE(flags);
  ASK(cudaDeviceGetPCIBusId(id, 4, 0));
  ASK(cudaDeviceGetPCIBusId(nullptr, 32, 0));
  ASK(cudaDeviceGetPCIBusId(id, 32, 99));
  ASK(cudaDeviceGetPCIBusId(id, 32, 0));
  ASK(cudaRuntimeGetVersion(nullptr));
  ASK(cudaDeviceEnablePeerAccess(0, 0));
  ASK(cudaDeviceDisablePeerAccess(0));
  ASK(cudaDeviceCanAccessPeer(&n, 0, 0));
  ASK_VALUE(n);
  ASK(cudaDeviceCanAccessPeer(&n, 0, 99));
}

template <class Kernel>
cudaError_t launch(Kernel kernel, dim3 grid, dim3 block, std::size_t shared = 0, bool cooperative = false) {
  float* pointer = nullptr;
  void* arguments[] = {&pointer};
  const cudaError_t error = cooperative
                                ? cudaLaunchCooperativeKernel(kernel, grid, block, arguments, shared, 0)
                                : cudaLaunchKernel(kernel, grid, block, arguments, shared, 0);
  return error != cudaSuccess ? error : cudaDeviceSynchronize();
}

inline cudaError_t launch_clusters(unsigned grid, unsigned width, unsigned height = 1) {
  cudaLaunchConfig_t config{};
  cudaLaunchAttribute attribute[1]{};
  attribute[0].id = cudaLaunchAttributeClusterDimension;
  attribute[0].val.clusterDim.x = width;
  attribute[0].val.clusterDim.y = height;
  attribute[0].val.clusterDim.z = 1;
  config.gridDim = dim3(grid);
  config.blockDim = dim3(32);
  config.attrs = attribute;
  config.numAttrs = 1;
  return cudaLaunchKernelEx(&config, plain, static_cast<float*>(nullptr));
}

inline void ask_launches(Tell tell) {
  ASK(launch(plain, 1, 32));
  ASK(launch(plain, 0, 32));
  ASK(launch(plain, dim3(1, 0, 1), 32));
  ASK(launch(plain, dim3(1, 1, 0), 32));
  ASK(launch(plain, 1, 0));
  ASK(launch(plain, 1, dim3(32, 0, 1)));
  ASK(launch(plain, 1, 1024));
  ASK(launch(plain, 1, 1025));
  ASK(launch(plain, 1, dim3(32, 33, 1)));
  ASK(launch(plain, 1, dim3(1, 1, 64)));
  ASK(launch(plain, 1, dim3(1, 1, 65)));
  ASK(launch(plain, 1, dim3(1, 1024, 1)));
  ASK(launch(plain, 1, dim3(1, 1025, 1)));
  ASK(launch(plain, dim3(1, 65535, 1), 1));
  ASK(launch(plain, dim3(1, 65536, 1), 1));
  ASK(launch(plain, dim3(1, 1, 65536), 1));
  ASK(launch(plain, dim3(2147483648u, 1, 1), 1));
  ASK(launch(plain, 1, 32, 49152));
  ASK(launch(plain, 1, 32, 49153));
  ASK(launch(plain, 1, 32, 1 << 20));
  ASK(launch(bounded, 1, 128));
  ASK(launch(bounded, 1, 129));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributeMaxDynamicSharedMemorySize, -1));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributeMaxDynamicSharedMemorySize, 232449));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributeMaxDynamicSharedMemorySize, 232448));
  ASK(launch(attributed, 1, 32, 232448));
  ASK(launch(attributed, 1, 32, 232449));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributeMaxDynamicSharedMemorySize, 65536));
  ASK(launch(attributed, 1, 32, 65536));
  ASK(launch(attributed, 1, 32, 65537));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributeMaxDynamicSharedMemorySize, 1024));
  ASK(launch(attributed, 1, 32, 2048));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributePreferredSharedMemoryCarveout, 101));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributePreferredSharedMemoryCarveout, -2));
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributePreferredSharedMemoryCarveout, 50));
  ASK(cudaFuncSetAttribute(attributed, static_cast<cudaFuncAttribute>(77), 1));
  ASK(launch(plain, 132 * 64, 32, 0, true));
  ASK(launch(plain, 132 * 32 + 1, 32, 0, true));
  ASK(launch(plain, 132 * 2 + 1, 1024, 0, true));
  ASK(launch_clusters(16, 16));
  ASK(launch_clusters(8, 3));
  ASK(launch_clusters(8, 0));
  ASK(launch_clusters(8, 2, 2));
  ASK(launch_clusters(32, 32));
  ASK(launch(with_static, 1, 32, 49152 - 4096));
  ASK(launch(with_static, 1, 32, 49152 - 4095));
  ASK(cudaFuncSetAttribute(with_static, cudaFuncAttributeMaxDynamicSharedMemorySize, 232448 - 4095));
  ASK(cudaFuncSetAttribute(with_static, cudaFuncAttributeMaxDynamicSharedMemorySize, 232448 - 4096));
  ASK(launch(with_static, 1, 32, 232448 - 4096));
  ASK(launch(with_static, 1, 32, 232448 - 4095));
  cudaFuncAttributes a{};
  const void* const none = nullptr;
  int blocks = 0;
  ASK(cudaLaunchKernel(none, 1, 1, nullptr, 0, 0));
  ASK(cudaFuncSetAttribute(none, cudaFuncAttributeMaxDynamicSharedMemorySize, 1));
  ASK(cudaFuncGetAttributes(&a, none));
  ASK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, none, 1, 0));
  ASK(cudaFuncSetAttribute(plain, cudaFuncAttributeClusterSchedulingPolicyPreference, 7));
  ASK(cudaFuncGetAttributes(&a, with_static));
  ASK_VALUE(a.sharedSizeBytes);
  ASK_VALUE(a.maxDynamicSharedSizeBytes);
  ASK(cudaFuncGetAttributes(nullptr, plain));
  ASK(cudaFuncGetAttributes(&a, plain));
  ASK_VALUE(a.sharedSizeBytes);
  ASK_VALUE(a.maxThreadsPerBlock);
  ASK_VALUE(a.maxDynamicSharedSizeBytes);
  ASK_VALUE(a.preferredShmemCarveout);
  ASK(cudaFuncGetAttributes(&a, bounded));
  ASK_VALUE(a.maxThreadsPerBlock);
  ASK(cudaFuncGetAttributes(&a, attributed));
  ASK_VALUE(a.maxDynamicSharedSizeBytes);
  ASK_VALUE(a.preferredShmemCarveout);
}

inline void ask_occupancy(Tell tell) {
  int blocks = -1, grid = -1, size = -1;
  std::size_t bytes = 0;
  ASK(cudaFuncSetAttribute(attributed, cudaFuncAttributeMaxDynamicSharedMemorySize, 232448));
  ASK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(nullptr, plain, 128, 0));
  ASK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, plain, 0, 0));
  ASK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, plain, 1025, 0));
  ASK_VALUE(blocks);
  ASK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, bounded, 256, 0));
  ASK_VALUE(blocks);
  for (const int threads : {1, 32, 33, 96, 128, 160, 256, 384, 512, 544, 768, 992, 1024}) {
    for (const std::size_t shared :
         std::initializer_list<std::size_t>{0, 1, 1024, 6144, 6145, 10000, 32768, 49152, 57344, 75776, 115712,
                                            115713, 200000, 232448, 232449}) {
      blocks = -1;
      const cudaError_t error =
          cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, attributed, threads, shared);
      const std::string what =
          "occupancy of " + std::to_string(threads) + " threads, " + std::to_string(shared) + " bytes";
      tell((what + ": error").c_str(), error);
      tell((what + ": blocks").c_str(), blocks);
      static_cast<void>(cudaGetLastError());
    }
  }
  ASK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, plain, 32, 65536));
  ASK_VALUE(blocks);
  ASK(cudaOccupancyMaxPotentialBlockSize(&grid, &size, plain, 0, 0));
  ASK_VALUE(grid);
  ASK_VALUE(size);
  ASK(cudaOccupancyMaxPotentialBlockSize(&grid, &size, plain, 40000, 0));
  ASK_VALUE(grid);
  ASK_VALUE(size);
  ASK(cudaOccupancyMaxPotentialBlockSize(&grid, &size, plain, 0, 200));
  ASK_VALUE(grid);
  ASK_VALUE(size);
  ASK(cudaOccupancyMaxPotentialBlockSize(&grid, &size, bounded, 0, 0));
  ASK_VALUE(grid);
  ASK_VALUE(size);
  for (const int n : {1, 2, 3, 4, 5, 7, 8, 16, 32}) {
    bytes = 0;
    const cudaError_t error = cudaOccupancyAvailableDynamicSMemPerBlock(&bytes, attributed, n, 32);
    tell(("shared memory left to each of " + std::to_string(n) + " blocks: error").c_str(), error);
    tell(("shared memory left to each of " + std::to_string(n) + " blocks: bytes").c_str(),
         static_cast<long long>(bytes));
  }
}

// Errors that are kept until they are asked for.
inline void ask_errors(Tell tell) {
  void* p = nullptr;
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(cudaMalloc(&p, std::size_t{1} << 50));
  ASK_VALUE(cudaPeekAtLastError());
  ASK_VALUE(cudaMalloc(&p, 4));
  ASK_VALUE(cudaPeekAtLastError());
  ASK_VALUE(cudaFree(p));
  ASK_VALUE(cudaDeviceSynchronize());
  ASK_VALUE(cudaSetDevice(99));
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(launch(plain, 0, 0));
  ASK_VALUE(cudaDeviceSynchronize());
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(cudaEventQuery(nullptr));
  ASK_VALUE(cudaGetLastError());
}

// What follows a kernel's failure.
inline void ask_failed(Tell tell) {
  void* p = nullptr;
  cudaDeviceProp properties{};
  cudaEvent_t event = nullptr;
  char host[4] = {};
  int n = 0;
  ASK_VALUE(cudaMalloc(&p, 4));
  static_cast<void>(launch(failing, 1, 1));
  ASK_VALUE(cudaDeviceSynchronize());
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(cudaPeekAtLastError());
  ASK_VALUE(cudaMalloc(static_cast<void**>(nullptr), 4));
  ASK_VALUE(cudaMalloc(&p, 0));
  ASK_VALUE(cudaMemcpy(p, host, 0, cudaMemcpyHostToDevice));
  ASK_VALUE(cudaMemcpy(p, host, 4, cudaMemcpyHostToDevice));
  ASK_VALUE(cudaEventCreate(&event));
  ASK_VALUE(cudaStreamQuery(0));
  ASK_VALUE(cudaGetDevice(&n));
  ASK_VALUE(cudaSetDevice(0));
  ASK_VALUE(cudaSetDevice(99));
  ASK_VALUE(cudaGetDeviceCount(&n));
  ASK_VALUE(cudaGetDeviceProperties(&properties, 0));
  ASK_VALUE(cudaDeviceGetAttribute(&n, cudaDevAttrWarpSize, 0));
  ASK_VALUE(cudaRuntimeGetVersion(&n));
  ASK_VALUE(launch(plain, 0, 1));
  ASK_VALUE(launch(plain, 1, 1));
  ASK_VALUE(cudaFree(nullptr));
  ASK_VALUE(cudaFree(p));
  ASK_VALUE(cudaDeviceReset());
  ASK_VALUE(cudaGetLastError());
  ASK_VALUE(cudaMalloc(&p, 4));
}

struct Part {
  const char* name;
  void (*ask)(Tell tell);
};
inline constexpr Part parts[] = {
    {"device", ask_device},       {"allocations", ask_allocations}, {"pointers", ask_pointers},
    {"copies", ask_copies},       {"streams", ask_streams},         {"launches", ask_launches},
    {"occupancy", ask_occupancy}, {"errors", ask_errors},           {"failed", ask_failed},
};

#undef ASK
#undef ASK_VALUE

}  // namespace questions
