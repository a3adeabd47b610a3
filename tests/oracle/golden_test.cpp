// Are the golden values those of the definition, for every option, type, stride, page table and scale, and
// the same whichever rows are asked for?
#include "oracle/golden.h"

#include <gtest/gtest.h>

#include "oracle/golden_head.h"
#include "reference/core/errors.h"
#include "tests/oracle/stored.h"
#include "tests/reference/attention/passes.h"

namespace attnlab::testing {
namespace {

oracle::Inputs inputs_of(const Case& c) { return {c.q.view, c.k.view, c.v.view, c.dout.view}; }

// Largest difference, over 1 + |b|; infinite where one is finite and the other not.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t n = 0; n < std::min(a.size(), b.size()); ++n) {
    if (a[n] == b[n]) continue;
    const double d = std::abs(a[n] - b[n]) / (1 + std::abs(b[n]));
    if (!(d <= most)) most = std::isnan(d) ? INFINITY : d;
  }
  return most;
}

// The definition of docs/semantics.md, one number at a time.
std::vector<double> defined_output(const Case& c) {
  const auto& p = c.p;
  std::vector<double> out(
      static_cast<std::size_t>(p.tensor_batches() * p.num_heads * p.tensor_rows_q() * p.head_dim_v), 0);
  for (Index b = 0; b < p.batch; ++b) {
    for (Index h = 0; h < p.num_heads; ++h) {
      const attention::Head head = attention::head_of(p, b, h);
      const Index tb = p.tensor_batch(b), g = h / p.group_size();
      const auto q = c.q.in().head(tb, h, p.q_rows(b)), k = c.k.in().head(tb, g, p.kv_rows(b)),
                 v = c.v.in().head(tb, g, p.kv_rows(b));
      for (Index i = 0; i < head.seqlen_q; ++i) {
        std::vector<double> s(static_cast<std::size_t>(head.seqlen_kv), -INFINITY);
        double top = head.sink;
        for (Index j = 0; j < head.seqlen_kv; ++j) {
          if (!head.visible(i, j)) continue;
          double x = 0;
          for (Index t = 0; t < p.head_dim; ++t) x += q(i, t) * k(j, t);
          x *= head.scale;
          if (head.softcap != 0) x = head.softcap * std::tanh(x / head.softcap);
          x -= head.alibi_slope * static_cast<double>(std::abs(i + head.offset() - j));
          if (head.has_bias) x += head.bias_at(i, j);
          s[static_cast<std::size_t>(j)] = x, top = std::max(top, x);
        }
        if (top == -INFINITY) continue;
        double l = std::exp(head.sink - top);
        for (const double x : s) l += std::exp(x - top);
        for (Index j = 0; j < head.seqlen_kv; ++j) {
          const bool kept = head.dropout.p == 0 || (head.kept(i, j / 4) >> (j % 4) & 1u) != 0;
          if (!kept || s[static_cast<std::size_t>(j)] == -INFINITY) continue;
          const double weight = std::exp(s[static_cast<std::size_t>(j)] - top) / l * head.dropout_scale();
          const Index row = p.q_rows(b).begin + i;
          double* to = out.data() + ((tb * p.num_heads + h) * p.tensor_rows_q() + row) * p.head_dim_v;
          for (Index t = 0; t < p.head_dim_v; ++t) to[t] += weight * v(j, t);
        }
      }
    }
  }
  return out;
}

// Sums of at most 80 products of numbers near 1 (ALiBi and softcap included), twice: 2^-53 times a few
// hundred.
constexpr double kRounding = 1e-13;

TEST(Golden, IsTheDefinition) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Case c;
    make_case(c, seed);
    const auto golden = oracle::golden(c.p, inputs_of(c), 2);
    EXPECT_LT(difference(golden.o.values, defined_output(c)), kRounding) << seed << c.description;
  }
}

TEST(Golden, EqualsStandardAttentionForwardAndBackward) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Case c;
    make_case(c, seed + 1000);
    const auto golden = oracle::golden(c.p, inputs_of(c), 2);
    Passes<double> expected(c.p);
    run_passes<double>(attention::Algorithm::standard, c.p, convert<double>(c), {}, expected);
    EXPECT_LT(difference(golden.o.values, expected.o.data), kRounding) << seed << c.description;
    EXPECT_LT(difference(golden.lse.values, expected.lse.data), kRounding) << seed << c.description;
    EXPECT_LT(difference(golden.dq.values, expected.dq.data), kRounding) << seed << c.description;
    EXPECT_LT(difference(golden.dk.values, expected.dk.data), kRounding) << seed << c.description;
    EXPECT_LT(difference(golden.dv.values, expected.dv.data), kRounding) << seed << c.description;
  }
}

