// Is docs/semantics.md true? Its rows about NaN and infinities, determinism and refusals.
#include "reference/core/errors.h"
#include "tests/reference/attention/semantics.h"

namespace attnlab::testing {
namespace {

TYPED_TEST_SUITE(Semantics, Precisions, PrecisionName);

// Keys 1 and 4 of six are hidden from both queries.
enum class Hide { mask, bias, window_and_padding };
template <class T>
Attention<T> with_hidden_keys(Hide how, const std::vector<std::uint8_t>& mask,
                              const std::vector<float>& bias) {
  Problem p = one_head(2, 6);
  if (how == Hide::mask) p.mask = broadcast(mask.data(), 1, 1, 1, 6);
  if (how == Hide::bias) p.bias = broadcast(bias.data(), 1, 1, 1, 6);
  if (how == Hide::window_and_padding) p.window.left = 0, p.causal = true, p.kv_lens = {4};
  p.softcap = 5;
  return Attention<T>(p);
}

TYPED_TEST(Semantics, HiddenNaNContributesNothing) {
  const std::vector<std::uint8_t> mask{1, 0, 1, 1, 0, 1};
  const std::vector<float> bias{0, -kInf, 0.5f, 0, -kInf, 0};
  for_every_variant([&](const Variant& variant) {
    for (const Hide how : {Hide::mask, Hide::bias, Hide::window_and_padding}) {
      auto a = with_hidden_keys<TypeParam>(how, mask, bias);
      const auto expected = run(a, variant);
      for (const float value : {kNaN, kInf, -kInf}) {
        for (const Index j : {1, 4}) {
          set_row(a.k, 0, 0, j, TypeParam(value));
          set_row(a.v, 0, 0, j, TypeParam(value));
        }
        const auto r = run(a, variant);
        expect_near(r, expected);
        for (const Index j : {1, 4}) {
          expect_all(row(r.dk, j), TypeParam(0));
          expect_all(row(r.dv, j), TypeParam(0));
        }
      }
    }
  });
}

TYPED_TEST(Semantics, VisibleNaNReachesWhoSeesIt) {
  for_every_variant([](const Variant& variant) {
    for (const Index n : {4, 40}) {  // rows within a vector register, and beyond
      Problem p = one_head(n, n);
      p.causal = true;
      const Index first = n / 2;  // rows from here on see key `first`
      for (const bool in_k : {true, false}) {
        Attention<TypeParam> a(p);
        set_row(in_k ? a.k : a.v, 0, 0, first, TypeParam(kNaN));
        const auto r = run(a, variant);
        expect_all_finite(rows(r.o, 0, 0, 0, first)), expect_all_finite(rows(r.dq, 0, 0, 0, first));
        expect_all_nan(rows(r.o, 0, 0, first, n)), expect_all_nan(rows(r.dq, 0, 0, first, n));
        expect_all_finite(rows(r.lse, 0, 0, 0, in_k ? first : n));
        if (in_k) expect_all_nan(rows(r.lse, 0, 0, first, n));
      }
    }
  });
}

TYPED_TEST(Semantics, NaNInAQueryStaysInItsRow) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(4, 4);
    p.causal = true;
    Attention<TypeParam> a(p);
    set_row(a.q, 0, 0, 1, TypeParam(kNaN));  // row 1 sees keys 0 and 1
    const auto r = run(a, variant);
    for (const Index i : {0, 2, 3}) {
      expect_all_finite(row(r.o, i)), expect_all_finite(row(r.lse, i)), expect_all_finite(row(r.dq, i));
    }
    expect_all_nan(row(r.o, 1)), expect_all_nan(row(r.lse, 1)), expect_all_nan(row(r.dq, 1));
    expect_all_nan(rows(r.dk, 0, 0, 0, 2)), expect_all_nan(rows(r.dv, 0, 0, 0, 2));
    expect_all_finite(rows(r.dk, 0, 0, 2, 4)), expect_all_finite(rows(r.dv, 0, 0, 2, 4));
  });
}

TYPED_TEST(Semantics, PlusInfinityLogit) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(2, 3, 1, 2);
    Attention<TypeParam> a(p);
    a.q.data[0] = 1, a.q.data[1] = 0.5f;
    a.k.data[1] = std::numeric_limits<TypeParam>::max();
    a.p.softmax_scale = 1.5;  // overflows in row 0; in row 1 key 1 takes all
    const auto r = run(a, variant);
    expect_all_nan(row(r.o, 0));
    expect_all_nan(row(r.lse, 0));
    EXPECT_EQ(row(r.o, 1), row(a.v, 1));
  });
}

TYPED_TEST(Semantics, VisibleMinusInfinityLogit) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(1, 3, 1, 2);
    p.softmax_scale = 1;
    Attention<TypeParam> a(p);
    a.q.data[0] = 1;
    a.k.data[0] = a.k.data[2] = 0, a.k.data[1] = -TypeParam(kInf);
    auto r = run(a, variant);
    expect_near(r.lse.data, {std::log(TypeParam(2))});
    expect_near(r.o.data, {(a.v.data[0] + a.v.data[4]) / 2, (a.v.data[1] + a.v.data[5]) / 2});
    expect_all_nan(r.dq.data);  // 0 * -inf: the key is seen
    set_row(a.k, 0, 0, 0, -TypeParam(kInf)), set_row(a.k, 0, 0, 2, -TypeParam(kInf));
    r = run(a, variant);
    expect_all(r.o.data, TypeParam(0));
    expect_all(r.lse.data, -TypeParam(kInf));
  });
}

