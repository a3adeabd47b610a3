// Does each data profile earn its place: is there a kernel that it catches every time, and others hardly
// ever?
//
// The kernels are wrong in ways that need such numbers to show. "normal" is what shapes, options and layouts
// are drawn with; "real" is there for the honest: no kernel is known that only a trained model's numbers
// catch.
#include <gtest/gtest.h>

#include <set>

#include "files/tensor_file.h"
#include "oracle/battery/plan.h"
#include "oracle/battery/run_case.h"
#include "tests/oracle/test_kernels.h"

namespace attnlab::oracle {
namespace {

enum class Flaw {
  none,
  rescales_six_times,  // what O was scaled by is lost when the maximum moves once more
  saturates_outputs,   // O passes through a format that ends at 6
  saturates_values,    // V passes through a format that ends at 16
  keeps_the_maximum,   // exp(s), not exp(s - m)
  reuses_weights,      // where a tile's maximum is the row's so far, the last tile's weights are taken again
  scales_by_range,     // s - m is divided by the range of the tile's scores on its way
  flushes_inputs,      // subnormal inputs are read as 0
  subtracts_infinities,  // rows of -inf: exp(-inf - -inf)
  multiplies_hidden      // values of hidden keys meet a weight of 0
};

constexpr Index kTile = 16;

struct Row {
  std::vector<float> o;
  float m = -INFINITY, l = 0;
  std::vector<float> weights;  // of the last tile
  int rescaled = 0;
};

float flushed(double value, bool flush) {
  return flush && std::abs(value) < 0x1p-14 ? 0.0f : static_cast<float>(value);
}

// One tile of visible scores into a row.
void absorb(Flaw flaw, Row& row, std::vector<float> s, const std::vector<const double*>& v) {
  const float top = *std::max_element(s.begin(), s.end()), bottom = *std::min_element(s.begin(), s.end());
  const float m = std::max(row.m, top);
  if (m == -INFINITY && flaw != Flaw::subtracts_infinities) return;
  const float base = flaw == Flaw::keeps_the_maximum ? 0 : m;
  float rescale = flaw == Flaw::keeps_the_maximum || row.m == m ? 1 : std::exp(row.m - m);
  if (row.l > 0 && rescale != 1 && ++row.rescaled > 6 && flaw == Flaw::rescales_six_times) rescale = 1;
  const float range = top - bottom;
  for (float& x : s) {
    x -= base;
    if (flaw == Flaw::scales_by_range && s.size() > 1 && range < 1e30f) x = x / range * range;
    x = std::exp(x);
  }
  const bool again = flaw == Flaw::reuses_weights && top == row.m && row.weights.size() >= s.size();
  if (again) std::copy_n(row.weights.begin(), s.size(), s.begin());
  row.l *= rescale;
  for (float& x : row.o) x *= rescale;
  for (std::size_t j = 0; j < s.size(); ++j) {
    row.l += s[j];
    for (std::size_t c = 0; c < row.o.size(); ++c) {
      double value = v[j][c];
      if (flaw == Flaw::saturates_values) value = std::clamp(value, -16.0, 16.0);
      if (s[j] != 0 || flaw == Flaw::multiplies_hidden)
        row.o[c] += s[j] * flushed(value, flaw == Flaw::flushes_inputs);
    }
  }
  row.m = m;
  row.weights = std::move(s);
}

// A tiled forward pass with causal masks.
Kernel with(Flaw flaw) {
  return [flaw](const Call& call) {
    const attention::Problem& p = call.problem;
    const bool flush = flaw == Flaw::flushes_inputs;
    for (Index h = 0; h < p.num_heads; ++h) {
      const attention::Head head = attention::head_of(p, 0, h);
      const Index d = p.head_dim, hk = h / p.group_size();
      const auto q = rows_of(call.q, 0, h, {0, p.seqlen_q}), k = keys_of(call.k, p, 0, hk),
                 v = keys_of(call.v, p, 0, hk);
      for (Index i = 0; i < p.seqlen_q; ++i) {
        Row row;
        row.o.assign(static_cast<std::size_t>(d), 0.0f);
        const Index end = flaw == Flaw::multiplies_hidden ? p.seqlen_kv : head.band_end(i);
        for (Index first = head.band_begin(i); first < end; first += kTile) {
          std::vector<float> s;
          std::vector<const double*> values;
          for (Index j = first; j < std::min(first + kTile, end); ++j) {
            float sum = 0;
            for (Index c = 0; c < d; ++c) {
              sum += flushed(q[static_cast<std::size_t>(i * d + c)], flush) *
                     flushed(k[static_cast<std::size_t>(j * d + c)], flush);
            }
            s.push_back(head.visible(i, j) ? sum * static_cast<float>(head.scale) : -INFINITY);
            values.push_back(v.data() + j * d);
          }
          absorb(flaw, row, std::move(s), values);
        }
        const float l = row.l == 0 ? 1 : row.l;
        for (Index c = 0; c < d; ++c) {
          float o = row.o[static_cast<std::size_t>(c)] / l;
          if (flaw == Flaw::saturates_outputs && o == o) o = std::clamp(o, -6.0f, 6.0f);
          store(call.o, 0, h, i, c, static_cast<double>(o));
        }
      }
    }
  };
}

// Activations of a trained model.
const Activations& real_activations() {
  static const Activations loaded = [] {
    const auto file = files::open(std::string(ATTNLAB_SOURCE_DIR) +
                                  "/experiments/real_attention/minilm_layer0.safetensors");
    const std::vector<Index> shape = file->info("q").shape;
    Activations a{"MiniLM", 1, shape.at(1), shape.at(2), shape.at(3), {}, {}, {}};
    for (const auto& [name, values] : {std::pair{"q", &a.q}, {"k", &a.k}, {"v", &a.v}}) {
      *values = file->load(name).to_float();
      values->resize(static_cast<std::size_t>(a.heads * a.rows * a.dim));
    }
    return a;
  }();
  return loaded;
}

// Of so many problems of a profile, how many the kernel fails.
constexpr int kProblems = 6;
int failures(Flaw flaw, const Profile& profile) {
  int failed = 0;
  for (std::uint64_t seed = 0; seed < kProblems; ++seed) {
    Case c;
    c.problem.num_heads = 2, c.problem.num_kv_heads = 2;
    c.problem.seqlen_q = 40, c.problem.seqlen_kv = 150, c.problem.head_dim = c.problem.head_dim_v = 64;
    c.problem.causal = seed % 2 == 0 || profile.name == std::string("hidden-nan");
    c.dtype = DType::f16;
    c.lse = false;
    c.profile = &profile;
    c.activations = &real_activations();
    c.seed = seed;
    KernelClass kernel_class = usual_class(c.dtype);
    kernel_class.p = float_format(DType::f32);
    EXPECT_TRUE(sensible(c)) << to_text(c);
    failed += run_case(with(flaw), c, kernel_class, 1, false).kind == Outcome::Kind::wrong;
  }
  return failed;
}

TEST(Profiles, LetTheKernelWithoutAFlawPass) {
  for (const Profile& profile : profiles()) EXPECT_EQ(failures(Flaw::none, profile), 0) << profile.name;
}

TEST(Profiles, EachCatchesWhatOthersHardlyDo) {
  const std::pair<const char*, Flaw> catches[] = {
      {"rising", Flaw::rescales_six_times},   {"offset-mean", Flaw::saturates_outputs},
      {"outliers", Flaw::saturates_values},   {"large-logits", Flaw::keeps_the_maximum},
      {"ties", Flaw::reuses_weights},         {"constant-rows", Flaw::scales_by_range},
      {"subnormals", Flaw::flushes_inputs},   {"minus-infinity", Flaw::subtracts_infinities},
      {"hidden-nan", Flaw::multiplies_hidden}};
  std::set<std::string> earned = {"normal", "real"};
  for (const auto& [name, flaw] : catches) {
    earned.insert(name);
    for (const Profile& profile : profiles()) {
      const int failed = failures(flaw, profile);
      if (profile.name == std::string(name)) {
        EXPECT_EQ(failed, kProblems) << name;
      } else {
        EXPECT_LE(failed, 1) << "the kernel for " << name << ", on " << profile.name;
      }
    }
  }
  for (const Profile& profile : profiles()) EXPECT_TRUE(earned.contains(profile.name)) << profile.name;
}

}  // namespace
}  // namespace attnlab::oracle
