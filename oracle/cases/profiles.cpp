// The data profiles: what breaks kernels that are right for normal numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle/buffers/data.h"
#include "oracle/cases/case.h"
#include "reference/core/errors.h"
#include "reference/core/random.h"

namespace attnlab::oracle {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Draw = double (*)(Random&);

double normal(Random& random) { return random.normal(); }
// FlashAttention-3 (arXiv 2407.08608, section 4.3): N(0, 1) + N(0, 100) Bernoulli(0.001).
double outlier(Random& random) { return random.normal() + (random.one_in(1000) ? 10 * random.normal() : 0); }

void fill(Numbers& numbers, DType dtype, Random& random, Draw draw) {
  for (double& value : numbers.values) value = round_to(dtype, draw(random), Overflow::saturate);
}

// dO is N(0, 1) in every profile: errors of the backward pass come in through the other three.
Data independent(const Case& c, Draw draw) {
  Data data = zeros(c.problem, c.dtype, c.backward);
  Random random(c.seed);
  for (Numbers* numbers : {&data.q, &data.k, &data.v}) {
    fill(*numbers, c.dtype, random, draw);
    // FP8 comes with one descale factor per head, of the size that calibration finds.
    if (bits(c.dtype) == 8) {
      numbers->scale.resize(static_cast<std::size_t>(numbers->batch * numbers->heads));
      for (float& scale : numbers->scale) scale = static_cast<float>(std::exp2(random.between(-1, 1)));
    }
  }
  fill(data.dout, output_type(c.dtype), random, normal);
  return data;
}

template <class Change>
void change_each(Numbers& numbers, DType dtype, const Change& change) {
  for (Index b = 0; b < numbers.batch; ++b) {
    for (Index h = 0; h < numbers.heads; ++h) {
      for (Index i = 0; i < numbers.rows; ++i) {
        const auto row = numbers.row(b, h, i);
        for (std::size_t n = 0; n < row.size(); ++n) {
          row[n] = round_to(dtype, change(row[n], h, i, static_cast<Index>(n)), Overflow::saturate);
        }
      }
    }
  }
}

Data draw_normal(const Case& c) { return independent(c, normal); }

Data draw_outliers(const Case& c) { return independent(c, outlier); }

// A mean a channel, as K of trained models has it: logits share a large common part, O is far from 0.
Data draw_offset_mean(const Case& c) {
  Data data = independent(c, normal);
  Random random(c.seed, 1);
  std::vector<double> means(static_cast<std::size_t>(std::max(c.problem.head_dim, c.problem.head_dim_v)));
  for (Numbers* numbers : {&data.q, &data.k, &data.v}) {
    for (double& mean : means) mean = 3 * random.normal();
    change_each(*numbers, c.dtype, [&](double value, Index, Index, Index n) {
      return value + means[static_cast<std::size_t>(n)];
    });
  }
  return data;
}

// Scores of +-1e4: exp overflows without the maximum, and one key takes all.
Data draw_large_logits(const Case& c) {
  Data data = independent(c, normal);
  data.q.scale.clear(), data.k.scale.clear();
  // Scores of N(0, 1) inputs have a standard deviation of scale * sqrt(d); this makes it 1e4 / 3.
  const double one = std::abs(c.problem.scale()) * std::sqrt(static_cast<double>(c.problem.head_dim));
  const double factor = std::sqrt(1e4 / 3 / std::max(one, 1e-3));
  for (Numbers* numbers : {&data.q, &data.k}) {
    change_each(*numbers, c.dtype, [&](double value, Index, Index, Index) { return factor * value; });
  }
  return data;
}

// Rows of K are copies of a few: equal logits far apart in the sequence.
Data draw_ties(const Case& c) {
  Data data = independent(c, normal);
  for (Index b = 0; b < data.k.batch; ++b) {
    for (Index h = 0; h < data.k.heads; ++h) {
      for (Index j = 5; j < data.k.rows; ++j) {
        const auto from = data.k.row(b, h, j % 5);
        std::copy(from.begin(), from.end(), data.k.row(b, h, j).begin());
      }
    }
  }
  return data;
}

// All rows of K are equal: every visible key has the same weight.
Data draw_constant_rows(const Case& c) {
  Data data = independent(c, normal);
  for (Index b = 0; b < data.k.batch; ++b) {
    for (Index h = 0; h < data.k.heads; ++h) {
      for (Index j = 1; j < data.k.rows; ++j) {
        const auto from = data.k.row(b, h, 0);
        std::copy(from.begin(), from.end(), data.k.row(b, h, j).begin());
      }
    }
  }
  return data;
}

// Logits that grow with the key: the maximum moves in every tile, and all of O is rescaled each time. In
// every second head they fall instead.
Data draw_rising(const Case& c) {
  Data data = independent(c, normal);
  data.q.scale.clear(), data.k.scale.clear();
  const double keys = static_cast<double>(std::max<Index>(data.k.rows, 2) - 1);
  const double top = 20 / std::max(std::abs(c.problem.scale()), 1e-3) / 4;
  change_each(data.q, c.dtype, [](double value, Index, Index, Index n) { return n == 0 ? 4 : value; });
  change_each(data.k, c.dtype, [&](double value, Index h, Index j, Index n) {
    if (n != 0) return value;
    const double share = static_cast<double>(j) / keys;
    return top * (h % 2 == 0 ? share : 1 - share);
  });
  return data;
}

Data draw_real(const Case& c) {
  const Activations& from = *c.activations;
  Data data = independent(c, normal);
  const std::vector<float>* sources[] = {&from.q, &from.k, &from.v};
  Numbers* targets[] = {&data.q, &data.k, &data.v};
  Random random(c.seed, 1);
  const Index first_row = random.below(from.rows), first_head = random.below(from.heads);
  for (int t = 0; t < 3; ++t) {
    Numbers& to = *targets[t];
    to.scale.clear();
    for (Index b = 0; b < to.batch; ++b) {
      for (Index h = 0; h < to.heads; ++h) {
        for (Index i = 0; i < to.rows; ++i) {
          const auto row = to.row(b, h, i);
          for (Index n = 0; n < to.dim; ++n) {  // wider heads take columns of several
            const Index head = (first_head + h + n / from.dim) % from.heads, i0 = (first_row + i) % from.rows;
            const Index at =
                (((b % from.batch) * from.heads + head) * from.rows + i0) * from.dim + n % from.dim;
            row[static_cast<std::size_t>(n)] =
                round_to(c.dtype, static_cast<double>((*sources[t])[static_cast<std::size_t>(at)]),
                         Overflow::saturate);
          }
        }
      }
    }
  }
  return data;
}

// V below the smallest normal number of its type, Q and K partly so.
Data draw_subnormals(const Case& c) {
  Data data = independent(c, normal);
  const double normal_end = float_format(c.dtype).min_normal();
  change_each(data.v, c.dtype, [&](double value, Index, Index, Index) { return value / 4 * normal_end; });
  change_each(data.q, c.dtype, [&](double value, Index, Index, Index n) {
    return n % 3 == 0 ? value / 4 * normal_end : value;
  });
  return data;
}

// Some visible scores are -inf, in the last KV head all of them: weight 0, and rows without any weight.
Data draw_minus_infinity(const Case& c) {
  Data data = independent(c, normal);
  Random random(c.seed, 1);
  data.q.scale.clear(), data.k.scale.clear();
  change_each(data.q, c.dtype, [](double value, Index, Index, Index n) { return n == 0 ? 1 : value; });
  for (Index b = 0; b < data.k.batch; ++b) {
    for (Index h = 0; h < data.k.heads; ++h) {
      for (Index j = 0; j < data.k.rows; ++j) {
        if (h == data.k.heads - 1 || random.one_in(3)) data.k.row(b, h, j)[0] = -kInfinity;
      }
    }
  }
  return data;
}

// A key at three quarters is NaN and its value infinite: rows from which a mask hides it are as if it were
// not there, the others NaN.
Data draw_hidden_nan(const Case& c) {
  Data data = independent(c, normal);
  const attention::Problem& p = c.problem;
  for (Index b = 0; b < p.batch; ++b) {
    const Rows keys = p.kv_rows(b);
    if (keys.size == 0) continue;
    for (Index h = 0; h < p.num_kv_heads; ++h) {
      const Index row = keys.begin + keys.size * 3 / 4, tb = p.tensor_batch(b);
      const auto k = data.k.row(tb, h, row), v = data.v.row(tb, h, row);
      std::fill(k.begin(), k.end(), std::numeric_limits<double>::quiet_NaN());
      std::fill(v.begin(), v.end(), round_to(c.dtype, kInfinity));
    }
  }
  return data;
}

bool any(const Case&) { return true; }
bool has_activations(const Case& c) { return c.activations != nullptr; }
// Types whose subnormals fp32 arithmetic holds: in fp32 and bf16, flushing to zero is common and declared
// nowhere.
bool narrow(const Case& c) { return c.dtype == DType::f16 || bits(c.dtype) == 8; }
bool infinite(const Case& c) { return c.dtype != DType::e4m3 && !c.backward && c.problem.softcap == 0; }
bool masked(const Case& c) { return c.problem.causal || c.problem.window.left || c.problem.window.right; }

constexpr Profile kProfiles[] = {
    {"normal", "N(0, 1)", any, draw_normal},
    {"rising", "logits that grow, or fall, by 20 from the first key to the last", any, draw_rising},
    {"offset-mean", "N(0, 1) and a mean of N(0, 9) a channel", any, draw_offset_mean},
    {"outliers", "N(0, 1) + N(0, 100) Bernoulli(0.001), FlashAttention-3's", any, draw_outliers},
    {"large-logits", "logits up to +-1e4", any, draw_large_logits},
    {"ties", "five different keys, repeated", any, draw_ties},
    {"constant-rows", "all keys equal", any, draw_constant_rows},
    {"real", "a trained model's activations", has_activations, draw_real},
    {"subnormals", "V, and a third of Q, below the type's smallest normal number (fp16 and FP8)", narrow,
     draw_subnormals},
    {"minus-infinity", "some visible logits are -inf, in one KV head all", infinite, draw_minus_infinity},
    {"hidden-nan", "NaN and infinity in a key that a mask hides from some rows", masked, draw_hidden_nan},
};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

const Profile& find_profile(const std::string& name) {
  std::string names;
  for (const Profile& profile : kProfiles) {
    if (name == profile.name) return profile;
    names += (names.empty() ? "" : ", ") + std::string(profile.name);
  }
  throw InvalidArgument("profile", name, "one of " + names);
}

}  // namespace attnlab::oracle
