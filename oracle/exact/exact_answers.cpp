// Inputs whose result is known exactly: every key carries a code in zeros and ones, and a query scores 0
// against the keys that it looks for and so much less against all others that their weight is 0 in any
// arithmetic. The largest score is 0, so that the exponential of an honest kernel is 1 to the bit. What comes
// out is a row of V, or a mean of small integers.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "oracle/exact/exact_check.h"

namespace attnlab::oracle {
namespace {

struct Answer {
  attention::Problem problem;
  Data data;
  Numbers o;          // expected
  Numbers lse;        // expected
  Numbers tolerance;  // of o, absolute: 0 where the format holds the answer
  double lse_tolerance = 0;
};

// The score of a key that is not looked for is below -256 (fp64: -1024), hence its weight 0.
double penalty(Answer& answer, DType dtype) {
  const double least = dtype == DType::f64 ? 1024 : 256;
  if (dtype == DType::e4m3) answer.problem.softmax_scale = 1;  // 448 is its largest number
  return std::exp2(std::ceil(std::log2(least / answer.problem.scale())));
}

// Columns that hold the digits of key j: `digits` groups of `base` columns, one of each group.
struct Code {
  Index base = 1, digits = 1;
  Index column(Index j, Index digit) const {
    for (Index n = 0; n < digit; ++n) j /= base;
    return digit * base + j % base;
  }
};

// Distinct for as many keys as there are, in as few digits as will do. The registry asks for enough columns.
Code code_for(Index keys, Index dim) {
  for (Index digits = 1;; ++digits) {
    const Index base = dim / digits;
    const double codes = std::pow(static_cast<double>(base), static_cast<double>(digits));
    if (base == 2 || codes >= static_cast<double>(keys)) return {base, digits};
  }
}

Answer empty_answer(const attention::Problem& problem, DType dtype) {
  Answer answer{problem, zeros(problem, dtype, false), {}, {}, {}, 0};
  const Numbers &q = answer.data.q, &v = answer.data.v;
  answer.o = Numbers(q.batch, q.heads, q.rows, v.dim);
  answer.tolerance = answer.o;
  answer.lse = Numbers(q.batch, q.heads, q.rows, 1);
  for (double& value : answer.lse.values) value = -INFINITY;
  return answer;
}

// Random small integers in V: 3 significant bits are exact in every type.
void fill_integers(Numbers& v, Random& random) {
  for (double& value : v.values) value = static_cast<double>(random.below(15) - 7);
}

// Calls body(b, tensor batch, h, i, tensor row) for every row of every sequence.
template <class Body>
void for_rows(const attention::Problem& p, const Body& body) {
  for (Index b = 0; b < p.batch; ++b) {
    const Rows rows = p.q_rows(b);
    for (Index h = 0; h < p.num_heads; ++h) {
      for (Index i = 0; i < rows.size; ++i) body(b, p.tensor_batch(b), h, i, rows.begin + i);
    }
  }
}

// Each row looks for one key among those that it sees, each key being unlike all others.
Answer one_hot(const attention::Problem& problem, DType dtype, Random random) {
  Answer answer = empty_answer(problem, dtype);
  const attention::Problem& p = answer.problem;
  const double off = penalty(answer, dtype);
  const Code code = code_for(p.seqlen_kv, p.head_dim);
  Data& data = answer.data;
  fill_integers(data.v, random);
  for (Index b = 0; b < p.batch; ++b) {
    const Rows keys = p.kv_rows(b);
    for (Index h = 0; h < p.num_kv_heads; ++h) {
      for (Index j = 0; j < keys.size; ++j) {
        const auto row = data.k.row(p.tensor_batch(b), h, keys.begin + j);
        for (Index n = 0; n < code.digits; ++n) row[static_cast<std::size_t>(code.column(j, n))] = 1;
      }
    }
  }
  for_rows(p, [&](Index b, Index tb, Index h, Index i, Index row) {
    const Band band = visible_keys(p, b, h, i);
    const Index target = band.size() == 0 ? 0 : band.begin + random.below(band.size());
    const auto q = data.q.row(tb, h, row);
    for (Index c = 0; c < code.base * code.digits; ++c) q[static_cast<std::size_t>(c)] = -off;
    for (Index n = 0; n < code.digits; ++n) q[static_cast<std::size_t>(code.column(target, n))] = 0;
    // Codes of one digit leave room for a decoy: a key just outside of the band that scores as high.
    const Index decoy = band.end < p.kv_rows(b).size ? band.end : band.begin - 1;
    if (code.digits == 1 && decoy >= 0) q[static_cast<std::size_t>(code.column(decoy, 0))] = 0;
    if (band.size() == 0) return;
    const auto v = data.v.row(tb, h / p.group_size(), p.kv_rows(b).begin + target);
    std::copy(v.begin(), v.end(), answer.o.row(tb, h, row).begin());
    answer.lse.row(tb, h, row)[0] = 0;
  });
  return answer;
}

bool power_of_two(double x) { return x > 0 && std::exp2(std::round(std::log2(x))) == x; }

// How far from the mean of `count` integers, whose sizes sum to `sizes`, an honest result may be, whether it
// divides by l before or after the product with V. Nowhere while 1 / count is a power of two, the accumulator
// holds every sum (49 bounds the odd part of 448 * 7, scaled weight times value) and the output's type has
// the mean. Else weights are rounded, and then to P's type, if they are divided first.
double mean_tolerance(const KernelClass& c, DType output, double mean, double sizes, double count) {
  const double u = c.accumulator_roundoff(), u_out = float_format(output).unit_roundoff();
  const bool exact = power_of_two(count) && power_of_two(c.p_scale);
  const double division = exact ? 0 : (c.p.unit_roundoff() + 4 * u) * sizes / count;
  const double sums = exact && 49 * count <= std::exp2(c.accumulator.mantissa_bits + 1) ? 0 : u * sizes;
  const double rounding = round_to(output, mean) == mean && sums + division == 0 ? 0 : u_out * std::abs(mean);
  return sums + division + (1 + u_out) * rounding;
}

// The keys that a row looks for: those of its band which agree with `target` in all digits of `fixed`.
struct Pattern {
  Index target = 0, fixed = 0;
  bool has(Index j) const { return ((j ^ target) & fixed) == 0; }
  Index count(const Band& band) const {
    Index n = 0;
    for (Index j = band.begin; j < band.end; ++j) n += has(j);
    return n;
  }
};

// Which keys the rows of a call look for.
enum class Looking {
  everywhere,  // every key of the band
  spread,      // as many as a power of two allows, free in the leading digits first: in every tile
  random,      // the same, digits in a random order. The next key beyond the band may look like one of them
};

Pattern draw_pattern(const Band& band, Index digits, Looking looking, Random& random) {
  Pattern pattern{band.begin + random.below(band.size()),
                  looking == Looking::everywhere ? 0 : (1 << digits) - 1};
  std::vector<Index> order(static_cast<std::size_t>(digits));
  for (Index n = 0; n < digits; ++n) {
    order[static_cast<std::size_t>(n)] = digits - 1 - n;
    if (looking == Looking::random)
      std::swap(order[static_cast<std::size_t>(n)], order[static_cast<std::size_t>(random.below(n + 1))]);
  }
  Pattern wider = pattern;
  for (const Index digit : order) {
    wider.fixed &= ~(Index{1} << digit);
    if (power_of_two(static_cast<double>(wider.count(band)))) pattern = wider;
  }
  return pattern;
}

// Means of integers. A key has two columns for each binary digit of its index, and a one in that of the
// digit's value; a query is 0 but in the columns of what it does not look for.
Answer integers(const attention::Problem& problem, DType dtype, const KernelClass& c, Looking looking,
                Random random) {
  Answer answer = empty_answer(problem, dtype);
  const attention::Problem& p = answer.problem;
  const double off = penalty(answer, dtype);
  Data& data = answer.data;
  fill_integers(data.v, random);
  const auto needed = static_cast<Index>(std::bit_width(static_cast<std::size_t>(p.seqlen_kv)));
  const Index digits = std::min(needed, p.head_dim / 2);
  const auto column = [](Index digit, Index j) {
    return static_cast<std::size_t>(2 * digit + (j >> digit & 1));
  };
  for (Index b = 0; b < p.batch; ++b) {
    const Rows keys = p.kv_rows(b);
    for (Index h = 0; h < p.num_kv_heads; ++h) {
      for (Index j = 0; j < keys.size; ++j) {
        const auto k = data.k.row(p.tensor_batch(b), h, keys.begin + j);
        for (Index digit = 0; digit < digits; ++digit) k[column(digit, j)] = 1;
      }
    }
  }
  const double largest = std::log(static_cast<double>(std::max<Index>(p.seqlen_kv, 1)));
  answer.lse_tolerance = 4 * c.exp_error + (1 + largest) * (4 * c.accumulator_roundoff() +
                                                            float_format(lse_type(dtype)).unit_roundoff());
  for_rows(p, [&](Index b, Index tb, Index h, Index i, Index row) {
    const Band band = visible_keys(p, b, h, i);
    if (band.size() == 0) return;
    const Pattern pattern = draw_pattern(band, digits, looking, random);
    const auto q = data.q.row(tb, h, row);
    for (Index digit = 0; digit < digits; ++digit) {
      if ((pattern.fixed >> digit & 1) != 0) q[column(digit, ~pattern.target)] = -off;
    }
    const auto o = answer.o.row(tb, h, row), sizes = answer.tolerance.row(tb, h, row);
    for (Index j = band.begin; j < band.end; ++j) {
      if (!pattern.has(j)) continue;
      const auto v = data.v.row(tb, h / p.group_size(), p.kv_rows(b).begin + j);
      for (std::size_t n = 0; n < v.size(); ++n) o[n] += v[n], sizes[n] += std::abs(v[n]);
    }
    const auto count = static_cast<double>(pattern.count(band));
    for (std::size_t n = 0; n < o.size(); ++n) {
      o[n] /= count;
      sizes[n] = mean_tolerance(c, output_type(dtype), o[n], sizes[n], count);
    }
    answer.lse.row(tb, h, row)[0] = std::log(count);
  });
  return answer;
}

// The row of V that O holds instead, if it is one.
std::string other_key(const Answer& a, Index b, Index h, const std::vector<double>& got) {
  const Numbers& v = a.data.v;
  const Index hk = h / a.problem.group_size();
  for (Index n = 0; n < v.batch * v.heads; ++n) {  // its own batch entry and head first
    const Index batch = (b + n / v.heads) % v.batch, head = (hk + n % v.heads) % v.heads;
    for (Index j = 0; j < v.rows; ++j) {
      const auto row = v.row(batch, head, j);
      if (std::equal(row.begin(), row.end(), got.begin())) {
        const bool own = batch == b && head == hk;
        return fmt::format("; it is V's row {}{}", j,
                           own ? "" : fmt::format(" of batch entry {}, KV head {}", batch, head));
      }
    }
  }
  return "";
}

Finding compare(const Answer& a, const Results& results) {
  for (Index b = 0; b < a.o.batch; ++b) {
    for (Index h = 0; h < a.o.heads; ++h) {
      for (Index i = 0; i < a.o.rows; ++i) {
        const std::vector<double> got = results.o.row(b, h, i);
        const auto expected = a.o.row(b, h, i), tolerance = a.tolerance.row(b, h, i);
        for (std::size_t c = 0; c < got.size(); ++c) {
          if (!(std::abs(got[c] - expected[c]) <= tolerance[c])) {
            return fmt::format("o[{}, {}, {}, {}] is {}, the exact answer is {}{}", b, h, i, c, got[c],
                               expected[c], other_key(a, b, h, got));
          }
        }
        if (!results.lse) continue;
        const double lse = results.lse.row(b, h, i)[0], exact = a.lse.row(b, h, i)[0];
        if (!(lse == exact || std::abs(lse - exact) <= a.lse_tolerance)) {
          return fmt::format("lse[{}, {}, {}] is {}, the exact answer is {}", b, h, i, lse, exact);
        }
      }
    }
  }
  return {};
}

}  // namespace

Finding find_one_hot(Trial& trial) {
  const Answer answer = one_hot(trial.problem(), trial.the_case().dtype, trial.random(1));
  return compare(answer, trial.run(answer.problem, answer.data));
}

Finding find_integers(Trial& trial) {
  for (const Looking looking : {Looking::everywhere, Looking::spread, Looking::random}) {
    const Answer answer = integers(trial.problem(), trial.the_case().dtype, trial.kernel_class(), looking,
                                   trial.random(static_cast<std::uint32_t>(looking)));
    if (const Finding found = compare(answer, trial.run(answer.problem, answer.data))) return found;
  }
  return {};
}

// The same addresses with new contents: results that are kept by pointer or by shape are those of before.
Finding find_same_pointers(Trial& trial) {
  const DType dtype = trial.the_case().dtype;
  const Answer first = one_hot(trial.problem(), dtype, trial.random(1));
  CallMemory memory(first.problem, dtype, trial.memory_options(first.problem, Poison::nan));
  for (std::uint32_t call = 0; call < 3; ++call) {
    const Answer answer = one_hot(trial.problem(), dtype, trial.random(1 + call));
    memory.write(answer.data);
    if (const Finding found = compare(answer, memory.run(trial.kernel()))) {
      return fmt::format("call {} with new contents at the same addresses: {}", call + 1, *found);
    }
  }
  return {};
}

// Many calls, each with contents of its own and verified.
Finding find_later_calls(Trial& trial) {
  constexpr std::uint32_t kCalls = 32;
  for (std::uint32_t call = 0; call < kCalls; ++call) {
    const Answer answer = one_hot(trial.problem(), trial.the_case().dtype, trial.random(100 + call));
    if (const Finding found = compare(answer, trial.run(answer.problem, answer.data))) {
      return fmt::format("call {}: {}", call + 1, *found);
    }
  }
  return {};
}

}  // namespace attnlab::oracle
