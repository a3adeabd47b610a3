// Is docs/semantics.md true? One test per row of its tables, for every algorithm, forward and backward, float
// and double. This file: which keys a row sees, and whether document and tests name the same rows. The
// others: semantics_values_test.cpp, semantics_nonfinite_test.cpp.
#include "tests/reference/attention/semantics.h"

#include <fstream>
#include <iterator>
#include <regex>
#include <set>

namespace attnlab::testing {
namespace {

using Lines = std::vector<std::string>;

TYPED_TEST_SUITE(Semantics, Precisions, PrecisionName);

TYPED_TEST(Semantics, EmptyKeySequence) {
  for_every_variant([](const Variant& variant) {
    const auto r = run(Attention<TypeParam>(one_head(3, 0)), variant);
    for (Index i = 0; i < 3; ++i) expect_empty_row(r, i);
    EXPECT_TRUE(r.dk.data.empty());
  });
}

TYPED_TEST(Semantics, EmptyQuerySequence) {
  for_every_variant([](const Variant& variant) {
    const auto r = run(Attention<TypeParam>(one_head(0, 3)), variant);
    expect_all(r.dk.data, TypeParam(0));
    expect_all(r.dv.data, TypeParam(0));
  });
}

TYPED_TEST(Semantics, OneQueryOneKey) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(1, 1);
    p.softmax_scale = 0.5;
    const Attention<TypeParam> a(p);
    const auto r = run(a, variant);
    TypeParam score = 0;
    for (std::size_t t = 0; t < 4; ++t) score += a.q.data[t] * a.k.data[t] / 2;
    EXPECT_EQ(r.o.data, a.v.data);
    EXPECT_EQ(r.lse.data[0], score);
    EXPECT_EQ(r.dv.data, a.dout.data);
    expect_all(r.dq.data, TypeParam(0));
    expect_all(r.dk.data, TypeParam(0));
  });
}

TYPED_TEST(Semantics, OneQueryIsTheLastRowOfCausal) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(7, 7);
    p.causal = true;
    const Attention<TypeParam> full(p);
    p.seqlen_q = 1;
    Attention<TypeParam> last(p);
    std::ranges::copy(row(full.q, 6), last.q.data.begin());
    std::ranges::copy(full.k.data, last.k.data.begin());
    std::ranges::copy(full.v.data, last.v.data.begin());
    const auto a = run(full, variant), b = run(last, variant);
    expect_near(row(a.o, 6), row(b.o, 0));
    expect_near(row(a.lse, 6), row(b.lse, 0));
  });
}

TYPED_TEST(Semantics, FullyMaskedRow) {
  for_every_variant([](const Variant& variant) {
    const std::vector<std::uint8_t> mask{1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1};
    const std::vector<float> bias{0, 0, 0, 0, -kInf, -kInf, -kInf, -kInf, 0, 0, 0, 0};
    Problem by_mask = one_head(3, 4), by_bias = by_mask;
    by_mask.mask = broadcast(mask.data(), 1, 1, 3, 4);
    by_bias.bias = broadcast(bias.data(), 1, 1, 3, 4);
    for (const Problem& p : {by_mask, by_bias}) {
      Attention<TypeParam> a(p);
      const auto r = run(a, variant);
      expect_empty_row(r, 1);
      set_row(a.q, 0, 0, 1, TypeParam(kNaN));  // and it adds nothing to any key's gradient
      set_row(a.dout, 0, 0, 1, TypeParam(kInf));
      expect_near(r, run(a, variant));
    }
  });
}

TYPED_TEST(Semantics, CausalIsBottomRight) {
  for_every_variant([](const Variant& variant) {
    Problem wide = one_head(2, 5), tall = one_head(5, 2);
    wide.causal = tall.causal = true;
    EXPECT_EQ(visible_keys<TypeParam>(wide, variant), (Lines{"11110", "11111"}));
    EXPECT_EQ(visible_keys<TypeParam>(tall, variant), (Lines{"00", "00", "00", "10", "11"}));
    const auto r = run(Attention<TypeParam>(tall), variant);
    for (Index i = 0; i < 3; ++i) expect_empty_row(r, i);
  });
}

