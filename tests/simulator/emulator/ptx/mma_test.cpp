// Does mma.sync multiply matrices, for every shape and type, with each element where the PTX ISA's tables put
// it?
//
// Fragments are written out here as the ISA does, shape by shape (row and column of every element a0, a1,
// ...), not by the interpreter's common rule. Products of small integers have exact sums, so results must be
// equal; random values are compared within the error of k roundings.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "reference/core/dtype.h"
#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

struct Place {
  unsigned row, column;
};
using Layout = std::function<Place(unsigned lane, unsigned i)>;

// "Matrix Fragments for mma.m16n8k...": groupID = lane >> 2, threadID_in_group = lane % 4.
unsigned group(unsigned lane) { return lane >> 2; }
unsigned in_group(unsigned lane) { return lane % 4; }
Place accumulator(unsigned lane, unsigned i) {
  return {i < 2 ? group(lane) : group(lane) + 8, in_group(lane) * 2 + (i & 1)};
}

struct Shape2 {
  unsigned k, a_elements, b_elements;
  Layout a, b;
};
const Shape2 k4_tf32{4, 2, 1,
                     [](unsigned l, unsigned i) {
                       return Place{i == 0 ? group(l) : group(l) + 8, in_group(l)};
                     },
                     [](unsigned l, unsigned) {
                       return Place{in_group(l), group(l)};
                     }};
const Shape2 k8_tf32{
    8, 4, 2,
    [](unsigned l, unsigned i) {
      return Place{i == 0 || i == 2 ? group(l) : group(l) + 8, i < 2 ? in_group(l) : in_group(l) + 4};
    },
    [](unsigned l, unsigned i) {
      return Place{i == 0 ? in_group(l) : in_group(l) + 4, group(l)};
    }};
const Shape2 k8_half{8, 4, 2,
                     [](unsigned l, unsigned i) {
                       return Place{i < 2 ? group(l) : group(l) + 8, in_group(l) * 2 + (i & 1)};
                     },
                     [](unsigned l, unsigned i) {
                       return Place{in_group(l) * 2 + i, group(l)};
                     }};
const Shape2 k16_half{
    16, 8, 4,
    [](unsigned l, unsigned i) {
      const bool upper = i < 2 || (i >= 4 && i < 6);
      return Place{upper ? group(l) : group(l) + 8, in_group(l) * 2 + (i & 1) + (i < 4 ? 0 : 8)};
    },
    [](unsigned l, unsigned i) {
      return Place{in_group(l) * 2 + (i & 1) + (i < 2 ? 0 : 8), group(l)};
    }};
const Shape2 k16_byte{16, 8, 4,
                      [](unsigned l, unsigned i) {
                        return Place{i < 4 ? group(l) : group(l) + 8, in_group(l) * 4 + (i & 3)};
                      },
                      [](unsigned l, unsigned i) {
                        return Place{in_group(l) * 4 + (i & 3), group(l)};
                      }};
const Shape2 k32_byte{
    32, 16, 8,
    [](unsigned l, unsigned i) {
      const bool upper = i < 4 || (i >= 8 && i < 12);
      return Place{upper ? group(l) : group(l) + 8, in_group(l) * 4 + (i & 3) + (i < 8 ? 0 : 16)};
    },
    [](unsigned l, unsigned i) {
      return Place{in_group(l) * 4 + (i & 3) + (i < 4 ? 0 : 16), group(l)};
    }};

// How a number becomes bits of a register.
std::uint32_t encode(const std::string& type, double value) {
  const auto x = static_cast<float>(value);
  if (type == "f16") return evaluate<std::uint16_t>("cvt.rn.f16.f32", x);
  if (type == "bf16") return evaluate<std::uint16_t>("cvt.rn.bf16.f32", x);
  if (type == "e4m3") return evaluate<std::uint16_t>("cvt.rn.satfinite.e4m3x2.f32", 0.0f, x);
  if (type == "e5m2") return evaluate<std::uint16_t>("cvt.rn.satfinite.e5m2x2.f32", 0.0f, x);
  if (type == "tf32" || type == "f32") return std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(value)) & (type == "s32" ? ~0u : 0xffu);
}
double rounded(const std::string& type, double value) {
  if (type == "f16") return round_to(DType::f16, value);
  if (type == "bf16") return round_to(DType::bf16, value);
  if (type == "e4m3") return round_to(DType::e4m3, value);
  if (type == "e5m2") return round_to(DType::e5m2, value);
  if (type == "tf32")
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) & 0xffffe000u);
  return value;
}
unsigned bits_of(const std::string& type) {
  return type == "f16" || type == "bf16" ? 16 : type == "tf32" || type == "f32" || type == "s32" ? 32 : 8;
}

