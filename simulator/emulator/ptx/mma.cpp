// mma.sync: D = A B + C of a warp, m = 16, n = 8.
//
// Products are exact. Their sum starts with C's element and adds the products in order of k, rounding to fp32
// each time; an fp16 result is rounded once, at the end. Tensor cores add several products at once, keep a
// few more bits and truncate: their results may differ from these in the last bits. tf32 operands lose the
// low 13 bits of their fp32 pattern, whatever those are. Integer sums wrap, or stop at the ends (.satfinite).
#include <immintrin.h>

#include <algorithm>
#include <array>

#include "simulator/emulator/ptx/builder.h"
#include "simulator/emulator/ptx/collective.h"
#include "simulator/emulator/ptx/matrix.h"
#include "simulator/emulator/ptx/numbers.h"

// The emulated program itself is compiled for these. (clang++ knows no such pragma.)
#ifndef __clang__
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

namespace attnlab::emulator::ptx {
namespace {

constexpr unsigned kRows = 16, kColumns = 8;

// slots: 0 to 3 D, 4 to 7 A, 8 and 9 B, 10 to 13 C.
constexpr unsigned kASlot = 4, kBSlot = 8, kCSlot = 10;

// How many elements 32 bits hold, and their values.
struct Fp16 {
  static constexpr unsigned per = 2;
  static std::array<float, per> values(std::uint32_t word) {
    const __m128 pair = _mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(word)));
    return {_mm_cvtss_f32(pair), _mm_cvtss_f32(_mm_movehdup_ps(pair))};
  }
};
struct Bf16 {
  static constexpr unsigned per = 2;
  static std::array<float, per> values(std::uint32_t word) {
    return {as_float(word << 16), as_float(word & 0xffff0000u)};
  }
};
struct Tf32 {
  static constexpr unsigned per = 1;
  static std::array<float, per> values(std::uint32_t word) { return {as_float(word & 0xffffe000u)}; }
};
template <bool e4m3>
struct Fp8 {
  static constexpr unsigned per = 4;
  static std::array<float, per> values(std::uint32_t word) {
    static const auto table = [] {
      std::array<float, 256> t{};
      for (std::uint32_t i = 0; i < 256; ++i)
        t[i] = static_cast<float>(decode(i, e4m3 ? kFormatE4m3 : kFormatE5m2));
      return t;
    }();
    return {table[word & 0xff], table[word >> 8 & 0xff], table[word >> 16 & 0xff], table[word >> 24]};
  }
};
template <class Byte>
struct Int8 {
  static constexpr unsigned per = 4;
  static std::array<std::int32_t, per> values(std::uint32_t word) {
    return {static_cast<Byte>(word), static_cast<Byte>(word >> 8), static_cast<Byte>(word >> 16),
            static_cast<Byte>(word >> 24)};
  }
};

// A by rows and B by rows, from the lanes' registers.
template <class Number, unsigned k, class T>
void gather_a(void* const* lanes, T (&a)[kRows][k]) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (unsigned r = 0; r < k / Number::per / 2; ++r) {
      const auto values = Number::values(lane(lanes, l).template get<std::uint32_t>(kASlot + r));
      std::copy(values.begin(), values.end(), a[a_row(l, r)] + a_word(l, r) * Number::per);
    }
  }
}
template <class Number, unsigned k, class T>
void gather_b(void* const* lanes, T (&b)[k][kColumns]) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (unsigned r = 0; r < k / Number::per / 4; ++r) {
      const auto values = Number::values(lane(lanes, l).template get<std::uint32_t>(kBSlot + r));
      for (unsigned i = 0; i < Number::per; ++i) b[b_word(l, r) * Number::per + i][b_column(l)] = values[i];
    }
  }
}

