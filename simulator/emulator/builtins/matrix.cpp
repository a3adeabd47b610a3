#include "simulator/emulator/builtins/matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "simulator/emulator/builtins/halves.h"
#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {
namespace {

struct Position {
  unsigned row, column;
};

unsigned elements_of(const Fragment& f) { return f.rows * f.columns / kWarpSize; }

Position position(const Fragment& f, unsigned lane, unsigned element) {
  const unsigned lines = f.run_along_rows ? f.columns : f.rows, across = lines / 8;
  const unsigned deep = f.rows * f.columns / lines / (4 * f.run), tile = element / f.run;
  const unsigned line = (f.run_along_rows ? tile / deep : tile % across) * 8 + lane / 4;
  const unsigned step = f.run_along_rows ? tile % deep : tile / across;
  const unsigned along = (step * 4 + lane % 4) * f.run + element % f.run;
  return f.run_along_rows ? Position{along, line} : Position{line, along};
}

std::size_t offset(Position p, unsigned stride, bool row_major) {
  return row_major ? std::size_t{p.row} * stride + p.column : std::size_t{p.column} * stride + p.row;
}

// Calls access(offset in memory, first element, elements) for each of a lane's accesses.
template <class Access>
void for_each_access(const Fragment& f, unsigned stride, bool row_major, Access access) {
  const unsigned step = row_major != f.run_along_rows ? f.run : 1;
  for (unsigned i = 0; i < elements_of(f); i += step)
    access(offset(position(f, lane_id(), i), stride, row_major) * bytes_of(f.element), i, step);
}

double value(Element element, const std::byte* at) {
  const auto as = [at]<class T>(T x) {
    std::memcpy(&x, at, sizeof x);
    return x;
  };
  switch (element) {
    case Element::fp16:
      return value_of(as(std::uint16_t{}), Half::fp16);
    case Element::bf16:
      return value_of(as(std::uint16_t{}), Half::bf16);
    case Element::tf32:
      return std::bit_cast<float>(as(std::uint32_t{}) & ~0x1fffu);  // its low bits are not read
    case Element::fp32:
      return as(float{});
    case Element::fp64:
      return as(double{});
    case Element::s8:
      return as(std::int8_t{});
    case Element::u8:
      return as(std::uint8_t{});
    default:
      return as(std::int32_t{});
  }
}

void assign(Element element, std::byte* at, double value, bool saturate) {
  const auto put = [at](auto x) { std::memcpy(at, &x, sizeof x); };
  if (element == Element::fp16) {
    put(half_of(value, Rounding::nearest, Half::fp16));
  } else if (element == Element::fp32) {
    put(static_cast<float>(value));
  } else if (element == Element::fp64) {
    put(value);
  } else {
    using Limits = std::numeric_limits<std::int32_t>;
    if (saturate) value = std::clamp<double>(value, Limits::min(), Limits::max());
    put(static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::int64_t>(value))));
  }
}

struct Arguments {
  const Fragment *a, *b, *c;
  Registers a_elements, b_elements, c_elements;
  bool saturate;
};

// The matrix that the lanes hold, row by row. Sums of up to 16 products of such numbers, exact or rounded to
// fp64's 53 digits.
template <class Part>
std::vector<double> gather(void* const* lanes, const Fragment& f, Part part) {
  std::vector<double> matrix(std::size_t{f.rows} * f.columns);
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    for (unsigned i = 0; i < elements_of(f); ++i) {
      const Position p = position(f, lane, i);
      const auto* words =
          reinterpret_cast<const std::byte*>(part(*static_cast<Arguments*>(lanes[lane])).word);
      matrix[p.row * f.columns + p.column] = value(f.element, words + i * bytes_of(f.element));
    }
  }
  return matrix;
}

void run_multiply(void* const* lanes, unsigned mask) {
  if (mask != kFullMask) return;
  const Arguments& first = *static_cast<Arguments*>(lanes[0]);
  const Fragment &fa = *first.a, &fb = *first.b, &fc = *first.c;
  const std::vector<double> a = gather(lanes, fa, [](Arguments& x) -> Registers& { return x.a_elements; });
  const std::vector<double> b = gather(lanes, fb, [](Arguments& x) -> Registers& { return x.b_elements; });
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    Arguments& mine = *static_cast<Arguments*>(lanes[lane]);
    auto* words = reinterpret_cast<std::byte*>(mine.c_elements.word);
    for (unsigned i = 0; i < elements_of(fc); ++i) {
      const Position p = position(fc, lane, i);
      std::byte* at = words + i * bytes_of(fc.element);
      double sum = value(fc.element, at);
      for (unsigned k = 0; k < fa.columns; ++k)
        sum = std::fma(a[p.row * fa.columns + k], b[k * fb.columns + p.column], sum);
      assign(fc.element, at, sum, first.saturate);
    }
  }
}

}  // namespace

unsigned bytes_of(Element element) {
  switch (element) {
    case Element::s8:
    case Element::u8:
      return 1;
    case Element::fp16:
    case Element::bf16:
      return 2;
    case Element::fp64:
      return 8;
    default:
      return 4;
  }
}

Registers load_fragment(const Fragment& f, const void* memory, unsigned stride, bool row_major) {
  const void* site = __builtin_return_address(0);
  Registers result{};
  const unsigned size = bytes_of(f.element);
  for_each_access(f, stride, row_major, [&](std::size_t at, unsigned first, unsigned count) {
    const std::byte* from = static_cast<const std::byte*>(memory) + at;
    record_load(from, count * size, site);
    std::memcpy(reinterpret_cast<std::byte*>(result.word) + first * size, from, count * size);
  });
  return result;
}

void store_fragment(const Fragment& f, void* memory, Registers elements, unsigned stride, bool row_major) {
  const void* site = __builtin_return_address(0);
  const unsigned size = bytes_of(f.element);
  for_each_access(f, stride, row_major, [&](std::size_t at, unsigned first, unsigned count) {
    std::byte* to = static_cast<std::byte*>(memory) + at;
    record_store(to, count * size, site);
    std::memcpy(to, reinterpret_cast<const std::byte*>(elements.word) + first * size, count * size);
  });
}

Registers multiply_fragments(const Fragment& a, const Fragment& b, const Fragment& c, Registers a_elements,
                             Registers b_elements, Registers c_elements, bool saturate) {
  const void* site = __builtin_return_address(0);
  Arguments mine{&a, &b, &c, a_elements, b_elements, c_elements, saturate};
  warp_collective(kFullMask, &mine, &run_multiply, Operation::collective, site);
  record_operation(Operation::tensor_flop, 2ull * c.rows * c.columns * a.columns / kWarpSize, site);
  return mine.c_elements;
}

}  // namespace attnlab::emulator::calls
