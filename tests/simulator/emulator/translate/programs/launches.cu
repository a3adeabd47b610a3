// Every way to launch a kernel that the language has. Exit code 0: each ran with the right arguments.
#include <cstdio>
#include <cstdlib>

#define LAUNCH(kernel, grid, block, ...) kernel<<<grid, block>>>(__VA_ARGS__)

int* value;  // on the device

// The value of the last kernel, which is set to 0; ends the program unless it is `expected`.
void expect(int expected, int line) {
  int got = -1;
  const cudaError_t error = cudaMemcpy(&got, value, sizeof got, cudaMemcpyDeviceToHost);
  if (error != cudaSuccess || got != expected) {
    std::printf("line %d: got %d, expected %d (%s)\n", line, got, expected, cudaGetErrorString(error));
    std::exit(1);
  }
  cudaMemset(value, 0, sizeof got);
}
#define EXPECT(expected) expect(expected, __LINE__)

__global__ void set(int* out, int a) { *out = a; }
__global__ void two_defaults(int* out, int a = 5, int b = 6) { *out = 10 * a + b; }
__global__ void threads(int* out) {
  if (blockIdx.x + blockIdx.y + blockIdx.z + threadIdx.x + threadIdx.y + threadIdx.z == 0)
    *out = static_cast<int>(gridDim.x * gridDim.y * gridDim.z * 1000 + blockDim.x * blockDim.y * blockDim.z);
}
__global__ void pointers(const int* a, const float* b, void* c, int* out) { *out = !a + !b + !c; }
__global__ void overloaded(int* out, int) { *out = 1; }
__global__ void overloaded(int* out, double) { *out = 2; }
extern "C" __global__ void c_name(int* out) { *out = 3; }
extern "C" {
__global__ void c_block_name(int* out) { *out = 4; }
}
template <class T, int n>
__global__ void sized(int* out) {
  *out = static_cast<int>(sizeof(T)) * 100 + n;
}
template <class T>
__global__ void deduced(T* out, T a) {
  *out = a + 1;
}
template <class... T>
__global__ void packed(int* out, T... all) {
  *out = (0 + ... + all);
}
template <class Function>
__global__ void call(Function function) {
  function(threadIdx.x);
}
struct Big {
  int values[40];
};
__global__ void by_value(int* out, const Big big) { *out = big.values[39]; }

namespace outer {
namespace inner {
template <class T, bool b>
__global__ void nested(T* out) {
  *out = b ? 21 : 22;
}
}  // namespace inner
}  // namespace outer

template <class T, int n>
struct Launcher {
  template <int k>
  static void go(T* out, cudaStream_t stream) {
    sized<T, (n > 4 ? n : 4) + (k >> 1)><<<dim3(1), k, 0, stream>>>(out);
  }
  void operator()() const { deduced<<<blocks(), 1>>>(target, n); }
  int blocks() const { return 1; }
  T* target;
  void (*kernel)(int*, int);
};

template <class... T>
void forward(T... all) {
  packed<T...><<<1, 1>>>(value, all...);
}

template <int n>
constexpr int twice() {
  return 2 * n;
}
template <class T>
struct Size {
  static constexpr int value = sizeof(T);
};

int calls = 0;
int counted() { return ++calls; }

template <int n>
__global__ void fixed(int* where) {
  *where = n;
}
__global__ void by_reference(int& where, int what) { where = what; }

struct Counting {
  static int copied, destroyed;
  int value;
  explicit Counting(int v) : value(v) {}
  Counting(const Counting& other) : value(other.value) { ++copied; }
  ~Counting() { ++destroyed; }
};
int Counting::copied = 0, Counting::destroyed = 0;
__global__ void object_by_value(Counting counting, int* out) {
  counting.value += static_cast<int>(threadIdx.x);
  out[threadIdx.x] = counting.value;
}

