// Do fp16, bf16 and fp8 convert and compute with one rounding, for every bit pattern? The reference's
// conversions say what is right.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "expect.h"
#include "reference/core/dtype.h"

using attnlab::DType;
using attnlab::Overflow;

template <class T>
struct Format;
template <>
struct Format<__half> {
  static constexpr DType type = DType::f16;
  __host__ __device__ static __half of(float x) { return __float2half_rn(x); }
  __host__ __device__ static __half of_double(double x) { return __double2half(x); }
  __host__ __device__ static float value(__half x) { return __half2float(x); }
  __host__ __device__ static unsigned short bits(__half x) { return __half_as_ushort(x); }
  __host__ __device__ static __half from(unsigned short x) { return __ushort_as_half(x); }
};
template <>
struct Format<__nv_bfloat16> {
  static constexpr DType type = DType::bf16;
  __host__ __device__ static __nv_bfloat16 of(float x) { return __float2bfloat16_rn(x); }
  __host__ __device__ static __nv_bfloat16 of_double(double x) { return __double2bfloat16(x); }
  __host__ __device__ static float value(__nv_bfloat16 x) { return __bfloat162float(x); }
  __host__ __device__ static unsigned short bits(__nv_bfloat16 x) { return __bfloat16_as_ushort(x); }
  __host__ __device__ static __nv_bfloat16 from(unsigned short x) { return __ushort_as_bfloat16(x); }
};

// The same number, or NaN both times.
bool agree(DType type, std::uint64_t got, std::uint64_t expected) {
  const double a = attnlab::decode(type, got), b = attnlab::decode(type, expected);
  return (std::isnan(a) && std::isnan(b)) || got == expected;
}

constexpr int kPatterns = 1 << 16;

// A kernel's results, beside its inputs.
template <class T>
struct Row {
  float value;  // of a pattern
  T round_trip, sum, difference, product, quotient, fused, root, negated, largest;
  T of_float, of_double;  // of a float and a double near a pattern
  bool less, equal, unequal;
};

__host__ __device__ unsigned short partner(int i) { return static_cast<unsigned short>(i * 40503u + 977u); }
__host__ __device__ unsigned short third(int i) { return static_cast<unsigned short>(i * 9973u + 31u); }

template <class T>
__host__ __device__ double near(int i) {
  // On, just above and just below the middle between two numbers of the format, and elsewhere.
  const double x = static_cast<double>(Format<T>::value(Format<T>::from(static_cast<unsigned short>(i))));
  const double next =
      static_cast<double>(Format<T>::value(Format<T>::from(static_cast<unsigned short>(i ^ 1))));
  const double middle = x + (next - x) / 2;
  switch (i / 2 % 4) {
    case 0:
      return middle;
    case 1:
      return middle * (1 + 0x1p-22);
    case 2:
      return middle * (1 - 0x1p-22);
    default:
      return middle * (1 + 0x1p-50);
  }
}

template <class T>
__global__ void compute(Row<T>* rows) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  using F = Format<T>;
  const T a = F::from(static_cast<unsigned short>(i)), b = F::from(partner(i)), c = F::from(third(i));
  Row<T>& row = rows[i];
  row.value = F::value(a);
  row.round_trip = F::of(F::value(a));
  row.sum = a + b;
  row.difference = a - b;
  row.product = a * b;
  row.quotient = a / b;
  row.fused = __hfma(a, b, c);
  row.root = hsqrt(a);
  row.negated = -a;
  row.largest = __hmax(a, b);
  row.of_float = F::of(static_cast<float>(near<T>(i)));
  row.of_double = F::of_double(near<T>(i));
  row.less = a < b;
  row.equal = a == b;
  row.unequal = a != b;
}