TYPED_TEST(Semantics, WindowFollowsTheDiagonal) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(3, 5);
    p.window = {1, 0};
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"01100", "00110", "00011"}));
    p.window = {0, 1};
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"00110", "00011", "00001"}));
    p.window = {std::nullopt, 1};
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"11110", "11111", "11111"}));
    p = one_head(5, 2);
    p.window = {0, 0};
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"00", "00", "00", "10", "01"}));
  });
}

TYPED_TEST(Semantics, CausalClosesTheWindowsRight) {
  for_every_variant([](const Variant& variant) {
    Problem causal = one_head(6, 7), window = causal, both = causal;
    causal.causal = both.causal = true;
    window.window.right = 0;
    both.window.right = 5;
    const auto expected = run(Attention<TypeParam>(causal), variant);
    expect_same_bits(run(Attention<TypeParam>(window), variant), expected);
    expect_same_bits(run(Attention<TypeParam>(both), variant), expected);
  });
}

TYPED_TEST(Semantics, WindowBeyondTheSequence) {
  for_every_variant([](const Variant& variant) {
    const Problem without = one_head(5, 7);
    Problem with = without;
    with.window = {Index{1} << 40, 100};
    expect_same_bits(run(Attention<TypeParam>(with), variant), run(Attention<TypeParam>(without), variant));
  });
}

TYPED_TEST(Semantics, BooleanMaskShowsWhereNotZero) {
  for_every_variant([](const Variant& variant) {
    const std::vector<std::uint8_t> full{1, 0, 2, 0, 255, 1}, keys{0, 1, 1}, queries{1, 0};
    Problem p = one_head(2, 3);
    p.mask = broadcast(full.data(), 1, 1, 2, 3);
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"101", "011"}));
    p.mask = broadcast(keys.data(), 1, 1, 1, 3);
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"011", "011"}));
    p.mask = broadcast(queries.data(), 1, 1, 2, 1);
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"111", "000"}));
  });
}

TYPED_TEST(Semantics, MinusInfinityBiasHides) {
  for_every_variant([](const Variant& variant) {
    const std::vector<std::uint8_t> mask{1, 0, 1, 0, 1, 1};
    const std::vector<float> bias{0, -kInf, 0, -kInf, 0, 0};
    Problem by_mask = one_head(2, 3), by_bias = by_mask;
    by_mask.mask = broadcast(mask.data(), 1, 1, 2, 3);
    by_bias.bias = broadcast(bias.data(), 1, 1, 2, 3);
    expect_same_bits(run(Attention<TypeParam>(by_bias), variant),
                     run(Attention<TypeParam>(by_mask), variant));
  });
}

TYPED_TEST(Semantics, FiniteBiasNeverHides) {
  for_every_variant([](const Variant& variant) {
    const std::vector<float> all(3, -1e9f), one{-1e9f, 0, 0};
    Problem p = one_head(1, 3);
    p.bias = broadcast(all.data(), 1, 1, 1, 3);
    Attention<TypeParam> a(p);
    std::fill(a.q.data.begin(), a.q.data.end(), TypeParam(0));
    const auto r = run(a, variant);  // three equal logits, far down: an ordinary row
    expect_near(r.lse.data, {TypeParam(-1e9) + std::log(TypeParam(3))});
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"111"}));
    a.p.bias = broadcast(one.data(), 1, 1, 1, 3);
    set_row(a.v, 0, 0, 0, TypeParam(kNaN));  // weight 0, but seen: 0 * NaN
    expect_all_nan(run(a, variant).o.data);
  });
}

TYPED_TEST(Semantics, AKeyMustPassEveryTest) {
  for_every_variant([](const Variant& variant) {
    const std::vector<std::uint8_t> mask{1, 1, 0, 1, 1};
    const std::vector<float> bias{0, -kInf, 0, 0, 0};
    Problem p = one_head(5, 5);
    p.causal = true;
    p.window.left = 3;
    p.mask = broadcast(mask.data(), 1, 1, 1, 5);
    p.bias = broadcast(bias.data(), 1, 1, 1, 5);
    EXPECT_EQ(visible_keys<TypeParam>(p, variant), (Lines{"10000", "10000", "10000", "10010", "00011"}));
  });
}

