// Inline PTX in the forms that programs write it in. Exit code 0: each gave the right result.
#include <cstdio>

#define ADD(type, constraint, d, a, b) \
  asm("add." type " %0, %1, %2;" : "=" constraint(d) : constraint(a), constraint(b))

struct Pair {
  unsigned low, high;
};

template <class T>
__device__ __forceinline__ T fused(T a, T b, T c) {
  T d = c;
  asm volatile("fma.rn.f32 %0, %1, %2, %0;" : "+f"(d) : "f"(a), "f"(b) : "memory");
  return d;
}

__device__ unsigned lane() {
  unsigned id;
  asm volatile("mov.u32 %0, %%laneid;" : "=r"(id));
  return id;
}

__global__ void kernel(unsigned* out) {
  const unsigned i = threadIdx.x;
  unsigned bad = 0, r;
  bad |= fused(2.0f, 3.0f, 4.0f) != 10.0f;
  bad |= (lane() != i) << 1;
  asm("{\n\t"
      ".reg .pred p;\n\t"
      "setp.gt.u32 p, %1, 3;  // a comment\n\t"
      "selp.u32 %0, 1, 0, p;\n\t"
      "}"
      : "=r"(r)
      : "r"(i));
  bad |= (r != (i > 3)) << 2;
  ADD("u32", "r", r, i, i + 1);
  bad |= (r != 2 * i + 1) << 3;
  Pair pair = {i, 7};
  asm("add.u32 %0, %0, %1;" : "+r"(pair.low) : "r"(pair.high));
  bad |= (pair.low != i + 7) << 4;
  asm volatile(R"(
    mul.lo.u32 %0, %1, 3;
    add.u32    %0, %0, %2;
  )"
               : "=r"(r)
               : "r"(i), "n"(5));
  bad |= (r != 3 * i + 5) << 5;
  unsigned parts[2];
  const unsigned long long wide = 0x100000002ull + i;
  __asm__ __volatile__("mov.b64 {%0, %1}, %2;" : "=r"(parts[0]), "=r"(parts[1]) : "l"(wide));
  bad |= (parts[0] != i + 2 || parts[1] != 1) << 6;
  if (i > 100)
    asm volatile("trap;");
  else
    asm volatile("bar.sync 0;" ::: "memory");
  asm volatile("" : : : "memory");
  asm("st.global.u32 [%0], %1;" ::"l"(out + i), "r"(bad) : "memory");
}

// x86 in host code stays what it is.
int host_add(int a, int b) {
  asm volatile("addl %1, %0" : "+r"(a) : "r"(b));
  return a;
}

int main() {
  unsigned host[32], *out;
  cudaMalloc(&out, sizeof host);
  kernel<<<1, 32>>>(out);
  if (cudaMemcpy(host, out, sizeof host, cudaMemcpyDeviceToHost) != cudaSuccess) return 2;
  cudaFree(out);
  for (int i = 0; i < 32; ++i)
    if (host[i] != 0) return std::printf("thread %d: %x\n", i, host[i]), 1;
  return host_add(2, 3) != 5;
}
