// Is docs/semantics.md true? Its rows about what is computed from the keys that a row sees.
#include "tests/reference/attention/semantics.h"

namespace attnlab::testing {
namespace {

TYPED_TEST_SUITE(Semantics, Precisions, PrecisionName);

template <class T>
T dot(const Buffer<T>& q, Index i, const Buffer<T>& k, Index j, Index h = 0, Index g = 0) {
  T sum = 0;
  for (Index t = 0; t < q.view.dim; ++t) sum += q.view.head(0, h)(i, t) * k.view.head(0, g)(j, t);
  return sum;
}

// log(exp(x) + ...) and the softmax-weighted sum of v's rows, for row 0 of a problem with these logits.
template <class T>
void expect_row(const Attention<T>& a, const Results<T>& r, const std::vector<T>& logits) {
  const T top = *std::max_element(logits.begin(), logits.end());
  T sum = 0;
  std::vector<T> o(static_cast<std::size_t>(a.p.head_dim_v));
  for (T logit : logits) sum += std::exp(logit - top);
  for (std::size_t j = 0; j < logits.size(); ++j) {
    for (std::size_t t = 0; t < o.size(); ++t) {
      o[t] +=
          std::exp(logits[j] - top) / sum * a.v.view.head(0, 0)(static_cast<Index>(j), static_cast<Index>(t));
    }
  }
  expect_near(row(r.o, 0), o);
  expect_near(row(r.lse, 0), {top + std::log(sum)});
}

TYPED_TEST(Semantics, ScaleIsOneOverRootOfHeadDim) {
  for_every_variant([](const Variant& variant) {
    const Attention<TypeParam> a(one_head(1, 3, 4, 9));  // of Q and K, whatever V's
    const auto r = run(a, variant);
    expect_row<TypeParam>(a, r, {dot(a.q, 0, a.k, 0) / 2, dot(a.q, 0, a.k, 1) / 2, dot(a.q, 0, a.k, 2) / 2});
  });
}

TYPED_TEST(Semantics, AnyFiniteScale) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(1, 3);
    for (const double scale : {0.0, -1.0}) {
      p.softmax_scale = scale;
      const Attention<TypeParam> a(p);
      const TypeParam s = static_cast<TypeParam>(scale);
      expect_row<TypeParam>(a, run(a, variant),
                            {s * dot(a.q, 0, a.k, 0), s * dot(a.q, 0, a.k, 1), s * dot(a.q, 0, a.k, 2)});
    }
  });
}

TYPED_TEST(Semantics, ScaleSoftcapAlibiBiasInThisOrder) {
  for_every_variant([](const Variant& variant) {
    const std::vector<float> bias{0.5f, -2.0f, 1.0f};
    Problem p = one_head(1, 3);
    p.softmax_scale = 0.25;
    p.softcap = 1.5;
    p.alibi_slopes = {0.75};
    p.bias = broadcast(bias.data(), 1, 1, 1, 3);
    const Attention<TypeParam> a(p);
    std::vector<TypeParam> logits;
    for (Index j = 0; j < 3; ++j) {
      const TypeParam scaled = dot(a.q, 0, a.k, j) / 4;
      const TypeParam capped = TypeParam(1.5) * std::tanh(scaled / TypeParam(1.5));
      logits.push_back(capped - TypeParam(0.75) * static_cast<TypeParam>(2 - j) +
                       static_cast<TypeParam>(bias[static_cast<std::size_t>(j)]));
    }
    expect_row(a, run(a, variant), logits);
  });
}

TYPED_TEST(Semantics, AlibiIsTheDistanceToTheDiagonal) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(2, 4, 1, 1);
    p.num_heads = p.num_kv_heads = 2;
    p.batch = 2;
    p.alibi_slopes = {1, 2, 3, 4};  // a batch and head each; not causal: keys ahead count too
    Attention<TypeParam> a(p);
    std::fill(a.q.data.begin(), a.q.data.end(), TypeParam(0));
    const auto r = run(a, variant);
    for (Index b = 0; b < 2; ++b) {
      for (Index h = 0; h < 2; ++h) {
        for (Index i = 0; i < 2; ++i) {
          TypeParam sum = 0;
          const TypeParam slope = static_cast<TypeParam>(1 + 2 * b + h);
          for (Index j = 0; j < 4; ++j) sum += std::exp(-slope * static_cast<TypeParam>(std::abs(i + 2 - j)));
          expect_near(rows(r.lse, b, h, i, i + 1), {std::log(sum)});
        }
      }
    }
  });
}