// Compares all rows; names the first few that differ.
template <class T>
void check() {
  using F = Format<T>;
  constexpr DType type = F::type;
  Row<T>* rows;
  cudaMallocManaged(&rows, kPatterns * sizeof(Row<T>));
  compute<<<kPatterns / 256, 256>>>(rows);
  cudaDeviceSynchronize();
  const auto rounded = [](double x) { return attnlab::encode(type, x); };
  const auto expect = [](int i, const char* what, T got, std::uint64_t expected) {
    if (agree(type, F::bits(got), expected)) return;
    if (failures++ < 10)
      std::printf("%s of %04x (%04x, %04x): %04x, expected %04x\n", what, i, partner(i), third(i),
                  F::bits(got), static_cast<unsigned>(expected));
  };
  for (int i = 0; i < kPatterns; ++i) {
    const Row<T>& row = rows[i];
    const double a = attnlab::decode(type, static_cast<unsigned>(i)), b = attnlab::decode(type, partner(i)),
                 c = attnlab::decode(type, third(i));
    const double got = static_cast<double>(row.value);
    EXPECT_ON_HOST(got == a || (std::isnan(got) && std::isnan(a)));
    if (std::isnan(a)) EXPECT_ON_HOST(F::bits(row.round_trip) == 0x7fff);
    expect(i, "round trip", row.round_trip, static_cast<unsigned>(i));
    expect(i, "sum", row.sum, rounded(a + b));
    expect(i, "difference", row.difference, rounded(a - b));
    expect(i, "product", row.product, rounded(a * b));
    expect(i, "root", row.root, rounded(std::sqrt(a)));
    expect(i, "negated", row.negated, static_cast<unsigned>(i ^ 0x8000));
    expect(i, "max", row.largest, rounded(std::isnan(a) ? b : std::isnan(b) ? a : std::max(a, b)));
    expect(i, "of float", row.of_float, rounded(static_cast<double>(static_cast<float>(near<T>(i)))));
    expect(i, "of double", row.of_double, rounded(near<T>(i)));
    // The quotient is specified to an ulp or so.
    const double quotient = static_cast<double>(F::value(row.quotient));
    if (std::isfinite(a / b) && std::fabs(a / b) < 60000 && std::fabs(a / b) > 1e-4)
      EXPECT_ON_HOST(std::fabs(quotient - a / b) <=
                     std::fabs(a / b) * (type == DType::f16 ? 0x1p-10 : 0x1p-7));
    // The product is exact in double. The sum's error is exact too; an even sum that is not exact becomes the
    // odd number beside it, on the side of the true value, which no rounding to so few digits mistakes for a
    // tie.
    const double product = a * b, from_c = (product + c) - product;
    const double cut = (product - ((product + c) - from_c)) + (c - from_c);
    double once = product + c;
    if (cut != 0 && std::isfinite(once)) {
      std::uint64_t bits;
      std::memcpy(&bits, &once, 8);
      if ((bits & 1) == 0) once = std::nextafter(once, cut > 0 ? HUGE_VAL : -HUGE_VAL);
    }
    expect(i, "multiply-add", row.fused, rounded(once));
    EXPECT_ON_HOST(row.less == (a < b) && row.equal == (a == b) && row.unequal == (a != b));
  }
  cudaFree(rows);
}

// --- fp8 -------------------------------------------------------------------------------------------------
struct Bytes {
  unsigned char saturated[2], unsaturated[2];  // of E4M3 and E5M2
};

__global__ void to_fp8(const float* in, Bytes* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  for (int kind = 0; kind < 2; ++kind) {
    const auto interpretation = kind == 0 ? __NV_E4M3 : __NV_E5M2;
    out[i].saturated[kind] = __nv_cvt_float_to_fp8(in[i], __NV_SATFINITE, interpretation);
    out[i].unsaturated[kind] = __nv_cvt_float_to_fp8(in[i], __NV_NOSAT, interpretation);
  }
  EXPECT(__nv_fp8_e4m3(in[i]).__x == out[i].saturated[0] && __nv_fp8_e5m2(in[i]).__x == out[i].saturated[1]);
  const __nv_fp8x2_e4m3 two(make_float2(in[i], -1.0f));
  EXPECT((two.__x & 0xff) == out[i].saturated[0] && two.__x >> 8 == 0xb8);
  const __nv_fp8x4_e5m2 four(make_float4(1.0f, 2.0f, -1.0f, in[i]));
  EXPECT((four.__x & 0xffffff) == 0xbc403c && four.__x >> 24 == out[i].saturated[1]);
}

__global__ void from_fp8(float (*values)[2]) {
  const unsigned i = threadIdx.x;
  __nv_fp8_e4m3 a;
  __nv_fp8_e5m2 b;
  a.__x = static_cast<__nv_fp8_storage_t>(i);
  b.__x = static_cast<__nv_fp8_storage_t>(i);
  values[i][0] = static_cast<float>(a);
  values[i][1] = static_cast<float>(b);
  EXPECT(static_cast<float>(static_cast<__half>(a)) == values[i][0] || values[i][0] != values[i][0]);
}

void check_fp8() {
  constexpr DType types[] = {DType::e4m3, DType::e5m2};
  // Every number of both formats, the middles between them, and what lies about those.
  std::vector<float> inputs;
  for (const DType type : types)
    for (unsigned i = 0; i < 256; ++i) {
      const double x = attnlab::decode(type, i), next = attnlab::decode(type, (i + 1) % 256);
      for (const double y :
           {x, (x + next) / 2, (x + next) / 2 * (1 + 0x1p-20), (x + next) / 2 * (1 - 0x1p-20)})
        inputs.push_back(static_cast<float>(y));
    }
  for (const float x : {500.0f, -500.0f, 464.0f, 465.0f, 61440.0f, 61439.0f, 1e30f, -INFINITY, INFINITY, NAN})
    inputs.push_back(x);
  while (inputs.size() % 64 != 0) inputs.push_back(0);
  float* in;
  Bytes* out;
  cudaMallocManaged(&in, inputs.size() * sizeof(float));
  cudaMallocManaged(&out, inputs.size() * sizeof(Bytes));
  std::copy(inputs.begin(), inputs.end(), in);
  to_fp8<<<static_cast<unsigned>(inputs.size() / 64), 64>>>(in, out);
  cudaDeviceSynchronize();
  for (std::size_t i = 0; i < inputs.size(); ++i)
    for (int kind = 0; kind < 2; ++kind) {
      const double x = static_cast<double>(in[i]);
      EXPECT_ON_HOST(
          agree(types[kind], out[i].saturated[kind], attnlab::encode(types[kind], x, Overflow::saturate)));
      EXPECT_ON_HOST(agree(types[kind], out[i].unsaturated[kind], attnlab::encode(types[kind], x)));
    }
  cudaFree(in);
  cudaFree(out);
  float(*values)[2];
  cudaMallocManaged(&values, 256 * sizeof *values);
  from_fp8<<<1, 256>>>(values);
  cudaDeviceSynchronize();
  for (unsigned i = 0; i < 256; ++i)
    for (int kind = 0; kind < 2; ++kind) {
      const double got = static_cast<double>(values[i][kind]), expected = attnlab::decode(types[kind], i);
      EXPECT_ON_HOST(got == expected || (std::isnan(got) && std::isnan(expected)));
    }
  cudaFree(values);
}