TYPED_TEST(Semantics, BlockMaskHidesWholeTiles) {
  const std::vector<std::uint8_t> blocks{1, 0, 1, 0, 0, 0}, mask{1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0};
  Problem p = one_head(3, 5);
  Attention<TypeParam> sparse(p);
  p.mask = broadcast(mask.data(), 1, 1, 3, 5);
  const auto expected = run(Attention<TypeParam>(p), {Algorithm::standard, {64, 64}});
  const auto r = run(sparse, {Algorithm::blocksparse, {2, 2}}, {blocks.data(), 2, 3});
  expect_near(r, expected);
  expect_empty_row(r, 2);
  set_row(sparse.k, 0, 0, 2, TypeParam(kNaN));  // keys that no tile holds
  set_row(sparse.v, 0, 0, 3, TypeParam(kInf));
  expect_near(run(sparse, {Algorithm::blocksparse, {2, 2}}, {blocks.data(), 2, 3}), expected);
}

// The same sequences apart, padded, and packed.
template <class T>
struct ThreeWays {
  std::vector<Index> q_lens{3, 0, 5}, kv_lens{4, 2, 0};
  std::vector<float> bias;
  Attention<T> padded, packed;
  std::vector<Attention<T>> apart;

  explicit ThreeWays(Problem p) : padded(with_lens(p)), packed(with_cu_seqlens(p)) {
    for (Index b = 0; b < 3; ++b) {
      const Index nq = q_lens[static_cast<std::size_t>(b)], nk = kv_lens[static_cast<std::size_t>(b)];
      Problem one = p;
      one.seqlen_q = nq, one.seqlen_kv = nk;
      apart.emplace_back(one);
      copy(padded, packed, b, nq, nk);
      copy(padded, apart.back(), b, nq, nk);
    }
  }
  Problem with_lens(Problem p) const {
    p.batch = 3, p.seqlen_q = 6, p.seqlen_kv = 5, p.q_lens = q_lens, p.kv_lens = kv_lens;
    return p;
  }
  Problem with_cu_seqlens(Problem p) const {
    p.batch = 3, p.seqlen_q = 6, p.seqlen_kv = 5;
    p.cu_seqlens_q = {0, 3, 3, 8}, p.cu_seqlens_kv = {0, 4, 6, 6};
    return p;
  }
  // Sequence b of `from` into `to`, which holds it alone or packed.
  static void copy(const Attention<T>& from, Attention<T>& to, Index b, Index nq, Index nk) {
    const bool packed = to.p.packed();
    const Index q0 = packed ? to.p.cu_seqlens_q[static_cast<std::size_t>(b)] : 0;
    const Index k0 = packed ? to.p.cu_seqlens_kv[static_cast<std::size_t>(b)] : 0;
    const auto some = [&](const Buffer<T>& source, Buffer<T>& target, Index first, Index count) {
      for (Index r = 0; r < count; ++r) {
        for (Index c = 0; c < source.view.dim; ++c)
          target.view.head(0, 0)(first + r, c) = source.view.head(b, 0)(r, c);
      }
    };
    some(from.q, to.q, q0, nq), some(from.dout, to.dout, q0, nq);
    some(from.k, to.k, k0, nk), some(from.v, to.v, k0, nk);
  }
};

Problem causal_with_alibi() {
  Problem p = one_head(0, 0);
  p.causal = true;
  p.alibi_slopes = {0.25};
  p.dropout = {0.25, 99, 0};
  return p;
}

