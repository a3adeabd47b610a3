// Matrix fragments (nvcuda::wmma): a warp holds a matrix, each lane a few of its elements.
//
// CUDA leaves open which lane holds what. Here, as in the PTX fragments of m16n8k16: a matrix is cut into
// tiles of 8 lines by 4 runs; lane l holds run l % 4 of line l / 4 of every tile. A run is a pair, or 4 bytes
// of inputs; it lies along k in A and B and along n in the accumulator. Tiles follow one another along the
// lines first, in B along k first. Runs that are contiguous in memory are one access.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attnlab::emulator::calls {

enum class Element : std::uint8_t { fp16, bf16, tf32, fp32, fp64, s8, u8, s32 };
unsigned bytes_of(Element element);

struct Fragment {
  unsigned rows, columns;
  unsigned run;         // elements
  bool run_along_rows;  // a run's elements differ in their row: B
  Element element;
};

// A lane's elements, packed, whatever their type.
struct Registers {
  unsigned word[8];
};

// stride: elements between the lines of the matrix in memory. Every lane of the warp calls.
Registers load_fragment(const Fragment& fragment, const void* memory, unsigned stride, bool row_major);
void store_fragment(const Fragment& fragment, void* memory, Registers elements, unsigned stride,
                    bool row_major);

// a * b + c by the 32 lanes together. Products and sums are done in fp64 and rounded once to c's type: as
// accurate as a tensor core at least, and not equal to it in the last bits; in fp64 multiply-adds one after
// the other. Integers wrap, or saturate.
Registers multiply_fragments(const Fragment& a, const Fragment& b, const Fragment& c, Registers a_elements,
                             Registers b_elements, Registers c_elements, bool saturate);

}  // namespace attnlab::emulator::calls
