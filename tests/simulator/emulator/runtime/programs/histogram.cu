// A histogram two ways (atomics in shared memory; lanes of one value found by __match_any_sync), in several
// streams, with pinned and managed memory, events, callbacks, __constant__ and __device__ variables, and
// getopt.
#include <cuda_runtime.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thread>
#include <vector>

#define BINS 256
typedef unsigned int uint;
typedef unsigned char uchar;

#define TRY(call) \
  { stop_unless((call), __FILE__, __LINE__); }
inline void stop_unless(cudaError_t code, const char* file, int line, bool abort = true) {
  if (code != cudaSuccess) {
    fprintf(stderr, "%s, %s:%d\n", cudaGetErrorString(code), file, line);
    if (abort) exit(code);
  }
}

__constant__ uint c_weight[BINS];
__device__ unsigned long long d_total;
__device__ uint d_done = 0;
__managed__ int m_flag;

__global__ void histogram_shared(const uchar4* in, size_t n4, uint* out) {
  __shared__ uint smem[BINS];
  for (int i = threadIdx.x; i < BINS; i += blockDim.x) smem[i] = 0;
  __syncthreads();
  for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n4;
       i += (size_t)gridDim.x * blockDim.x) {
    uchar4 v = in[i];
    atomicAdd(&smem[v.x], 1);
    atomicAdd(&smem[v.y], 1u);
    atomicAdd(smem + v.z, 1);
    atomicInc(&smem[v.w], 0xffffffffu);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < BINS; i += blockDim.x)
    if (smem[i]) atomicAdd(&out[i], smem[i]);
}

// warp-aggregated: match_any + leader
__global__ void histogram_match(const uchar* in, size_t n, uint* out) {
  size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const uchar v = in[i];
  const unsigned peers = __match_any_sync(__activemask(), (int)v);
  const int leader = __ffs(peers) - 1;
  if ((threadIdx.x & 31) == leader) atomicAdd(&out[v], __popc(peers));
}

__global__ void weighted_total(const uint* hist) {
  __shared__ unsigned long long partial[8];
  unsigned long long v = (unsigned long long)hist[threadIdx.x] * c_weight[threadIdx.x];
  for (int o = 16; o; o >>= 1) v += __shfl_down_sync(~0u, v, o);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x == 0) {
    unsigned long long t = 0;
    for (int i = 0; i < 8; ++i) t += partial[i];
    atomicAdd(&d_total, t);
    __threadfence();
    if (atomicInc(&d_done, 0xffff) == 0) m_flag = 1;
  }
}

static void CUDART_CB on_done(cudaStream_t, cudaError_t status, void* data) {
  *(int*)data += status == cudaSuccess;
}

static void usage(const char* name) {
  fprintf(stderr, "usage: %s [-n bytes] [-s streams] [-v]\n", name);
  exit(2);
}