// Registers of an operand with 16 or 8 by k elements, `per` of them in each of a lane's 32-bit registers.
template <class A, class B, unsigned k, bool half_sums>
void multiply_floats(void* const* lanes, unsigned) {
  alignas(32) float a[kRows][k], b[k][kColumns], c[kRows][kColumns];
  gather_a<A, k>(lanes, a);
  gather_b<B, k>(lanes, b);
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (unsigned e = 0; e < 4; ++e) {
      c[c_row(l, e)][c_column(l, e)] =
          half_sums ? half_to_float(static_cast<std::uint16_t>(
                          lane(lanes, l).get<std::uint32_t>(kCSlot + e / 2) >> (16 * (e & 1))))
                    : lane(lanes, l).get<float>(kCSlot + e);
    }
  }
  for (unsigned row = 0; row < kRows; ++row) {
    __m256 sum = _mm256_load_ps(c[row]);
    for (unsigned i = 0; i < k; ++i)
      sum = _mm256_fmadd_ps(_mm256_set1_ps(a[row][i]), _mm256_load_ps(b[i]), sum);
    _mm256_store_ps(c[row], sum);
  }
  for (unsigned l = 0; l < kWarpSize; ++l) {
    float d[4];
    for (unsigned e = 0; e < 4; ++e) d[e] = canonical(c[c_row(l, e)][c_column(l, e)]);
    if (half_sums) {
      for (unsigned r = 0; r < 2; ++r) {
        const std::uint32_t low = to_half(d[2 * r]), high = to_half(d[2 * r + 1]);
        lane(lanes, l).set(r, low | high << 16);
      }
    } else {
      for (unsigned e = 0; e < 4; ++e) lane(lanes, l).set(e, d[e]);
    }
  }
}

template <class A, class B, unsigned k, bool saturating>
void multiply_integers(void* const* lanes, unsigned) {
  alignas(32) std::int32_t a[kRows][k], b[k][kColumns], d[kRows][kColumns];
  gather_a<A, k>(lanes, a);
  gather_b<B, k>(lanes, b);
  for (unsigned row = 0; row < kRows; ++row) {
    __m256i sum = _mm256_setzero_si256();
    for (unsigned i = 0; i < k; ++i) {
      const __m256i products = _mm256_mullo_epi32(_mm256_set1_epi32(a[row][i]),
                                                  _mm256_load_si256(reinterpret_cast<const __m256i*>(b[i])));
      sum = _mm256_add_epi32(sum, products);
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(d[row]), sum);
  }
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (unsigned e = 0; e < 4; ++e) {
      std::int64_t sum =
          std::int64_t{lane(lanes, l).get<std::int32_t>(kCSlot + e)} + d[c_row(l, e)][c_column(l, e)];
      if (saturating) sum = std::clamp<std::int64_t>(sum, INT32_MIN, INT32_MAX);
      lane(lanes, l).set(e, static_cast<std::int32_t>(sum));
    }
  }
}

// option: how many of the tensor core's operations are this lane's.
template <WarpFunction multiply>
void run(Context& c, const Step& s) {
  Lane mine{&c, &s};
  record_operation(Operation::tensor_flop, s.option, c.site);
  warp_collective(kFullMask, &mine, multiply, Operation::collective, c.site);
}

struct Form {
  unsigned k;
  Type d, a, b, c;
  bool saturating;
  unsigned a_registers, b_registers, d_registers;
  Handler run;
};
template <class A, class B, unsigned k>
constexpr Form floats(Type a, Type b) {
  return {k,
          Type::f32,
          a,
          b,
          Type::f32,
          false,
          k / A::per / 2,
          k / B::per / 4,
          4,
          run<multiply_floats<A, B, k, false>>};
}
template <unsigned k>
constexpr Form half_sums() {
  return {k,     Type::f16, Type::f16, Type::f16, Type::f16,
          false, k / 4,     k / 8,     2,         run<multiply_floats<Fp16, Fp16, k, true>>};
}
template <class A, class B, unsigned k, bool saturating>
constexpr Form integers(Type a, Type b) {
  return {k,          Type::s32, a,      b, Type::s32,
          saturating, k / 8,     k / 16, 4, run<multiply_integers<A, B, k, saturating>>};
}
using E4m3 = Fp8<true>;
using E5m2 = Fp8<false>;
using S8 = Int8<std::int8_t>;
using U8 = Int8<std::uint8_t>;

