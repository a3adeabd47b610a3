// What the tests of docs/semantics.md share: small problems with their tensors, run forward and backward by
// every algorithm on several tile sizes, in float and in double.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "reference/attention/attention.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {

using attention::Algorithm;
using attention::Problem;

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// One head of one sequence with these extents; tests change what they are about.
inline Problem one_head(Index seqlen_q, Index seqlen_kv, Index head_dim = 4, Index head_dim_v = 3) {
  Problem p;
  p.seqlen_q = seqlen_q;
  p.seqlen_kv = seqlen_kv;
  p.head_dim = head_dim;
  p.head_dim_v = head_dim_v;
  return p;
}

// A problem and its inputs: small integers, so that sums and products of a few of them are exact.
template <class T>
struct Attention {
  Problem p;
  Buffer<T> q, k, v, dout;

  Attention(Attention&&) = default;  // a copy's views would point into the original
  explicit Attention(Problem problem) : p(std::move(problem)) {
    Random random(1);
    const Index b = p.tensor_batches();
    const auto fill = [&](Index heads, Index rows, Index dim) {
      auto buffer = make_buffer<T>(b, heads, rows, dim);
      for (T& x : buffer.data) x = static_cast<T>(random.integer(-3, 3));
      return buffer;
    };
    q = fill(p.num_heads, p.tensor_rows_q(), p.head_dim);
    k = fill(p.num_kv_heads, p.tensor_rows_kv(), p.head_dim);
    v = fill(p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v);
    dout = fill(p.num_heads, p.tensor_rows_q(), p.head_dim_v);
  }
};

template <class T>
struct Results {
  Buffer<T> o, lse, dq, dk, dv;
  std::vector<const Buffer<T>*> all() const { return {&o, &lse, &dq, &dk, &dv}; }
};

struct Variant {
  Algorithm algorithm;
  attention::Tiles tiles;
  int threads = 1;
};

// Both passes. Outputs hold a number that no test expects before the algorithm writes them. An algorithm
// without a backward pass lends FlashAttention-2's, which must be right for its O and lse.
template <class T>
Results<T> run(const Attention<T>& a, const Variant& variant, const attention::BlockMask& block_mask = {}) {
  constexpr T kPoison = 7777;
  const Problem& p = a.p;
  const auto empty = [&](Index heads, Index rows, Index dim) {
    return make_buffer<T>(p.tensor_batches(), heads, rows, dim, false, kPoison);
  };
  Results<T> r{empty(p.num_heads, p.tensor_rows_q(), p.head_dim_v), empty(p.num_heads, p.tensor_rows_q(), 1),
               empty(p.num_heads, p.tensor_rows_q(), p.head_dim),
               empty(p.num_kv_heads, p.tensor_rows_kv(), p.head_dim),
               empty(p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v)};
  attention::Options options;
  options.tiles = variant.tiles;
  options.threads = variant.threads;
  options.block_mask = block_mask;
  attention::forward<T>(variant.algorithm, p, {a.q.in(), a.k.in(), a.v.in(), r.o.view, r.lse.view}, options);
  attention::backward<T>(
      attention::info(variant.algorithm).backward ? variant.algorithm : Algorithm::flash2, p,
      {a.q.in(), a.k.in(), a.v.in(), r.o.in(), r.lse.in(), a.dout.in(), r.dq.view, r.dk.view, r.dv.view},
      options);
  return r;
}