// --- pairs and other types -------------------------------------------------------------------------------
__global__ void pairs() {
  const __half2 a = __floats2half2_rn(1.5f, -2.0f), b = __float2half2_rn(3.0f);
  EXPECT(a * b == __floats2half2_rn(4.5f, -6.0f) && __hfma2(a, b, b) == __floats2half2_rn(7.5f, -3.0f));
  EXPECT(__hbgt2(b, a) && !__hblt2(a, __low2half2(a)) && __hgt2_mask(a, __float2half2_rn(0)) == 0xffffu);
  EXPECT(__heq2(a, __halves2half2(__low2half(a), __ushort_as_half(0))) == __floats2half2_rn(1.0f, 0.0f));
  EXPECT(__lowhigh2highlow(a) == __floats2half2_rn(-2.0f, 1.5f) && __hneg2(a) == -a &&
         __habs2(a) == __floats2half2_rn(1.5f, 2.0f));
  EXPECT(__half22float2(h2exp2(__floats2half2_rn(3.0f, -1.0f))).y == 0.5f);
  EXPECT(__hisnan(__ushort_as_half(0x7e00)) && __hisinf(__ushort_as_half(0xfc00)) == -1);
  EXPECT(__hequ(__ushort_as_half(0x7e00), __high2half(a)) &&
         !__hne(__ushort_as_half(0x7e00), __high2half(a)));
  EXPECT(__hisnan(__hmax_nan(__ushort_as_half(0x7e00), __high2half(a))));
  EXPECT(__hadd_sat(__low2half(a), __low2half(a)) == __float2half(1.0f));
  const __nv_bfloat162 c = __floats2bfloat162_rn(1.5f, -2.0f);
  EXPECT(c + c == __floats2bfloat162_rn(3.0f, -4.0f) && __bfloat1622float2(c).y == -2.0f);
  EXPECT(__hmin2(c, __bfloat162bfloat162(__float2bfloat16(0))) == __floats2bfloat162_rn(0.0f, -2.0f));
  EXPECT(__half2int_rn(__float2half(2.5f)) == 2 && __half2int_rz(__float2half(-2.9f)) == -2 &&
         __half2ushort_rn(__float2half(-1.0f)) == 0);
  EXPECT(__half2float(__int2half_rn(2049)) == 2048.0f && __half2float(__int2half_ru(2049)) == 2050.0f);
  EXPECT(__half_as_ushort(__ll2half_rn(1ll << 40)) == 0x7c00 &&
         __half_as_ushort(__ull2half_rz(~0ull)) == 0x7bff);
  EXPECT(__bfloat162float(__int2bfloat16_rn(257)) == 256.0f &&
         __bfloat162float(__ll2bfloat16_rn((1ll << 40) + (1ll << 32) + 1)) == 0x1.02p40f);
  EXPECT(__half_as_ushort(__float2half_rz(65520.0f)) == 0x7bff &&
         __half_as_ushort(__float2half_ru(1e-10f)) == 1);
  EXPECT(__half_as_ushort(__float2half_rd(-1e-10f)) == 0x8001 &&
         __bfloat16_as_ushort(__float2bfloat16_ru(1e-45f)) == 1);
  // Products of 1090/1024 * 1924/1024 and the like are a little above 2; the exact sums lie just above and
  // below the middle of two numbers, and rounded to fp32 first they would be the middle.
  const __half a1 = __float2half(1090 * 0x1p-16f), b1 = __float2half(1924 * 0x1p-16f);
  EXPECT(__half_as_ushort(__hfma(a1, b1, __float2half(1.0f))) == 0x3c01);
  EXPECT(__half_as_ushort(__hfma(__hneg(a1), b1, __float2half(1 + 0x1p-9f))) == 0x3c01);
  __half h = 2.0f;
  h += __float2half(0.5f);
  h++;
  EXPECT(static_cast<float>(h) == 3.5f && static_cast<int>(static_cast<float>(h)) == 3);
}

int main() {
  static_assert(sizeof(__half) == 2 && sizeof(__half2) == 4 && alignof(__half2) == 4 &&
                sizeof(__nv_fp8x4_e4m3) == 4);
  check<__half>();
  check<__nv_bfloat16>();
  check_fp8();
  pairs<<<1, 32>>>();
  return finish();
}
