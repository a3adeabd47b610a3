// Prints what CUDA answers to the questions of questions.h, and how many blocks of kernels with many
// registers are resident. answers_h200.txt is its output on an H200 (CUDA 13.0, driver 580.159.04), made by
//   nvcc -std=c++17 -arch=sm_90a -I. tests/simulator/emulator/api/questions.cu -o questions
//   for part in device allocations pointers copies streams launches occupancy errors failed registers; do
//     echo "[$part]"; ./questions $part
//   done
// answers_h200_cuda12.txt is that of the parts launches and errors with the runtime library of CUDA 12.8,
// since 13.0 answers impossible launches with another code than CUDA 12 and its own documentation.
#include "tests/simulator/emulator/api/questions.h"

namespace {

void print(const char* question, long long answer) { std::printf("%s = %lld\n", question, answer); }

// Keeps n values alive at once.
template <int n>
__global__ void registers(float* p, int rounds) {
  float values[n];
#pragma unroll
  for (int i = 0; i < n; ++i) values[i] = p[i];
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < n; ++i) values[i] = values[i] * values[(i + 1) % n] + p[i * round];
  }
#pragma unroll
  for (int i = 0; i < n; ++i) p[i] = values[i];
}

template <int n>
void print_registers() {
  cudaFuncAttributes attributes{};
  cudaFuncGetAttributes(&attributes, registers<n>);
  for (const int threads : {32, 64, 96, 128, 192, 256, 320, 384, 512, 640, 1024}) {
    int blocks = -1;
    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, registers<n>, threads, 0);
    std::printf("registers %d threads %d blocks %d\n", attributes.numRegs, threads, blocks);
  }
}

}  // namespace

// A part a process, so that one does not see what another left behind.
int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string part = count > 1 ? arguments[1] : "";
  for (const questions::Part& p : questions::parts) {
    if (part == p.name) p.ask(print);
  }
  if (part != "registers") return 0;
  print_registers<1>();
  print_registers<16>();
  print_registers<24>();
  print_registers<32>();
  print_registers<40>();
  print_registers<56>();
  print_registers<72>();
  print_registers<88>();
  print_registers<104>();
  print_registers<128>();
  print_registers<160>();
  print_registers<192>();
  print_registers<240>();
}