TEST(Golden, RowsAloneEqualAllRows) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c;
    make_case(c, seed + 2000);
    const auto golden = oracle::golden(c.p, inputs_of(c), 1);
    for (Index b = 0; b < c.p.batch; ++b) {
      oracle::KeyValues kv(oracle::kept_bytes(1));
      const oracle::Inputs in = inputs_of(c);
      kv.select(c.p, in, b, 0);
      const Rows rows = c.p.q_rows(b);
      if (rows.size == 0) continue;
      const auto list = oracle::chosen_rows({.sample = 5, .seed = seed}, rows.size, 7);
      const Index tb = c.p.tensor_batch(b);
      const auto some = oracle::golden_forward(attention::head_of(c.p, b, 0), kv, list,
                                               oracle::read_rows(in.q, tb, 0, rows.begin, list));
      for (std::size_t r = 0; r < list.size(); ++r) {
        const Index at = tb * c.p.num_heads * c.p.tensor_rows_q() + rows.begin + list[r];
        const double lse = golden.lse.values[static_cast<std::size_t>(at)];
        EXPECT_TRUE(some.lse[r] == lse || std::abs(some.lse[r] - lse) < kRounding * (1 + std::abs(lse)));
        for (Index t = 0; t < c.p.head_dim_v; ++t) {
          EXPECT_NEAR(some.o(static_cast<Index>(r), t),
                      golden.o.values[static_cast<std::size_t>(at * c.p.head_dim_v + t)], kRounding);
        }
      }
    }
  }
}

TEST(Golden, ReadsEveryTypeExactly) {
  for (const DType type : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2}) {
    const Index count = bits(type) == 8 ? 256 : 65536;
    Stored t(type, 1, 1, count, 1);
    for (Index n = 0; n < count && bits(type) <= 16; ++n)
      std::memcpy(t.bytes.data() + n * bits(type) / 8, &n, static_cast<std::size_t>(bits(type) / 8));
    if (bits(type) > 16) {
      for (Index n = 0; n < count; ++n)
        t.set(n, std::ldexp(1.0 + static_cast<double>(n) / 65536, static_cast<int>(n % 40) - 20));
    }
    std::vector<double> got(static_cast<std::size_t>(count));
    read(t.tensor(), 0, 0, {0, count}, {got.data(), count, 1, 1});
    for (Index n = 0; n < count; ++n) {
      const double expected = t[n], x = got[static_cast<std::size_t>(n)];
      EXPECT_TRUE((std::isnan(expected) && std::isnan(x)) ||
                  (x == expected && std::signbit(x) == std::signbit(expected)))
          << name(type) << " pattern " << n;
    }
  }
}

TEST(Golden, ReadsPagesStridesAndScales) {
  StoredCase c;
  c.p.batch = 2, c.p.num_heads = 2, c.p.num_kv_heads = 2, c.p.seqlen_q = 5, c.p.seqlen_kv = 37,
  c.p.head_dim = 8, c.p.head_dim_v = 8;
  c.p.kv_lens = {37, 20};
  c.allocate(DType::f16, false);
  fill(c, "normal", 3);
  const auto plain = oracle::golden(c.p, c.inputs(), 1);
  // The same K in pages of 16 rows, [page, row, head, dim], in an order of their own.
  const std::int32_t table[] = {4, 0, 2, 3, 1, 5};
  Stored pages(DType::f16, 6, 16, 2, 8);
  for (Index b = 0; b < 2; ++b) {
    for (Index h = 0; h < 2; ++h) {
      for (Index j = 0; j < 37; ++j) {
        for (Index t = 0; t < 8; ++t)
          pages.set(((table[b * 3 + j / 16] * 16 + j % 16) * 2 + h) * 8 + t, c.k[c.k.at(b, h, j, t)]);
      }
    }
  }
  oracle::Inputs in = c.inputs();
  in.k.data = pages.bytes.data();
  in.k.batch_stride = 16 * 2 * 8, in.k.head_stride = 8, in.k.row_stride = 16;
  in.k.block_table = table, in.k.block_table_stride = 3, in.k.page_size = 16, in.k.num_pages = 6;
  EXPECT_EQ(oracle::golden(c.p, in, 1).o.values, plain.o.values);
  in.k.num_pages = 5;
  EXPECT_NO_THROW(oracle::golden(c.p, in, 1)) << "page 5 holds only padding";
  in.k.num_pages = 4;
  EXPECT_THROW(oracle::golden(c.p, in, 1), InvalidArgument);

  // V backwards in memory, and one scale per head.
  in = c.inputs();
  const float scales[] = {0.5f, 4.0f};
  in.v.scale = broadcast(scales, 1, 2, 1, 1);
  const auto scaled = oracle::golden(c.p, in, 1);
  for (std::size_t n = 0; n < scaled.o.values.size(); ++n) {
    EXPECT_DOUBLE_EQ(scaled.o.values[n], plain.o.values[n] * scales[n / (5 * 8) % 2]);
  }
}

TEST(Golden, SamplesHoldEdgesOfTilesAndBothEnds) {
  const auto rows = oracle::chosen_rows({.sample = 128, .seed = 1}, 1000, 0);
  EXPECT_EQ(rows.size(), 128u);
  for (const Index row : {0, 255, 256, 511, 512, 767, 768, 999})
    EXPECT_TRUE(std::binary_search(rows.begin(), rows.end(), row)) << row;
  const auto many = oracle::chosen_rows({.sample = 512, .seed = 1}, 1000, 0);
  for (Index edge = 16; edge < 1000; edge += 16) {
    EXPECT_TRUE(std::binary_search(many.begin(), many.end(), edge)) << edge;
    EXPECT_TRUE(std::binary_search(many.begin(), many.end(), edge - 1)) << edge - 1;
  }
  EXPECT_EQ(oracle::chosen_rows({}, 10, 0).size(), 10u);
  EXPECT_EQ(oracle::RowChoice::parse("sample:12").sample, 12);
  for (const char* bad : {"sample:", "sample:0", "some", "sample:3x", ""})
    EXPECT_THROW(oracle::RowChoice::parse(bad), InvalidArgument) << bad;
}

}  // namespace
}  // namespace attnlab::testing
