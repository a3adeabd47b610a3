// Rotary position embedding: Su et al., "RoFormer" (arXiv 2104.09864), section 3.2.2. Pair p of a row at
// position t turns by the angle t * base^(-2 p / dim), so that the product of a rotated query and a rotated
// key depends on the distance of their positions alone.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "reference/core/errors.h"
#include "reference/core/view.h"

namespace attnlab::heads {

// Which two elements of a row form pair p. The two are one embedding up to a permutation of the rows of the
// projections before it.
enum class Pairing {
  interleaved,  // 2 p and 2 p + 1: RoFormer, GPT-J, Llama's own code, and the weights of DeepSeek-V2 and -V3
  half_split,   // p and p + dim / 2: GPT-NeoX, and Llama as Hugging Face stores it
};

struct Rope {
  double base = 10000;
  Pairing pairing = Pairing::interleaved;
};

// Rotates the rows of x [tokens, dim] in place; row r is at position first + r. Angles are float64 whatever
// T. Throws InvalidArgument when dim is odd.
template <class T>
void apply_rope(const Rope& rope, MatrixView<T> x, Index first) {
  if (x.cols % 2 != 0) throw InvalidArgument("rope_dim", std::to_string(x.cols), "an even number");
  const Index pairs = x.cols / 2;
  for (Index p = 0; p < pairs; ++p) {
    const double frequency = std::pow(rope.base, -static_cast<double>(p) / static_cast<double>(pairs));
    const auto [a, b] =
        rope.pairing == Pairing::interleaved ? std::pair{2 * p, 2 * p + 1} : std::pair{p, p + pairs};
    for (Index r = 0; r < x.rows; ++r) {
      const double angle = static_cast<double>(first + r) * frequency;
      const double c = std::cos(angle), s = std::sin(angle);
      const double xa = x(r, a), xb = x(r, b);
      x(r, a) = static_cast<T>(xa * c - xb * s);
      x(r, b) = static_cast<T>(xa * s + xb * c);
    }
  }
}

}  // namespace attnlab::heads