// Calls body(variant) for every algorithm, with tiles of one score, ragged ones, and one larger than the
// problem.
template <class Body>
void for_every_variant(Body body) {
  for (const auto& algorithm : attention::algorithms()) {
    for (const attention::Tiles tiles : {attention::Tiles{1, 1}, {2, 3}, {3, 2}, {64, 64}}) {
      SCOPED_TRACE(std::string(algorithm.name) + ", tiles of " + std::to_string(tiles.br) + " x " +
                   std::to_string(tiles.bc));
      body(Variant{algorithm.id, tiles});
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// The rows [begin, end) of head (b, h), flat.
template <class T>
std::vector<T> rows(const Buffer<T>& buffer, Index b, Index h, Index begin, Index end) {
  std::vector<T> values;
  const auto head = buffer.view.head(b, h);
  for (Index r = begin; r < end; ++r) {
    for (Index c = 0; c < head.cols; ++c) values.push_back(head(r, c));
  }
  return values;
}
template <class T>
std::vector<T> row(const Buffer<T>& buffer, Index r) {
  return rows(buffer, 0, 0, r, r + 1);
}

template <class T>
void set_row(Buffer<T>& buffer, Index b, Index h, Index r, T value) {
  const auto head = buffer.view.head(b, h);
  for (Index c = 0; c < head.cols; ++c) head(r, c) = value;
}

template <class T>
void expect_all(const std::vector<T>& values, T expected) {
  for (T value : values) EXPECT_EQ(value, expected);
}
template <class T>
void expect_all_nan(const std::vector<T>& values) {
  for (T value : values) EXPECT_TRUE(std::isnan(value)) << value;
}
template <class T>
void expect_all_finite(const std::vector<T>& values) {
  for (T value : values) EXPECT_TRUE(std::isfinite(value)) << value;
}

// A row that sees no key: O = 0, lse = -inf, and a gradient of 0.
template <class T>
void expect_empty_row(const Results<T>& r, Index i, Index b = 0, Index h = 0) {
  expect_all(rows(r.o, b, h, i, i + 1), T(0));
  expect_all(rows(r.lse, b, h, i, i + 1), -std::numeric_limits<T>::infinity());
  expect_all(rows(r.dq, b, h, i, i + 1), T(0));
}

// Equal but for rounding: a few hundred operations on numbers of size 10. NaN is near nothing.
template <class T>
void expect_near(const std::vector<T>& a, const std::vector<T>& b) {
  ASSERT_EQ(a.size(), b.size());
  const double tolerance = 1000 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (std::size_t n = 0; n < a.size(); ++n) {
    if (a[n] == b[n]) continue;  // infinities
    EXPECT_LE(std::abs(static_cast<double>(a[n]) - static_cast<double>(b[n])),
              tolerance * (1 + std::abs(static_cast<double>(b[n]))))
        << a[n] << " and " << b[n] << " at " << n;
  }
}
template <class T>
void expect_near(const Results<T>& a, const Results<T>& b) {
  for (std::size_t n = 0; n < a.all().size(); ++n) {
    SCOPED_TRACE("O, lse, dQ, dK, dV: number " + std::to_string(n));
    expect_near(a.all()[n]->data, b.all()[n]->data);
  }
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T x, T y) {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    return std::bit_cast<Bits>(x) == std::bit_cast<Bits>(y);
  });
}
template <class T>
void expect_same_bits(const Results<T>& a, const Results<T>& b) {
  for (std::size_t n = 0; n < a.all().size(); ++n) {
    EXPECT_TRUE(same_bits(a.all()[n]->data, b.all()[n]->data)) << "O, lse, dQ, dK, dV: number " << n;
  }
}

// Which keys each row of head (0, 0) sees, "101": with Q = 0 all visible keys weigh the same, and V =
// identity shows their weights.
template <class T>
std::vector<std::string> visible_keys(Problem p, const Variant& variant) {
  p.head_dim_v = p.seqlen_kv;
  Attention<T> a(p);
  std::fill(a.q.data.begin(), a.q.data.end(), T(0));
  for (Index g = 0; g < p.num_kv_heads; ++g) {
    for (Index j = 0; j < p.seqlen_kv; ++j) {
      set_row(a.v, 0, g, j, T(0));
      a.v.view.head(0, g)(j, j) = 1;
    }
  }
  const Results<T> r = run(a, variant);
  std::vector<std::string> seen;
  for (Index i = 0; i < p.seqlen_q; ++i) {
    std::string line;
    for (T weight : row(r.o, i)) line += weight == T(0) ? '0' : '1';
    seen.push_back(line);
  }
  return seen;
}

template <class T>
class Semantics : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
struct PrecisionName {
  template <class T>
  static std::string GetName(int) {
    return sizeof(T) == 4 ? "float" : "double";
  }
};

}  // namespace attnlab::testing
