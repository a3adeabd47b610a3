// What an H200's L1, L2 and block scheduler do where nothing is published: small kernels whose counters
// answer one question each. Answers: h200_probe.csv; what follows from them: docs/results/counters.md.
//
//   nvcc -O3 -arch=sm_90a -o probe probe.cu
//   ncu --metrics l1tex__m_xbar2l1tex_read_sectors.sum --csv --page raw ./probe l1     one line a launch:
//   which
//   ncu --metrics dram__bytes_read.sum --csv --page raw ./probe l2                                the same
//   ./probe blocks                                                                      SMs of all blocks
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace {

void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "probe: %s\n", cudaGetErrorString(error));
  std::exit(1);
}

// Loads and stores that the compiler keeps, one by one and in this order. Memory is zero: adding what a load
// brought to the next address makes that one wait.
__device__ unsigned load(const unsigned* p) {
  unsigned value;
  asm volatile("ld.global.u32 %0, [%1];" : "=r"(value) : "l"(p) : "memory");
  return value;
}
__device__ void store(unsigned* p, unsigned value) {
  asm volatile("st.global.u32 [%0], %1;" ::"l"(p), "r"(value) : "memory");
}
__device__ unsigned long long nanoseconds() {
  unsigned long long time;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  return time;
}

// How many lines does the L1 keep? A warp loads so many lines over and over.
__global__ void cycle_kernel(unsigned* memory, int lines, int passes) {
  unsigned zero = 0;
  for (int pass = 0; pass < passes; ++pass)
    for (int line = 0; line < lines; ++line) zero = load(memory + line * 32 + threadIdx.x + zero);
  if (zero != 0) memory[0] = zero;
}

// What does a store leave in the L1? Lanes below `lanes` store to a line, which was loaded before or not;
// then all of it is loaded.
__global__ void store_kernel(unsigned* memory, int lines, int lanes, int loaded_before) {
  unsigned zero = 0;
  for (int line = 0; line < lines; ++line) {
    unsigned* const p = memory + line * 32 + threadIdx.x;
    if (loaded_before != 0) zero = load(p + zero);
    if (static_cast<int>(threadIdx.x) < lanes) store(p, zero);
    __syncwarp();
    zero = load(p + zero);
  }
  if (zero != 0) memory[0] = zero;
}

// A thread a row: loads `group` numbers, stores them, goes on; before that, maybe, a pass of loads alone.
__global__ void rows_kernel(unsigned* memory, int columns, int group, int loaded_before) {
  unsigned zero = 0;
  unsigned* const row = memory + threadIdx.x * columns;
  if (loaded_before != 0)
    for (int j = 0; j < columns; ++j) zero = load(row + j + zero);
  for (int j = 0; j < columns; j += group) {
    unsigned sum = 0;
    for (int k = 0; k < group; ++k) sum += load(row + j + k + zero);
    for (int k = 0; k < group; ++k) store(row + j + k, sum);
    zero = sum;
  }
  if (zero != 0) memory[0] = zero;
}

// How much does the L2 keep? SMs read memory from end to end over and over, past the L1: all of it each, or
// a part each.
__global__ void l2_kernel(const float4* memory, long quads, int passes, bool all, float* sum) {
  const long each = all ? quads : quads / gridDim.x, first = all ? 0 : blockIdx.x * each;
  float x = 0;
  for (int pass = 0; pass < passes; ++pass)
    for (long i = threadIdx.x; i < each; i += blockDim.x) x += __ldcg(memory + first + i).x;
  if (x != 0) *sum = x;
}

// Which SM runs a block? All blocks stay until the last has come.
__global__ void blocks_kernel(unsigned* sm) {
  unsigned id;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(id));
  if (threadIdx.x == 0 && threadIdx.y == 0)
    sm[blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z)] = id;
  const unsigned long long start = nanoseconds();
  while (nanoseconds() - start < 200000) {
  }
}

// Of rung 01's P V with d 64: how often does an SM get the first block of a head and a half of V?
void blocks(unsigned* memory) {
  for (const unsigned rows : {128u, 251u, 256u}) {
    const dim3 grid(2, rows, 2);
    for (int time = 0; time < 2; ++time)
      blocks_kernel<<<grid, dim3(32, 4)>>>(memory);  // the first may come slowly
    std::vector<unsigned> sm(std::size_t{4} * rows);
    check(cudaMemcpy(sm.data(), memory, sm.size() * sizeof(unsigned), cudaMemcpyDeviceToHost));
    std::set<std::tuple<unsigned, std::size_t, std::size_t>> halves;
    for (std::size_t block = 0; block < sm.size(); ++block)
      halves.emplace(sm[block], block % 2, block / (2 * rows));
    std::printf("blocks,%u,,,%zu\n", rows, halves.size());
  }
}

// The same for an L1 that shared memory leaves smaller.
void cycle(unsigned* memory, const char* name, int shared_kb, std::initializer_list<int> working_sets) {
  check(cudaFuncSetAttribute(cycle_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  for (const int lines : working_sets) {
    std::printf("%s,%d,8,\n", name, lines);
    cycle_kernel<<<1, 32, shared_kb * 1024>>>(memory, lines, 8);
  }
}

void l1(unsigned* memory) {
  cycle(memory, "cycle", 0, {1700, 1750, 1770, 1792, 1800, 1820, 1856, 1920, 2048, 2304, 2560});
  cycle(memory, "cycle-124", 130, {932, 962, 992, 1011, 1041, 1091, 1140, 1190, 1289, 1488});
  for (const int before : {0, 1})
    for (const int lanes : {1, 4, 8, 16, 32}) {
      std::printf("store,256,%d,%d\n", lanes, before);
      store_kernel<<<1, 32>>>(memory, 256, lanes, before);
    }
  for (const int before : {0, 1})
    for (const int group : {1, 2, 4, 8}) {
      std::printf("rows,256,%d,%d\n", group, before);
      rows_kernel<<<1, 32>>>(memory, 256, group, before);
    }
}

void l2() {
  float4* memory = nullptr;
  check(cudaMalloc(&memory, 65'000'000));
  check(cudaMemset(memory, 0, 65'000'000));
  for (const bool all : {true, false})
    for (const int mb : {28, 30, 32, 34, 36, 40, 44, 48, 52, 56}) {
      if (all && mb > 40) continue;
      std::printf("%s,%d,4,\n", all ? "l2-all" : "l2-each", mb);
      l2_kernel<<<132, 1024>>>(memory, mb * 1'000'000L / sizeof(float4), 4, all,
                               reinterpret_cast<float*>(memory));
    }
}

}  // namespace

int main(int argc, char** argv) {
  unsigned* memory = nullptr;
  check(cudaMalloc(&memory, 1 << 24));
  check(cudaMemset(memory, 0, 1 << 24));
  const std::string which = argc == 2 ? argv[1] : "l1";
  which == "blocks" ? blocks(memory) : which == "l2" ? l2() : l1(memory);
  check(cudaDeviceSynchronize());
}
