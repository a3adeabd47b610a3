// ldmatrix, stmatrix and movmatrix: 8 x 8 matrices of 16-bit elements between shared memory and fragments.
//
// Lane 8 i + r gives the address of row r of matrix i. The hardware does one request whose rows of 16 bytes
// cost a wavefront per matrix when they lie in different banks: each lane whose address is used records an
// access of 16 bytes, which counts just that.
#include "simulator/emulator/ptx/matrix.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "simulator/emulator/ptx/builder.h"
#include "simulator/emulator/ptx/collective.h"
#include "simulator/emulator/ptx/memory_operand.h"

namespace attnlab::emulator::ptx {
namespace {

// slots: 0 to 3 the registers, 4 and 5 the address. option: matrices, then flags.
enum Option : std::uint32_t { count_bits = 7, transposed = 8, shared_space = 16 };
constexpr unsigned kAddressSlot = 4;

using Matrix = std::array<std::array<std::uint16_t, 8>, 8>;

// The element pair that a lane's register holds.
std::uint32_t fragment(const Matrix& matrix, unsigned lane, bool transpose) {
  const unsigned row = group_of(lane), column = 2 * place_of(lane);
  const std::uint32_t low = transpose ? matrix[column][row] : matrix[row][column];
  const std::uint32_t high = transpose ? matrix[column + 1][row] : matrix[row][column + 1];
  return low | high << 16;
}
void set_fragment(Matrix& matrix, unsigned lane, bool transpose, std::uint32_t pair) {
  const unsigned row = group_of(lane), column = 2 * place_of(lane);
  (transpose ? matrix[column][row] : matrix[row][column]) = static_cast<std::uint16_t>(pair);
  (transpose ? matrix[column + 1][row] : matrix[row][column + 1]) = static_cast<std::uint16_t>(pair >> 16);
}

void load_matrices(void* const* lanes, unsigned) {
  const std::uint32_t option = lane(lanes, 0).step->option;
  for (unsigned i = 0; i < (option & count_bits); ++i) {
    Matrix matrix;
    for (unsigned r = 0; r < 8; ++r) std::memcpy(matrix[r].data(), lane(lanes, 8 * i + r).address, 16);
    for (unsigned l = 0; l < kWarpSize; ++l)
      lane(lanes, l).set(i, fragment(matrix, l, (option & transposed) != 0));
  }
}
void store_matrices(void* const* lanes, unsigned) {
  const std::uint32_t option = lane(lanes, 0).step->option;
  for (unsigned i = 0; i < (option & count_bits); ++i) {
    Matrix matrix;
    for (unsigned l = 0; l < kWarpSize; ++l)
      set_fragment(matrix, l, (option & transposed) != 0, lane(lanes, l).get<std::uint32_t>(i));
    for (unsigned r = 0; r < 8; ++r) std::memcpy(lane(lanes, 8 * i + r).address, matrix[r].data(), 16);
  }
}
void transpose_matrix(void* const* lanes, unsigned) {
  Matrix matrix;
  for (unsigned l = 0; l < kWarpSize; ++l)
    set_fragment(matrix, l, false, lane(lanes, l).get<std::uint32_t>(1));
  for (unsigned l = 0; l < kWarpSize; ++l) lane(lanes, l).set(0, fragment(matrix, l, true));
}

template <bool loads>
void run(Context& c, const Step& s) {
  Lane mine{&c, &s};
  if (lane_id() < 8 * (s.option & count_bits)) {
    mine.address = (s.option & shared_space) != 0 ? shared_operand(c, s, kAddressSlot)
                                                  : generic_address(c, s, kAddressSlot);
    if (loads)
      record_load(mine.address, 16, c.site);
    else
      record_store(mine.address, 16, c.site);
  }
  warp_collective(kFullMask, &mine, loads ? load_matrices : store_matrices, Operation::collective, c.site);
}
void run_transpose(Context& c, const Step& s) {
  Lane mine{&c, &s};
  warp_collective(kFullMask, &mine, transpose_matrix, Operation::collective, c.site);
}

void expect_common(Builder& b, Modifiers& m) {
  const bool common = m.take_all({"sync", "aligned", "m8n8"});
  if (!common || m.type() != Type::b16) b.refuse("only .sync.aligned.m8n8 with .b16 is supported");
}

template <bool loads>
void decode_matrices(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  expect_common(b, m);
  const auto count = m.take_one({"x1", "x2", "x4"});
  if (count.empty()) b.refuse("expected .x1, .x2 or .x4");
  const auto matrices = static_cast<std::uint32_t>(count[1] - '0');
  Step step{.run = run<loads>, .option = matrices};
  if (m.take("trans")) step.option |= transposed;
  const bool shared = !m.take_one({"shared", "shared::cta"}).empty();
  if (shared) step.option |= shared_space;
  m.finish();
  const auto slots = loads ? b.destinations(0, Type::b32, matrices) : b.sources(1, Type::b32, matrices);
  std::copy(slots.begin(), slots.end(), step.slots);
  b.address(loads ? 1 : 0, step, kAddressSlot, shared);
  b.add(step);
}

void decode_movmatrix(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  expect_common(b, m);
  if (!m.take("trans")) b.refuse("expected .trans");
  m.finish();
  b.add({.run = run_transpose, .slots = {b.destination(0, Type::b32), b.source(1, Type::b32)}});
}

constexpr std::array<Instruction, 4> kInstructions{{
    {"ldmatrix", decode_matrices<true>},
    {"stmatrix", decode_matrices<false>},
    {"movmatrix", decode_movmatrix},
    {"mma", decode_mma},
}};

}  // namespace

std::span<const Instruction> matrix_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