const Form forms[] = {
    floats<Fp16, Fp16, 8>(Type::f16, Type::f16),
    floats<Fp16, Fp16, 16>(Type::f16, Type::f16),
    half_sums<8>(),
    half_sums<16>(),
    floats<Bf16, Bf16, 8>(Type::bf16, Type::bf16),
    floats<Bf16, Bf16, 16>(Type::bf16, Type::bf16),
    floats<Tf32, Tf32, 4>(Type::tf32, Type::tf32),
    floats<Tf32, Tf32, 8>(Type::tf32, Type::tf32),
    floats<E4m3, E4m3, 32>(Type::e4m3, Type::e4m3),
    floats<E4m3, E5m2, 32>(Type::e4m3, Type::e5m2),
    floats<E5m2, E4m3, 32>(Type::e5m2, Type::e4m3),
    floats<E5m2, E5m2, 32>(Type::e5m2, Type::e5m2),
    integers<S8, S8, 16, false>(Type::s8, Type::s8),
    integers<S8, U8, 16, false>(Type::s8, Type::u8),
    integers<U8, S8, 16, false>(Type::u8, Type::s8),
    integers<U8, U8, 16, false>(Type::u8, Type::u8),
    integers<S8, S8, 16, true>(Type::s8, Type::s8),
    integers<S8, U8, 16, true>(Type::s8, Type::u8),
    integers<U8, S8, 16, true>(Type::u8, Type::s8),
    integers<U8, U8, 16, true>(Type::u8, Type::u8),
    integers<S8, S8, 32, false>(Type::s8, Type::s8),
    integers<S8, U8, 32, false>(Type::s8, Type::u8),
    integers<U8, S8, 32, false>(Type::u8, Type::s8),
    integers<U8, U8, 32, false>(Type::u8, Type::u8),
    integers<S8, S8, 32, true>(Type::s8, Type::s8),
    integers<S8, U8, 32, true>(Type::s8, Type::u8),
    integers<U8, S8, 32, true>(Type::u8, Type::s8),
    integers<U8, U8, 32, true>(Type::u8, Type::u8),
};

}  // namespace

void decode_mma(Builder& b) {
  b.expect_operands(4, 4);
  Modifiers m = b.modifiers();
  const bool common = m.take_all({"sync", "aligned", "row", "col"});
  const auto shape = m.take_one({"m16n8k4", "m16n8k8", "m16n8k16", "m16n8k32"});
  if (!common || shape.empty()) b.refuse("this kind or shape of mma is not supported");
  const auto k = static_cast<unsigned>(std::stoul(std::string(shape.substr(6))));
  const bool saturating = m.take("satfinite");
  const Type d = m.type(), at = m.type(), bt = m.type(), ct = m.type();
  m.finish();
  const Form* form = nullptr;
  for (const Form& f : forms)
    if (f.k == k && f.d == d && f.a == at && f.b == bt && f.c == ct && f.saturating == saturating) form = &f;
  if (form == nullptr) b.refuse("mma of this shape and these types is not supported");

  Step step{.run = form->run, .option = 2 * kRows * kColumns * k / kWarpSize};
  const Type accumulators = d == Type::f32 || d == Type::s32 ? d : Type::b32;
  const auto place = [&](const std::vector<Slot>& slots, unsigned first) {
    std::copy(slots.begin(), slots.end(), step.slots + first);
  };
  place(b.destinations(0, accumulators, form->d_registers), 0);
  place(b.sources(1, Type::b32, form->a_registers), kASlot);
  place(b.sources(2, Type::b32, form->b_registers), kBSlot);
  place(b.sources(3, accumulators, form->d_registers), kCSlot);
  b.add(step);
}

}  // namespace attnlab::emulator::ptx

#ifndef __clang__
#pragma GCC pop_options
#endif