TYPED_TEST(Semantics, PaddingIsOutsideTheSequence) {
  for_every_variant([](const Variant& variant) {
    ThreeWays<TypeParam> ways(causal_with_alibi());
    ways.padded.p.dropout.p = 0;
    for (Index b = 0; b < 3; ++b) {  // what lies in the padding is never read
      const auto s = static_cast<std::size_t>(b);
      for (Index r = ways.q_lens[s]; r < 6; ++r) {
        set_row(ways.padded.q, b, 0, r, TypeParam(kNaN)), set_row(ways.padded.dout, b, 0, r, TypeParam(kInf));
      }
      for (Index r = ways.kv_lens[s]; r < 5; ++r) {
        set_row(ways.padded.k, b, 0, r, TypeParam(kNaN)), set_row(ways.padded.v, b, 0, r, TypeParam(kNaN));
      }
    }
    const auto padded = run(ways.padded, variant);
    for (Index b = 0; b < 3; ++b) {
      const auto s = static_cast<std::size_t>(b);
      const Index nq = ways.q_lens[s], nk = ways.kv_lens[s];
      ways.apart[s].p.dropout.p = 0;
      const auto alone = run(ways.apart[s], variant);  // offset = kv_lens[b] - q_lens[b]
      expect_near(rows(padded.o, b, 0, 0, nq), alone.o.data);
      expect_near(rows(padded.lse, b, 0, 0, nq), alone.lse.data);
      expect_near(rows(padded.dq, b, 0, 0, nq), alone.dq.data);
      expect_near(rows(padded.dk, b, 0, 0, nk), alone.dk.data);
      expect_near(rows(padded.dv, b, 0, 0, nk), alone.dv.data);
      for (Index i = nq; i < 6; ++i) expect_empty_row(padded, i, b);
      expect_all(rows(padded.dk, b, 0, nk, 5), TypeParam(0));
      expect_all(rows(padded.dv, b, 0, nk, 5), TypeParam(0));
    }
  });
}

TYPED_TEST(Semantics, PackedEqualsPadded) {
  for_every_variant([](const Variant& variant) {
    std::vector<float> bias(3 * 6 * 5);
    for (std::size_t n = 0; n < bias.size(); ++n) bias[n] = static_cast<float>(n % 7);
    ThreeWays<TypeParam> ways(
        causal_with_alibi());  // with dropout: sequence, row and key have the same numbers
    ways.padded.p.bias = ways.packed.p.bias = broadcast(bias.data(), 3, 1, 6, 5);
    const auto padded = run(ways.padded, variant), packed = run(ways.packed, variant);
    for (Index b = 0; b < 3; ++b) {
      const auto s = static_cast<std::size_t>(b);
      const Index nq = ways.q_lens[s], nk = ways.kv_lens[s];
      const Index q0 = ways.packed.p.cu_seqlens_q[s], k0 = ways.packed.p.cu_seqlens_kv[s];
      expect_near(rows(padded.o, b, 0, 0, nq), rows(packed.o, 0, 0, q0, q0 + nq));
      expect_near(rows(padded.lse, b, 0, 0, nq), rows(packed.lse, 0, 0, q0, q0 + nq));
      expect_near(rows(padded.dq, b, 0, 0, nq), rows(packed.dq, 0, 0, q0, q0 + nq));
      expect_near(rows(padded.dk, b, 0, 0, nk), rows(packed.dk, 0, 0, k0, k0 + nk));
      expect_near(rows(padded.dv, b, 0, 0, nk), rows(packed.dv, 0, 0, k0, k0 + nk));
    }
  });
}

// Each row of the document's tables ends with the name of its test, alone in its cell.
TEST(SemanticsDocument, NamesEveryTest) {
  std::ifstream file(ATTNLAB_SOURCE_DIR "/docs/semantics.md");
  ASSERT_TRUE(file) << "docs/semantics.md";
  std::set<std::string> named, tested, differ;
  const std::regex row_of_a_test(R"(\|.*\| `([A-Za-z]+)` \|)");
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (!std::regex_match(line, match, row_of_a_test)) continue;
    EXPECT_TRUE(named.insert(match[1]).second) << match[1] << " stands twice";
  }
  const auto& all = *::testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const auto& suite = *all.GetTestSuite(s);
    if (std::string(suite.name()) != "Semantics/float") continue;
    for (int t = 0; t < suite.total_test_count(); ++t) tested.insert(suite.GetTestInfo(t)->name());
  }
  std::ranges::set_symmetric_difference(named, tested, std::inserter(differ, differ.end()));
  EXPECT_EQ(differ, std::set<std::string>{});
  EXPECT_FALSE(tested.empty());
}

}  // namespace
}  // namespace attnlab::testing
