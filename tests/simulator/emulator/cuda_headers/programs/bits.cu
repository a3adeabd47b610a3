// Are the integer, bit and conversion intrinsics, minima and maxima what CUDA documents?
#include <cfloat>
#include <climits>
#include <cmath>

#include "expect.h"

__global__ void integers() {
  EXPECT(__popc(0xf0f0u) == 8 && __popcll(~0ull) == 64);
  EXPECT(__clz(0) == 32 && __clz(1) == 31 && __clz(-1) == 0 && __clz(0x00010000) == 15);
  EXPECT(__clzll(0) == 64 && __clzll(1) == 63 && __clzll(-1) == 0 && __clzll(1ll << 40) == 23);
  EXPECT(__ffs(0) == 0 && __ffs(8) == 4 && __ffsll(1ll << 40) == 41);
  EXPECT(__brev(1u) == 0x80000000u && __brev(0x12345678u) == 0x1e6a2c48u);
  EXPECT(__brevll(1ull) == 1ull << 63);
  EXPECT(__byte_perm(0x33221100u, 0x77665544u, 0x7531u) == 0x77553311u);
  EXPECT(__byte_perm(0x33221180u, 0x77665544u, 0xfff8u) == 0x77777780u);
  EXPECT(__funnelshift_l(0x80000001u, 0x12345678u, 4) == 0x23456788u);
  EXPECT(__funnelshift_r(0x80000001u, 0x12345678u, 4) == 0x88000000u);
  EXPECT(__funnelshift_l(1u, 2u, 32) == 2u && __funnelshift_r(1u, 2u, 32) == 1u);
  EXPECT(__funnelshift_lc(1u, 2u, 40) == 1u && __funnelshift_rc(1u, 2u, 40) == 2u);
  EXPECT(__mul24(0x00ffffff, 3) == -3 && __umul24(0xffffffffu, 2u) == 0x1fffffeu);
  EXPECT(__mulhi(INT_MIN, 2) == -1 && __umulhi(~0u, ~0u) == ~0u - 1);
  EXPECT(__umul64hi(~0ull, ~0ull) == ~0ull - 1 && __mul64hi(LLONG_MIN, 2) == -1);
  EXPECT(__hadd(INT_MAX, INT_MAX) == INT_MAX && __rhadd(-3, -2) == -2 && __uhadd(~0u, ~0u) == ~0u);
  EXPECT(__sad(-5, 7, 1u) == 13u && __usad(5u, 7u, 1u) == 3u);
  EXPECT(__dp4a(0x01fe03fc, 0x05060708, 100) == 100 + 5 - 12 + 21 - 32);
  EXPECT(__dp4a(0xff000001u, 0x02000003u, 7u) == 7u + 510u + 3u);
  EXPECT(__dp2a_lo(0x0002ffff, 0x00000304, 1) == 1 - 4 + 6);
  EXPECT(__float_as_uint(-0.0f) == 0x80000000u && __int_as_float(0x3f800000) == 1.0f);
  EXPECT(__double2hiint(1.0) == 0x3ff00000 && __hiloint2double(0x3ff00000, 0) == 1.0);
  EXPECT(__double_as_longlong(-0.0) == LLONG_MIN);
}

__global__ void parts() {
  const unsigned a = 0x80ff7f01u, b = 0x01027f80u;
  EXPECT(__vadd4(a, b) == 0x8101fe81u && __vsub4(a, b) == 0x7ffd0081u && __vadd2(a, b) == 0x8201fe81u);
  EXPECT(__vaddss4(a, b) == 0x81017f81u && __vaddus4(a, b) == 0x81fffe81u && __vsubus4(a, b) == 0x7ffd0000u);
  EXPECT(__vsubss4(a, b) == 0x80fd007fu && __vsubss2(0x80000000u, 1u) == 0x8000ffffu);
  EXPECT(__vmaxs4(a, b) == 0x01027f01u && __vmaxu4(a, b) == 0x80ff7f80u && __vmins4(a, b) == 0x80ff7f80u);
  EXPECT(__vminu2(0xffff0001u, 0x0001ffffu) == 0x00010001u &&
         __vmaxs2(0xffff0001u, 0x0001ffffu) == 0x00010001u);
  EXPECT(__vcmpeq4(a, b) == 0x0000ff00u && __vsetgtu4(a, b) == 0x01010000u &&
         __vcmplts4(a, b) == 0xffff0000u);
  EXPECT(__vabs4(0x80ff7f01u) == 0x80017f01u && __vabsss4(0x80ff7f01u) == 0x7f017f01u);
  EXPECT(__vneg2(0x0001ffffu) == 0xffff0001u && __vnegss4(0x80ff7f01u) == 0x7f0181ffu);
  EXPECT(__vabsdiffu4(a, b) == 0x7ffd007fu && __vsadu4(a, b) == 0x7f + 0xfd + 0x7f &&
         __vsads4(0xff000000u, 0x01000000u) == 2);
  EXPECT(__vavgu4(0x00000003u, 0x00000004u) == 4 && __vhaddu4(0x00000003u, 0x00000004u) == 3);
  EXPECT(__vimax3_s32(-1, 5, 3) == 5 && __vimin3_u32(1u, 5u, 3u) == 1u && __viaddmax_s32(2, 3, 4) == 5 &&
         __vimin_s32_relu(-4, 3) == 0);
}