int main() {
  cudaMalloc(&value, sizeof(int));
  const int n = 7;
  set<<<1, 1>>>(value, n);
  EXPECT(7);
  set<<<1, 1, 0, 0>>>(value, 'a' - 'A' << 1);
  EXPECT(64);
  LAUNCH(set, 1, 1, value, 8);
  EXPECT(8);
  LAUNCH((sized<double, 9>), 1, 1, value);
  EXPECT(809);
  two_defaults<<<1, 1>>>(value);
  EXPECT(56);
  two_defaults<<<1, 1>>>(value, 1);
  EXPECT(16);
  threads<<<dim3(2, 3), dim3{4, 5, 2}>>>(value);
  EXPECT(6040);
  threads<<<(n + 3) / 4, twice<4>()>>>(value);
  EXPECT(2008);
  threads<<<n>> 1, n> 5 ? 3 : 4, Size<Size<int>>::value >>> (value);
  EXPECT(3003);
  threads<<<Size<Size<Size<int>>>::value, 2>>>(value);
  EXPECT(1002);
  pointers<<<1, 1>>>(0, NULL, nullptr, value);
  EXPECT(3);
  overloaded<<<1, 1>>>(value, 1);
  EXPECT(1);
  overloaded<<<1, 1>>>(value, 1.0);
  EXPECT(2);
  c_name<<<1, 1>>>(value);
  EXPECT(3);
  c_block_name<<<1, 1>>>(value);
  EXPECT(4);
  sized<char, (n > 4)><<<1, 1>>>(value);
  EXPECT(101);
  sized<short, n << 1><<<1, 1>>>(value);
  EXPECT(214);
  sized<Size<Size<int>>, Size<int>::value><<<1, 1>>>(value);
  EXPECT(104);
  deduced<<<1, 1>>>(value, 41);
  EXPECT(42);
  ::deduced<<<1, 1>>>(value, 42);
  EXPECT(43);
  forward(1, 2, 3);
  EXPECT(6);
  outer::inner::nested<int, true><<<1, 1>>>(value);
  EXPECT(21);
  ::outer::inner::nested<int, (1 > 2)><<<1, 1>>>(value);
  EXPECT(22);
  Launcher<int, 7>::go<8>(value, nullptr);
  EXPECT(411);
  Launcher<int, 7> launcher{value, set};
  launcher();
  EXPECT(8);
  launcher.kernel<<<1, 1>>>(value, 11);
  EXPECT(11);
  const Launcher<int, 7>* const pointer = &launcher;
  pointer->kernel<<<1, 1>>>(value, 12);
  EXPECT(12);
  void (*const table[])(int*, int) = {set, &deduced<int>};
  table[0]<<<1, 1>>>(value, 13);
  EXPECT(13);
  (*(table + 1))<<<1, 1>>>(value, 13);
  EXPECT(14);
  (n > 5 ? set : deduced<int>)<<<1, 1>>>(value, 15);
  EXPECT(15);
  if (n > 5)
    set<<<1, 1>>>(value, 16);
  else
    set<<<1, 1>>>(value, 17);
  EXPECT(16);
  for (int i = 0; i < 3; ++i) set<<<1, 1>>>(value, i);
  EXPECT(2);
  n > 5 ? set<<<1, 1>>>(value, 18) : set<<<1, 1>>>(value, 19);
  EXPECT(18);
  [&] { return set<<<1, 1>>>(value, 20); }();
  EXPECT(20);
  int* const out = value;
  call<<<1, 32>>>([=] __device__(int i) {
    if (i == 31) *out = n + 100;
  });
  EXPECT(107);
  call<<<1, 1>>>([out] __host__ __device__(int) { *out = 108; });
  EXPECT(108);
  Big big{};
  big.values[39] = 23;
  by_value<<<1, 1>>>(value, big);
  EXPECT(23);
  set<<<counted() / 9 + 1, counted() / 9 + 1>>>(value, counted());
  EXPECT(3);
  if (calls != 3) return std::printf("arguments were evaluated %d times\n", calls), 1;

  int a = 24;
  void* arguments[] = {&value, &a};
  cudaLaunchKernel(set, dim3(1), dim3(1), arguments, 0, nullptr);
  EXPECT(24);
  constexpr int seventy = 70;
  [&] { [&] { fixed<seventy><<<1, 1>>>(value); }(); }();
  EXPECT(70);
  // A reference is an address: the kernel writes the very object.
  by_reference<<<1, 1>>>(*value, 26);
  EXPECT(26);
  // Copied to the device bit by bit: each thread changes its own bits, none runs a constructor or destructor.
  int* out4;
  cudaMallocManaged(&out4, 4 * sizeof *out4);
  const int copied = Counting::copied, destroyed = Counting::destroyed;
  {
    const Counting counting(30);
    object_by_value<<<1, 4>>>(counting, out4);
    cudaDeviceSynchronize();
  }
  for (int i = 0; i < 4; ++i)
    if (out4[i] != 30 + i) return std::printf("thread %d got %d\n", i, out4[i]), 1;
  if (Counting::copied - copied > 2 || Counting::destroyed - destroyed > 3)
    return std::printf("the device ran constructors\n"), 1;
  cudaFree(out4);
  a = 25;
  cudaLaunchKernel(reinterpret_cast<const void*>(set), dim3(1), dim3(1), arguments, 0, nullptr);
  EXPECT(25);

  set<<<1, 1025>>>(value, 1);
  if (cudaGetLastError() != cudaErrorInvalidConfiguration) return std::printf("1025 threads ran\n"), 1;
  set<<<0, 1>>>(value, 1);
  if (cudaGetLastError() != cudaErrorInvalidConfiguration) return std::printf("no blocks ran\n"), 1;
  EXPECT(0);
  cudaFree(value);
}