struct Matrices {
  double a[16][32], b[32][8], c[16][8], d[16][8];
};

// Fragments of all lanes, the instruction, and D back from the fragments.
void multiply(const Shape2& shape, const std::string& types, const std::string& at, const std::string& bt,
              const std::string& ct, Matrices& m) {
  const unsigned a_words = shape.a_elements * bits_of(at) / 32, b_words = shape.b_elements * bits_of(bt) / 32;
  const unsigned c_words = 4 * bits_of(ct) / 32;
  std::string text = "mma.sync.aligned.m16n8k" + std::to_string(shape.k) + ".row.col" + types;
  unsigned next = 0;
  const auto braces = [&](unsigned first, unsigned count) {
    std::string list = next == 0 ? " {" : ", {";
    ++next;
    for (unsigned i = 0; i < count; ++i) list += (i == 0 ? "%" : ",%") + std::to_string(first + i);
    return list + "}";
  };
  for (const auto& [first, count] :
       {std::pair(0u, c_words), std::pair(4u, a_words), std::pair(8u, b_words), std::pair(10u, c_words)})
    text += braces(first, count);
  text += ";";
  fake::run_warp([&](unsigned lane) {
    std::uint32_t a[4] = {}, b[2] = {}, c[4] = {}, d[4] = {};
    const auto put = [](std::uint32_t* words, unsigned i, unsigned width, std::uint32_t value) {
      words[i * width / 32] |= value << (i * width % 32);
    };
    for (unsigned i = 0; i < shape.a_elements; ++i) {
      const Place p = shape.a(lane, i);
      put(a, i, bits_of(at), encode(at, m.a[p.row][p.column]));
    }
    for (unsigned i = 0; i < shape.b_elements; ++i) {
      const Place p = shape.b(lane, i);
      put(b, i, bits_of(bt), encode(bt, m.b[p.row][p.column]));
    }
    for (unsigned i = 0; i < 4; ++i) {
      const Place p = accumulator(lane, i);
      put(c, i, bits_of(ct), encode(ct, m.c[p.row][p.column]));
    }
    if (ct == "f32") {
      float fd[4] = {}, fc[4];
      for (unsigned i = 0; i < 4; ++i) fc[i] = std::bit_cast<float>(c[i]);
      run_text(text, out("=f", fd[0]), out("=f", fd[1]), out("=f", fd[2]), out("=f", fd[3]), in("r", a[0]),
               in("r", a[1]), in("r", a[2]), in("r", a[3]), in("r", b[0]), in("r", b[1]), in("f", fc[0]),
               in("f", fc[1]), in("f", fc[2]), in("f", fc[3]));
      for (unsigned i = 0; i < 4; ++i) m.d[accumulator(lane, i).row][accumulator(lane, i).column] = fd[i];
      return;
    }
    run_text(text, out("=r", d[0]), out("=r", d[1]), out("=r", d[2]), out("=r", d[3]), in("r", a[0]),
             in("r", a[1]), in("r", a[2]), in("r", a[3]), in("r", b[0]), in("r", b[1]), in("r", c[0]),
             in("r", c[1]), in("r", c[2]), in("r", c[3]));
    for (unsigned i = 0; i < 4; ++i) {
      const Place p = accumulator(lane, i);
      if (ct == "f16") {
        m.d[p.row][p.column] =
            evaluate<float>("cvt.f32.f16", static_cast<std::uint16_t>(d[i / 2] >> (16 * (i & 1))));
      } else {
        m.d[p.row][p.column] = static_cast<std::int32_t>(d[i]);
      }
    }
  });
}

struct Case {
  const Shape2& shape;
  std::string types, a, b, c;
};
std::vector<Case> cases() {
  std::vector<Case> all = {
      {k8_half, ".f32.f16.f16.f32", "f16", "f16", "f32"},
      {k16_half, ".f32.f16.f16.f32", "f16", "f16", "f32"},
      {k8_half, ".f16.f16.f16.f16", "f16", "f16", "f16"},
      {k16_half, ".f16.f16.f16.f16", "f16", "f16", "f16"},
      {k8_half, ".f32.bf16.bf16.f32", "bf16", "bf16", "f32"},
      {k16_half, ".f32.bf16.bf16.f32", "bf16", "bf16", "f32"},
      {k4_tf32, ".f32.tf32.tf32.f32", "tf32", "tf32", "f32"},
      {k8_tf32, ".f32.tf32.tf32.f32", "tf32", "tf32", "f32"},
  };
  for (const std::string a : {"e4m3", "e5m2"}) {
    for (const std::string b : {"e4m3", "e5m2"})
      all.push_back({k32_byte, ".f32." + a + "." + b + ".f32", a, b, "f32"});
  }
  for (const std::string a : {"s8", "u8"}) {
    for (const std::string b : {"s8", "u8"}) {
      for (const std::string saturating : {"", ".satfinite"}) {
        all.push_back({k16_byte, saturating + ".s32." + a + "." + b + ".s32", a, b, "s32"});
        all.push_back({k32_byte, saturating + ".s32." + a + "." + b + ".s32", a, b, "s32"});
      }
    }
  }
  return all;
}