int main(int argc, char** argv) {
  size_t n = 1 << 16;
  int nstreams = 3, verbose = 0, opt;
  static struct option longs[] = {
      {"size", required_argument, 0, 'n'}, {"streams", required_argument, 0, 's'}, {0, 0, 0, 0}};
  while ((opt = getopt_long(argc, argv, "n:s:vh", longs, NULL)) != -1) {
    switch (opt) {
      case 'n':
        n = atol(optarg);
        break;
      case 's':
        nstreams = atoi(optarg);
        break;
      case 'v':
        verbose = 1;
        break;
      default:
        usage(argv[0]);
    }
  }
  int count;
  TRY(cudaGetDeviceCount(&count));
  if (count == 0) return 77;
  TRY(cudaSetDevice(0));
  int clockRate, l2;
  TRY(cudaDeviceGetAttribute(&clockRate, cudaDevAttrClockRate, 0));
  TRY(cudaDeviceGetAttribute(&l2, cudaDevAttrL2CacheSize, 0));
  uchar* h;
  TRY(cudaMallocHost((void**)&h, n));
  uint expected[BINS] = {0};
  srand(3);
  for (size_t i = 0; i < n; ++i) expected[h[i] = (uchar)(rand() >> 7)]++;
  uint weights[BINS];
  for (int i = 0; i < BINS; ++i) weights[i] = i * i;
  TRY(cudaMemcpyToSymbol(c_weight, weights, sizeof(weights)));

  uchar* d;
  uint *hist, *hist2;
  TRY(cudaMalloc((void**)&d, n));
  TRY(cudaMalloc((void**)&hist, sizeof(uint) * BINS));
  TRY(cudaMallocManaged(&hist2, sizeof(uint) * BINS));
  memset(hist2, 0, sizeof(uint) * BINS);
  std::vector<cudaStream_t> streams(nstreams);
  for (auto& s : streams) TRY(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
  int lo, hi;
  TRY(cudaDeviceGetStreamPriorityRange(&lo, &hi));
  cudaEvent_t start, stop, ready;
  TRY(cudaEventCreate(&start));
  TRY(cudaEventCreate(&stop));
  TRY(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming));
  TRY(cudaEventRecord(start, 0));
  TRY(cudaMemsetAsync(hist, 0, sizeof(uint) * BINS, streams[0]));
  TRY(cudaEventRecord(ready, streams[0]));
  const size_t chunk = (n / nstreams) & ~(size_t)3;
  int callbacks = 0;
  for (int i = 0; i < nstreams; ++i) {
    size_t off = i * chunk, len = i == nstreams - 1 ? n - off : chunk;
    TRY(cudaStreamWaitEvent(streams[i], ready, 0));
    TRY(cudaMemcpyAsync(d + off, h + off, len, cudaMemcpyHostToDevice, streams[i]));
    histogram_shared<<<4, 256, 0, streams[i]>>>((uchar4*)(d + off), len / 4, hist);
    histogram_match<<<(len + 127) / 128, 128, 0, streams[i]>>>(d + off, len, hist2);
    TRY(cudaPeekAtLastError());
    TRY(cudaStreamAddCallback(streams[i], on_done, &callbacks, 0));
  }
  TRY(cudaDeviceSynchronize());
  TRY(cudaEventRecord(stop, 0));
  TRY(cudaEventSynchronize(stop));
  float ms = -1;
  TRY(cudaEventElapsedTime(&ms, start, stop));
  while (cudaEventQuery(stop) == cudaErrorNotReady) std::this_thread::yield();

  unsigned long long zero = 0, total, want = 0;
  TRY(cudaMemcpyToSymbol(d_total, &zero, sizeof zero));
  weighted_total<<<1, BINS>>>(hist);
  TRY(cudaMemcpyFromSymbol(&total, d_total, sizeof(total), 0, cudaMemcpyDeviceToHost));
  uint got[BINS];
  TRY(cudaMemcpy(got, hist, sizeof got, cudaMemcpyDeviceToHost));
  int bad = 0;
  for (int i = 0; i < BINS; ++i) {
    want += (unsigned long long)expected[i] * weights[i];
    if (got[i] != expected[i] || hist2[i] != expected[i]) ++bad;
  }
  size_t free_b, total_b;
  TRY(cudaMemGetInfo(&free_b, &total_b));
  if (verbose)
    printf("%d streams, %zu bytes, %.1f ms, %zu of %zu MB free\n", nstreams, n, ms, free_b >> 20,
           total_b >> 20);
  printf("%s: %d wrong bins, total %llu (%llu), %d callbacks, flag %d\n",
         bad || total != want ? "FAIL" : "PASS", bad, total, want, callbacks, m_flag);
  for (auto s : streams) cudaStreamDestroy(s);
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  cudaEventDestroy(ready);
  cudaFree(d);
  cudaFree(hist);
  cudaFree(hist2);
  cudaFreeHost(h);
  cudaDeviceReset();
  return bad != 0 || total != want || callbacks != nstreams || m_flag != 1;
}
