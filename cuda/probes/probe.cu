// What an H200's L1, L2 and block scheduler do where nothing is published: small kernels whose counters
// answer one question each. Answers: h200_probe.csv; what follows from them: docs/results/counters.md.
//
//   nvcc -O3 -arch=sm_90a -o probe probe.cu
//   ncu --metrics l1tex__m_xbar2l1tex_read_sectors.sum ... ./probe l1|passes    one line per launch: which
//   ncu --metrics dram__bytes_read.sum ... ./probe l2|idle                      the same
//   ./probe blocks                                                              SMs of all blocks
//
// probe.sh does all that and writes h200_probe.csv.
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

// Which lines does the L1 keep? A warp loads so many of them at random.
__global__ void random_kernel(unsigned* memory, int lines, int loads) {
  unsigned zero = 0, random = 2463534242;
  for (int n = 0; n < loads; ++n) {
    random ^= random << 13;  // Marsaglia's xorshift
    random ^= random >> 17;
    random ^= random << 5;
    zero = load(memory + (random >> 8) % lines * 32 + threadIdx.x + zero);
  }
  if (zero != 0) memory[0] = zero;
}

// The same where many blocks come and go: one block per row, which it loads so many times and then, maybe, stores
// to another matrix.
__global__ void __launch_bounds__(256) passes_kernel(float* memory, int columns, int passes, bool stores) {
  const float* const x = memory + static_cast<long>(blockIdx.x) * columns;
  float* const y = memory + static_cast<long>(gridDim.x + blockIdx.x) * columns;
  float sum = 0;
  for (int pass = 0; pass < passes; ++pass) {
    for (int j = threadIdx.x; j < columns; j += 256) sum += x[j] * (pass + 1);
    sum += __syncthreads_or(sum == 12345) != 0;  // it is 0, which the compiler does not know
  }
  if (stores)
    for (int j = threadIdx.x; j < columns; j += 256) y[j] = sum;
  if (sum == 54321) *memory = sum;
}

// What does DRAM read and write for a kernel that asks for nothing?
__global__ void idle_kernel(unsigned long long duration, unsigned* memory) {
  const unsigned long long start = nanoseconds();
  while (nanoseconds() - start < duration) {
  }
  if (duration == 0) *memory = 1;
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
  // Of 32 KB of shared memory, as the other launches; it takes more than a few KB for the driver to choose
  // it.
  check(cudaFuncSetAttribute(random_kernel, cudaFuncAttributePreferredSharedMemoryCarveout, 14));
  for (const int lines : {1500, 1700, 1792, 1850, 1950, 2048, 2304, 2800, 3584, 7168}) {
    std::printf("random,%d,100000,\n", lines);
    random_kernel<<<1, 32, 15000>>>(memory, lines, 100000);
  }
  for (const int before : {0, 1}) {
    for (const int lanes : {1, 4, 8, 16, 32}) {
      std::printf("store,256,%d,%d\n", lanes, before);
      store_kernel<<<1, 32>>>(memory, 256, lanes, before);
    }
  }
  for (const int before : {0, 1}) {
    for (const int group : {1, 2, 4, 8}) {
      std::printf("rows,256,%d,%d\n", group, before);
      rows_kernel<<<1, 32>>>(memory, 256, group, before);
    }
  }
}

// The rows' columns, how often they are loaded, whether as many are stored.
void passes() {
  constexpr long kRows = 4096, kColumns = 8192, kBytes = 2 * kRows * kColumns * sizeof(float);
  float* memory = nullptr;
  check(cudaMalloc(&memory, kBytes));
  check(cudaMemset(memory, 0, kBytes));
  for (const int columns : {1024, 2048, 3072, 3584, 4096, 4608, 5120, 6144, 8192}) {
    for (const int times : {2, 3}) {
      for (const bool stores : {false, true}) {
        std::printf("passes,%d,%d,%d\n", columns, times, stores ? 1 : 0);
        passes_kernel<<<kRows, 256>>>(memory, columns, times, stores);
      }
    }
  }
}

void idle(unsigned* memory) {
  for (const unsigned long long microseconds : {100, 1000, 4000, 8000, 16000, 64000}) {
    for (int launch = 0; launch < 4; ++launch) {
      std::printf("idle,%llu,%d,\n", microseconds, launch);
      idle_kernel<<<1, 32>>>(1000 * microseconds, memory);
    }
  }
}

void l2() {
  float4* memory = nullptr;
  check(cudaMalloc(&memory, 65'000'000));
  check(cudaMemset(memory, 0, 65'000'000));
  for (const bool all : {true, false}) {
    for (const int mb : {28, 30, 32, 34, 36, 40, 44, 48, 52, 56}) {
      if (all && mb > 40) continue;
      for (const int passes : {1, 2, 4, 8}) {
        std::printf("%s,%d,%d,\n", all ? "l2-all" : "l2-each", mb, passes);
        l2_kernel<<<132, 1024>>>(memory, mb * 1'000'000L / sizeof(float4), passes, all,
                                 reinterpret_cast<float*>(memory));
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  unsigned* memory = nullptr;
  check(cudaMalloc(&memory, 1 << 24));
  check(cudaMemset(memory, 0, 1 << 24));
  const std::string which = argc == 2 ? argv[1] : "l1";
  which == "blocks"   ? blocks(memory)
  : which == "l2"     ? l2()
  : which == "passes" ? passes()
  : which == "idle"   ? idle(memory)
                      : l1(memory);
  check(cudaDeviceSynchronize());
}