TEST(Mma, SmallIntegersExactly) {
  std::mt19937 random(3);
  for (const Case& c : cases()) {
    Matrices m{};
    const auto small = [&](const std::string& type) -> double {
      if (type == "u8") return static_cast<int>(random() % 256);
      return type == "s8" ? static_cast<int>(random() % 256) - 128 : static_cast<int>(random() % 8) - 4;
    };
    for (auto& row : m.a)
      for (double& x : row) x = small(c.a);
    for (auto& row : m.b)
      for (double& x : row) x = small(c.b);
    for (auto& row : m.c)
      for (double& x : row) x = static_cast<int>(random() % 200) - 100;
    fake::reset();
    multiply(c.shape, c.types, c.a, c.b, c.c, m);
    for (unsigned row = 0; row < 16; ++row) {
      for (unsigned column = 0; column < 8; ++column) {
        double sum = m.c[row][column];
        for (unsigned k = 0; k < c.shape.k; ++k) sum += m.a[row][k] * m.b[k][column];
        ASSERT_EQ(m.d[row][column], sum) << "k" << c.shape.k << c.types << " " << row << "," << column;
      }
    }
    EXPECT_EQ(fake::device.operations[Operation::tensor_flop], 2 * 16 * 8 * c.shape.k) << c.types;
  }
}

TEST(Mma, RandomValuesWithinKRoundings) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  for (const Case& c : cases()) {
    if (c.c == "s32") continue;
    Matrices m{};
    for (auto& row : m.a)
      for (double& x : row) x = rounded(c.a, normal(random));
    for (auto& row : m.b)
      for (double& x : row) x = rounded(c.b, normal(random));
    for (auto& row : m.c)
      for (double& x : row) x = rounded(c.c, static_cast<float>(normal(random)));
    multiply(c.shape, c.types, c.a, c.b, c.c, m);
    for (unsigned row = 0; row < 16; ++row) {
      for (unsigned column = 0; column < 8; ++column) {
        double sum = m.c[row][column], magnitude = std::fabs(sum);
        for (unsigned k = 0; k < c.shape.k; ++k) {
          sum += m.a[row][k] * m.b[k][column];
          magnitude += std::fabs(m.a[row][k] * m.b[k][column]);
        }
        const double unit = 0x1p-24;
        const double bound = magnitude * c.shape.k * unit / (1 - c.shape.k * unit);
        ASSERT_NEAR(m.d[row][column], sum, bound + (c.c == "f16" ? 0x1p-11 * (std::fabs(sum) + bound) : 0))
            << "k" << c.shape.k << c.types << " " << row << "," << column;
      }
    }
  }
}

TEST(Mma, IntegerSumsWrapOrSaturate) {
  for (const bool saturating : {false, true}) {
    Matrices m{};
    for (auto& row : m.a)
      for (double& x : row) x = 127;
    for (auto& row : m.b)
      for (double& x : row) x = 127;
    for (auto& row : m.c)
      for (double& x : row) x = 2147483647;
    multiply(k32_byte, std::string(saturating ? ".satfinite" : "") + ".s32.s8.s8.s32", "s8", "s8", "s32", m);
    EXPECT_EQ(m.d[3][5], saturating ? 2147483647.0 : 2147483647.0 + 32 * 127 * 127 - 4294967296.0);
  }
}

// 1 + 2^-12 is no tf32; its low bits do not take part.
TEST(Mma, TensorFloatIgnoresLowBits) {
  Matrices m{};
  m.a[0][0] = 1 + 0x1p-12, m.b[0][0] = 4096;
  multiply(k8_tf32, ".f32.tf32.tf32.f32", "tf32", "tf32", "f32", m);
  EXPECT_EQ(m.d[0][0], 4096);
}

TEST(Mma, InfinityAndNan) {
  Matrices m{};
  m.a[0][0] = INFINITY, m.b[0][0] = 1, m.b[0][1] = 0;
  multiply(k16_half, ".f32.f16.f16.f32", "f16", "f16", "f32", m);
  EXPECT_EQ(m.d[0][0], INFINITY);
  EXPECT_TRUE(std::isnan(m.d[0][1]));
  EXPECT_EQ(m.d[1][0], 0);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
