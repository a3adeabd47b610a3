// How a warp holds a matrix in its registers ("fragments"), for every mma.sync here and for ldmatrix.
//
// Lanes form 8 groups of 4: lane = 4 * group + place. Every 32-bit register of a fragment holds 4 bytes that
// lie beside each other in a row of A (m x k) or a column of B (k x n), so one rule serves all types, in
// units of `per` = elements in 4 bytes:
//
//   A, register r: row group + 8 * (r & 1), elements per * (place + 4 * (r >> 1)) and following
//   B, register r: column group,            elements per * (place + 4 * r) and following
//   C, D, element e: row group + 8 * (e >> 1), column 2 * place + (e & 1)
//
// (PTX ISA, "Matrix Fragments for mma" of every shape. fp16 accumulators pack elements 0, 1 and 2, 3.)
#pragma once

namespace attnlab::emulator::ptx {

constexpr unsigned group_of(unsigned lane) { return lane / 4; }
constexpr unsigned place_of(unsigned lane) { return lane % 4; }

constexpr unsigned a_row(unsigned lane, unsigned r) { return group_of(lane) + 8 * (r & 1); }
constexpr unsigned a_word(unsigned lane, unsigned r) { return place_of(lane) + 4 * (r >> 1); }
constexpr unsigned b_column(unsigned lane) { return group_of(lane); }
constexpr unsigned b_word(unsigned lane, unsigned r) { return place_of(lane) + 4 * r; }
constexpr unsigned c_row(unsigned lane, unsigned e) { return group_of(lane) + 8 * (e >> 1); }
constexpr unsigned c_column(unsigned lane, unsigned e) { return 2 * place_of(lane) + (e & 1); }

}  // namespace attnlab::emulator::ptx