TYPED_TEST(Semantics, QueryHeadsOfAGroupAreNeighbours) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(2, 3);
    p.num_heads = 6;
    p.num_kv_heads = 2;
    const Attention<TypeParam> grouped(p);
    p.num_kv_heads = 6;
    Attention<TypeParam> repeated(p);
    std::ranges::copy(grouped.dout.data, repeated.dout.data.begin());
    for (Index h = 0; h < 6; ++h) {
      for (Index j = 0; j < 3; ++j) {
        for (Index t = 0; t < 4; ++t) repeated.k.view.head(0, h)(j, t) = grouped.k.view.head(0, h / 3)(j, t);
        for (Index t = 0; t < 3; ++t) repeated.v.view.head(0, h)(j, t) = grouped.v.view.head(0, h / 3)(j, t);
      }
    }
    const auto a = run(grouped, variant), b = run(repeated, variant);
    expect_near(a.o.data, b.o.data);
    expect_near(a.lse.data, b.lse.data);
    expect_near(a.dq.data, b.dq.data);
  });
}

TYPED_TEST(Semantics, KvGradientsSumOverTheGroup) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(2, 3);
    p.num_heads = 3;
    const Attention<TypeParam> grouped(p);
    const auto sum = run(grouped, variant);
    std::vector<TypeParam> dk(12), dv(9);
    for (Index h = 0; h < 3; ++h) {
      Attention<TypeParam> one(one_head(2, 3));
      std::ranges::copy(rows(grouped.q, 0, h, 0, 2), one.q.data.begin());
      std::ranges::copy(rows(grouped.dout, 0, h, 0, 2), one.dout.data.begin());
      std::ranges::copy(grouped.k.data, one.k.data.begin());
      std::ranges::copy(grouped.v.data, one.v.data.begin());
      const auto r = run(one, variant);
      for (std::size_t n = 0; n < dk.size(); ++n) dk[n] += r.dk.data[n];
      for (std::size_t n = 0; n < dv.size(); ++n) dv[n] += r.dv.data[n];
    }
    expect_near(sum.dk.data, dk);
    expect_near(sum.dv.data, dv);
  });
}

TYPED_TEST(Semantics, LseIsNaturalAndScaled) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(1, 1, 1, 1);
    p.softmax_scale = 3;
    Attention<TypeParam> a(p);
    a.q.data[0] = 2, a.k.data[0] = 5;
    EXPECT_EQ(run(a, variant).lse.data[0], TypeParam(30));
    EXPECT_EQ(run(Attention<TypeParam>(one_head(1, 0)), variant).lse.data[0], -TypeParam(kInf));
    p = one_head(1, 2, 1, 1);
    p.softmax_scale = 0;
    expect_near(run(Attention<TypeParam>(p), variant).lse.data, {std::log(TypeParam(2))});
  });
}

TYPED_TEST(Semantics, SinkTakesWeightAndGivesNothing) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(1, 3);
    p.sinks = {1.5};
    p.softmax_scale = 0.25;
    const Attention<TypeParam> a(p);
    Problem with_key = one_head(1, 4);  // the sink as a fourth key with v = 0
    with_key.softmax_scale = 0.25;
    const std::vector<float> bias{0, 0, 0, 1.5f};
    with_key.bias = broadcast(bias.data(), 1, 1, 1, 4);
    Attention<TypeParam> b(with_key);
    for (auto [from, to] : {std::pair{&a.q, &b.q}, {&a.k, &b.k}, {&a.v, &b.v}, {&a.dout, &b.dout}}) {
      std::ranges::copy(from->data, to->data.begin());
    }
    set_row(b.k, 0, 0, 3, TypeParam(0));
    set_row(b.v, 0, 0, 3, TypeParam(0));
    const auto sink = run(a, variant), key = run(b, variant);
    expect_near(sink.o.data, key.o.data);
    expect_near(sink.lse.data, key.lse.data);
    expect_near(sink.dq.data, key.dq.data);
    expect_near(sink.dk.data, rows(key.dk, 0, 0, 0, 3));
    expect_near(sink.dv.data, rows(key.dv, 0, 0, 0, 3));
  });
}

TYPED_TEST(Semantics, RowWithOnlyASink) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(3, 1);
    p.causal = true;
    p.sinks = {-2.5};
    const auto r = run(Attention<TypeParam>(p), variant);
    for (Index i = 0; i < 2; ++i) {
      expect_all(row(r.o, i), TypeParam(0));
      expect_all(row(r.lse, i), TypeParam(-2.5));
      expect_all(row(r.dq, i), TypeParam(0));
    }
  });
}