TYPED_TEST(Semantics, InfiniteValues) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(1, 3, 1, 1);
    p.softmax_scale = 0;
    Attention<TypeParam> a(p);
    a.v.data[1] = TypeParam(kInf);
    EXPECT_EQ(run(a, variant).o.data[0], TypeParam(kInf));
    a.v.data[2] = -TypeParam(kInf);
    expect_all_nan(run(a, variant).o.data);
  });
}

TYPED_TEST(Semantics, BackwardTakesAnyForward) {
  Problem p = one_head(5, 7);
  p.causal = true;
  p.softcap = 4;
  p.dropout = {0.2, 5, 0};
  const Attention<TypeParam> a(p);
  const auto expected = run(a, {Algorithm::standard, {64, 64}});
  for_every_variant([&](const Variant& variant) {
    if (!attention::info(variant.algorithm).backward) return;
    auto r = run(a, variant);
    attention::Options options;
    options.tiles = variant.tiles;
    attention::backward<TypeParam>(variant.algorithm, p,
                                   {a.q.in(), a.k.in(), a.v.in(), expected.o.in(), expected.lse.in(),
                                    a.dout.in(), r.dq.view, r.dk.view, r.dv.view},
                                   options);
    expect_near(r, expected);
  });
}

TYPED_TEST(Semantics, ThreadsAndRunsGiveTheSameBits) {
  for_every_variant([](Variant variant) {
    Problem p = one_head(9, 11, 8, 8);
    p.batch = 2, p.num_heads = 6, p.num_kv_heads = 2;
    p.causal = true;
    p.dropout = {0.2, 5, 0};
    const Attention<TypeParam> a(p);
    const auto once = run(a, variant);
    expect_same_bits(run(a, variant), once);
    variant.threads = 3;
    expect_same_bits(run(a, variant), once);
  });
}

TYPED_TEST(Semantics, LayoutsAgree) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(5, 6);
    p.batch = 2, p.num_heads = 4, p.num_kv_heads = 2;
    const Attention<TypeParam> a(p);
    Attention<TypeParam> b(p);
    for (Buffer<TypeParam>* t : {&b.q, &b.k, &b.v, &b.dout}) {
      const auto contiguous = t->view;
      const auto values = t->data;
      t->view = bshd(t->data.data(), contiguous.batch, contiguous.seqlen, contiguous.heads, contiguous.dim);
      for (Index n = 0; n < contiguous.batch * contiguous.heads * contiguous.seqlen * contiguous.dim; ++n) {
        const Index c = n % contiguous.dim, r = n / contiguous.dim % contiguous.seqlen;
        const Index h = n / contiguous.dim / contiguous.seqlen % contiguous.heads;
        t->view.head(n / contiguous.batch_stride, h)(r, c) = values[static_cast<std::size_t>(n)];
      }
    }
    expect_near(run(b, variant), run(a, variant));
  });
}

// What the refusal says about a problem of 2 queries and 3 keys, or "" when there is none.
template <class T>
std::string refusal(void (*change)(Problem&)) {
  Problem p = one_head(2, 3);
  const Attention<T> a(p);
  change(p);
  auto o = make_buffer<T>(1, 1, 2, 3);
  try {
    attention::forward<T>(Algorithm::flash2, p, {a.q.in(), a.k.in(), a.v.in(), o.view, {}});
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TYPED_TEST(Semantics, MeaninglessProblemsAreRefused) {
  const auto text = refusal<TypeParam>;
  EXPECT_EQ(text([](Problem&) {}), "");
  EXPECT_EQ(text([](Problem& p) { p.num_heads = 3, p.num_kv_heads = 2; }),
            "num_kv_heads: got 2, expected a divisor of num_heads = 3");
  EXPECT_EQ(text([](Problem& p) { p.window.left = -1; }),
            "window.left: got -1, expected 0 or more, or absent for no bound");
  EXPECT_EQ(text([](Problem& p) { p.dropout.p = 1; }), "dropout.p: got 1, expected 0 <= p < 1");
  EXPECT_EQ(text([](Problem& p) { p.sinks = {-kInf}; }), "sinks: got -inf, expected a finite number");
  EXPECT_EQ(text([](Problem& p) { p.kv_lens = {4}; }), "kv_lens[0]: got 4, expected an integer from 0 to 3");
  EXPECT_EQ(text([](Problem& p) { p.seqlen_kv = 4; }),
            "k: got [1, 1, 3, 4], expected [batch, heads, seqlen, dim] = [1, 1, 4, 4]");
  const std::string tiny = text([](Problem& p) { p.softcap = 1e-50; });  // 0 in float: s / 0
  EXPECT_EQ(tiny, sizeof(TypeParam) == 8 ? ""
                                         : "softcap: got 1e-50, expected a size from 1.17549e-38 to "
                                           "3.40282e+38, of the type that it is computed in");
  const std::string huge = text([](Problem& p) { p.sinks = {1e300}; });
  EXPECT_EQ(huge.empty(), sizeof(TypeParam) == 8);
  EXPECT_NE(text([](Problem& p) { p.cu_seqlens_q = {0, 2}; }), "");
  EXPECT_NE(text([](Problem& p) { p.softcap = -1; }), "");
}

}  // namespace
}  // namespace attnlab::testing