__global__ void conversions() {
  EXPECT(__float2int_rn(2.5f) == 2 && __float2int_rn(3.5f) == 4 && __float2int_rz(-2.7f) == -2);
  EXPECT(__float2int_ru(2.1f) == 3 && __float2int_rd(-2.1f) == -3);
  EXPECT(__float2int_rn(1e20f) == INT_MAX && __float2int_rn(-1e20f) == INT_MIN && __float2int_rn(NAN) == 0);
  EXPECT(__float2uint_rn(-1.0f) == 0u && __float2uint_rz(1e20f) == UINT_MAX);
  EXPECT(__double2ll_rn(-2.5) == -2 && __float2ll_rz(1e30f) == LLONG_MAX);
  EXPECT(__int2float_rn(16777217) == 16777216.0f && __int2float_ru(16777217) == 16777218.0f);
  EXPECT(__uint2float_rz(0xffffffffu) == 4294967040.0f);
  EXPECT(__double2float_rd(0.1) < 0.1 && __double2float_ru(0.1) > 0.1);
  EXPECT(__ull2float_rn(~0ull) == 18446744073709551616.0f);
  EXPECT(__fadd_ru(1.0f, 1e-20f) > 1.0f && __fadd_rd(1.0f, 1e-20f) == 1.0f);
  EXPECT(__fmul_rz(1.0000001f, 1.0000001f) <= 1.0000002f && __fdiv_ru(1.0f, 3.0f) > __fdiv_rd(1.0f, 3.0f));
  EXPECT(__fsqrt_ru(2.0f) > __fsqrt_rd(2.0f) && __fmaf_rz(1.0f, 1.0f, 1e-20f) == 1.0f);
  EXPECT(__saturatef(1.5f) == 1 && __saturatef(-1) == 0 && __saturatef(NAN) == 0 &&
         __saturatef(0.25f) == 0.25f);
}

// A product that is rounded before it is added, whatever the compiler thinks of multiply-adds.
__global__ void contraction(float a, float b, float product) {
  EXPECT(__fadd_rn(a * b, -product) == 0);
  EXPECT(fmaf(a, b, -product) != 0);
}

__global__ void contraction_of_product(float a, float b, float product) {
  EXPECT(__fmul_rn(a, b) - product == 0);
}

__global__ void extremes() {
  const int minus = -1;
  const unsigned one = 1;
  EXPECT(max(minus, one) == 0xffffffffu && min(minus, one) == 1u);
  EXPECT(max(-1, 1) == 1 && min(-1ll, 1ll) == -1ll && max(1.0f, 2.0f) == 2.0f && min(1.0f, 2.0) == 1.0);
  EXPECT(fmaxf(NAN, 1.0f) == 1.0f && fminf(1.0f, NAN) == 1.0f && fmaxf(1.0f, NAN) == 1.0f &&
         fminf(NAN, 1.0f) == 1.0f);
  EXPECT(isnan(fmaxf(NAN, NAN)) && fmaxf(-INFINITY, -1.0f) == -1.0f && fminf(INFINITY, -1.0f) == -1.0f);
  // The same of numbers that the compiler does not know, and zeros.
  volatile float nan = NAN, zero = 0, unit = 1;
  EXPECT(fmaxf(nan, unit) == 1 && fmaxf(unit, nan) == 1 && fminf(nan, unit) == 1 && fminf(unit, nan) == 1);
  EXPECT(!signbit(fmaxf(-zero, zero)) && !signbit(fmaxf(zero, -zero)) && signbit(fminf(zero, -zero)) &&
         signbit(fminf(-zero, zero)) && fmaxf(unit, zero) == 1 && fminf(unit, zero) == 0);
  EXPECT(umax(1u, 2u) == 2u && llmin(1, 2) == 1);
}

__global__ void memory(const float4* in, float4* out) {
  const float4 a = __ldg(in + threadIdx.x), b = __ldcg(in + threadIdx.x), c = __ldcs(in + threadIdx.x);
  __stcs(out + threadIdx.x, make_float4(a.x, b.y, c.z, __ldca(&in[threadIdx.x].w)));
  __shared__ int shared[4];
  int local = 0;
  EXPECT(__isShared(shared) && !__isShared(in) && __isGlobal(in) && !__isGlobal(shared) && __isLocal(&local));
  const size_t offset = __cvta_generic_to_shared(&shared[2]);
  EXPECT(offset - __cvta_generic_to_shared(&shared[0]) == 8 &&
         __cvta_shared_to_generic(offset) == &shared[2]);
  const long long before = clock64();
  EXPECT(clock64() > before);
  __nanosleep(10);
}

int main() {
  integers<<<1, 1>>>();
  parts<<<1, 1>>>();
  conversions<<<1, 1>>>();
  const volatile float a = 1.0000001f, b = 1.0000003f;
  const volatile float product = a * b;
  contraction<<<1, 1>>>(a, b, product);
  contraction_of_product<<<1, 1>>>(a, b, product);
  extremes<<<1, 1>>>();
  float4 *in, *out;
  cudaMallocManaged(&in, 32 * sizeof(float4));
  cudaMallocManaged(&out, 32 * sizeof(float4));
  for (int i = 0; i < 32; ++i) in[i] = make_float4(1.0f * i, 2.0f * i, 3.0f * i, 4.0f * i);
  memory<<<1, 32>>>(in, out);
  cudaDeviceSynchronize();
  for (int i = 0; i < 32; ++i)
    EXPECT_ON_HOST(out[i].x == in[i].x && out[i].y == in[i].y && out[i].z == in[i].z && out[i].w == in[i].w);
  cudaFree(in);
  cudaFree(out);
  return finish();
}