TYPED_TEST(Semantics, AllLogitsEqual) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(2, 5);
    p.softmax_scale = 1;
    Attention<TypeParam> a(p);
    for (Index j = 0; j < 5; ++j) set_row(a.k, 0, 0, j, TypeParam(1));
    const auto r = run(a, variant);
    const TypeParam logit = dot(a.q, 0, a.k, 0);
    expect_row<TypeParam>(a, r, std::vector<TypeParam>(5, logit));
    expect_near(row(r.lse, 0), {logit + std::log(TypeParam(5))});
  });
}

TYPED_TEST(Semantics, LogitsOfTenThousand) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(2, 4, 1, 3);
    p.softmax_scale = 1;
    Attention<TypeParam> a(p);
    for (Index j = 0; j < 4; ++j) set_row(a.k, 0, 0, j, TypeParam(j == 2 ? 1e4 : -1e4));
    set_row(a.q, 0, 0, 0, TypeParam(1)), set_row(a.q, 0, 0, 1, TypeParam(-1));
    const auto r = run(a, variant);
    EXPECT_EQ(row(r.o, 0), row(a.v, 2));  // one key takes all
    EXPECT_EQ(row(r.lse, 0)[0], TypeParam(1e4));
    expect_near(row(r.lse, 1), {TypeParam(1e4) + std::log(TypeParam(3))});
    for (const auto* tensor : r.all()) expect_all_finite(tensor->data);
  });
}

TYPED_TEST(Semantics, SubnormalWeightsAreZero) {
  for_every_variant([](const Variant& variant) {
    const TypeParam down = sizeof(TypeParam) == 4 ? 88 : 709;  // exp(-down) is subnormal
    Problem p = one_head(1, 5, 1, 1);
    p.softmax_scale = 1;
    Attention<TypeParam> a(p);
    a.q.data[0] = 1;
    for (std::size_t j = 0; j < 5; ++j)
      a.k.data[j] = j == 0 ? TypeParam(0) : -down, a.v.data[j] = TypeParam(j + 1);
    const auto r = run(a, variant);
    EXPECT_GT(std::exp(-down), TypeParam(0));
    EXPECT_EQ(r.o.data[0], TypeParam(1));
    EXPECT_EQ(r.lse.data[0], TypeParam(0));
    expect_all(rows(r.dk, 0, 0, 1, 5), TypeParam(0));
    expect_all(rows(r.dv, 0, 0, 1, 5), TypeParam(0));
  });
}

TYPED_TEST(Semantics, DropoutIsAddressedByPhilox) {
  for_every_variant([](const Variant& variant) {
    Problem p = one_head(3, 9, 2, 9);
    p.batch = 2, p.num_heads = p.num_kv_heads = 2;
    p.dropout = {0.3, 0x123456789ABCDEF0u, 17};
    Attention<TypeParam> a(p);
    std::fill(a.q.data.begin(), a.q.data.end(), TypeParam(0));
    for (Index b = 0; b < 2; ++b) {
      for (Index h = 0; h < 2; ++h) {
        for (Index j = 0; j < 9; ++j) set_row(a.v, b, h, j, TypeParam(0)), a.v.view.head(b, h)(j, j) = 1;
      }
    }
    const auto r = run(a, variant);
    for (Index b = 0; b < 2; ++b) {
      for (Index h = 0; h < 2; ++h) {
        for (Index i = 0; i < 3; ++i) {
          std::vector<TypeParam> weights;
          for (Index j = 0; j < 9; ++j) {
            const auto words =
                philox4x32_10({static_cast<std::uint32_t>(j / 4), static_cast<std::uint32_t>(i),
                               static_cast<std::uint32_t>(b * 2 + h), 17},
                              {0x9ABCDEF0u, 0x12345678u});
            const bool kept = words[static_cast<std::size_t>(j % 4)] < 3006477107u;  // floor(0.7 * 2^32)
            weights.push_back(kept ? TypeParam(1) / (TypeParam(9) * TypeParam(0.7)) : TypeParam(0));
          }
          expect_near(rows(r.o, b, h, i, i + 1), weights);
          expect_near(rows(r.lse, b, h, i, i + 1), {std::log(TypeParam(9))});  // of all keys
        }
      }
    }
    p = one_head(1, 1, 1, 1);
    const std::uint32_t word = philox4x32_10({0, 0, 0, 0}, {0, 0})[0];
    for (const double threshold : {word + 0.0, word + 1.0}) {  // (1 - p) 2^32, exactly
      p.dropout.p = 1 - threshold / 4294967296.0;
      Attention<TypeParam> one(p);
      one.v.data[0] = 1;
      const TypeParam kept = threshold > word ? TypeParam(4294967296.0 / threshold) : TypeParam(0);
      expect_near(run(one, variant).o.data, {kept});
    }
  });
}

}  // namespace
}  // namespace attnlab::testing
