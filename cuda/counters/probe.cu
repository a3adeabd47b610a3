// What an H200's L1 and block scheduler do where nothing is published: small kernels whose counters answer
// one question each. Answers: h200_probe.csv; what follows from them: docs/results/counters.md.
//
//   nvcc -O3 -arch=sm_90a -o probe probe.cu
//   ncu --metrics l1tex__m_xbar2l1tex_read_sectors.sum --csv --page raw ./probe l1     one line a launch:
//   which
//   ./probe blocks                                                                      SMs of all blocks
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
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

void l1(unsigned* memory) {
  for (const int lines : {1700, 1750, 1770, 1792, 1800, 1820, 1856, 1920, 2048, 2304, 2560}) {
    std::printf("cycle,%d,8,\n", lines);
    cycle_kernel<<<1, 32>>>(memory, lines, 8);
  }
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

}  // namespace

int main(int argc, char** argv) {
  unsigned* memory = nullptr;
  check(cudaMalloc(&memory, 1 << 24));
  check(cudaMemset(memory, 0, 1 << 24));
  argc == 2 && std::strcmp(argv[1], "blocks") == 0 ? blocks(memory) : l1(memory);
  check(cudaDeviceSynchronize());
}
