// Two ways to one result: what holds for attention itself, whatever the kernel's arithmetic, and needs no
// reference. Numbers are bounded, so that bounds.h says how far apart two honest results can be.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "oracle/exact/bounds.h"
#include "oracle/exact/exact_check.h"

namespace attnlab::oracle {
namespace {

Bounds bounds_of(const Trial& trial, const attention::Problem& p) {
  const DType dtype = trial.the_case().dtype;
  return bounds(trial.kernel_class(), p.head_dim, p.seqlen_kv, float_format(output_type(dtype)),
                float_format(lse_type(dtype)));
}

// Rows of one sequence, padding left out: body(b, tensor batch, h, row of the tensor).
template <class Body>
Finding first_of_rows(const attention::Problem& p, const Body& body) {
  for (Index b = 0; b < p.batch; ++b) {
    const Rows rows = p.q_rows(b);
    for (Index h = 0; h < p.num_heads; ++h) {
      for (Index i = rows.begin; i < rows.end(); ++i) {
        if (Finding found = body(b, p.tensor_batch(b), h, i)) return found;
      }
    }
  }
  return {};
}

// One row of two results. NaN is never near anything.
Finding far_apart(const std::vector<double>& got, const std::vector<double>& other, double bound,
                  const std::string& where, const char* other_is) {
  for (std::size_t c = 0; c < got.size(); ++c) {
    if (got[c] == other[c] || std::abs(got[c] - other[c]) <= bound) continue;
    return fmt::format("{}, column {}: {}, {} {} (may differ by {:.2g})", where, c, got[c], other_is,
                       other[c], bound);
  }
  return {};
}

// Rows [0, rows) of every head of a tensor.
Numbers first_rows(const Numbers& whole, Index begin, Index rows) {
  Numbers part(whole.batch, whole.heads, rows, whole.dim);
  for (Index b = 0; b < whole.batch; ++b) {
    for (Index h = 0; h < whole.heads; ++h) {
      for (Index i = 0; i < rows; ++i) {
        const auto from = whole.row(b, h, begin + i);
        std::copy(from.begin(), from.end(), part.row(b, h, i).begin());
      }
    }
  }
  return part;
}

}  // namespace

// Weights sum to 1: a V of equal rows comes out as it is.
Finding find_constant_v(Trial& trial) {
  const attention::Problem& p = trial.problem();
  Data data = trial.bounded(p, 1);
  for (Index b = 0; b < data.v.batch; ++b) {
    for (Index h = 0; h < data.v.heads; ++h) {
      for (Index j = 1; j < data.v.rows; ++j) {
        const auto first = data.v.row(b, h, 0);
        std::copy(first.begin(), first.end(), data.v.row(b, h, j).begin());
      }
    }
  }
  const Results results = trial.run(data);
  const Bounds bound = bounds_of(trial, p);
  return first_of_rows(p, [&](Index b, Index tb, Index h, Index i) -> Finding {
    const std::vector<double> got = results.o.row(tb, h, i);
    const bool empty = visible_keys(p, b, h, i - p.q_rows(b).begin).size() == 0;
    const Index hk = h / p.group_size();
    for (std::size_t c = 0; c < got.size(); ++c) {
      const double expected = empty ? 0 : data.v.row(tb, hk, 0)[c];
      if (!(std::abs(got[c] - expected) <= bound.o * std::abs(expected))) {
        return fmt::format("{}, column {}: {}, every visible value is {}", place("o", tb, h, i), c, got[c],
                           expected);
      }
    }
    return {};
  });
}

// Without a mask, the order of keys means nothing.
Finding find_key_permutation(Trial& trial) {
  const attention::Problem& p = trial.problem();
  const Data data = trial.bounded(p, 1);
  Data permuted = data;
  std::vector<Index> order(static_cast<std::size_t>(data.k.rows));
  std::iota(order.begin(), order.end(), 0);
  Random random = trial.random(2);
  for (Index j = data.k.rows; j > 1; --j)
    std::swap(order[static_cast<std::size_t>(j - 1)], order[static_cast<std::size_t>(random.below(j))]);
  for (const auto numbers : {&Data::k, &Data::v}) {
    for (Index b = 0; b < data.k.batch; ++b) {
      for (Index h = 0; h < data.k.heads; ++h) {
        for (Index j = 0; j < data.k.rows; ++j) {
          const auto from = (data.*numbers).row(b, h, order[static_cast<std::size_t>(j)]);
          std::copy(from.begin(), from.end(), (permuted.*numbers).row(b, h, j).begin());
        }
      }
    }
  }
  const Results results = trial.run(data), others = trial.run(permuted);
  const Bounds bound = bounds_of(trial, p);
  return first_of_rows(p, [&](Index, Index b, Index h, Index i) {
    Finding found = far_apart(results.o.row(b, h, i), others.o.row(b, h, i), 2 * bound.o, place("o", b, h, i),
                              "with the keys in another order");
    if (!found && results.lse) {
      found = far_apart(results.lse.row(b, h, i), others.lse.row(b, h, i), 2 * bound.lse,
                        place("lse", b, h, i), "with the keys in another order");
    }
    return found;
  });
}

// The keys in two parts, merged through lse (softmax/merge.h has the algebra), against all keys at once.
Finding find_split_merge(Trial& trial) {
  const attention::Problem& p = trial.problem();
  const Data data = trial.bounded(p, 1);
  const Results whole = trial.run(data);
  const Bounds bound = bounds_of(trial, p);
  for (const Index split : {p.seqlen_kv / 2, Index{1}}) {
    Results parts[2];
    for (int n = 0; n < 2; ++n) {
      attention::Problem part = p;
      part.seqlen_kv = n == 0 ? split : p.seqlen_kv - split;
      Data keys = data;
      keys.k = first_rows(data.k, n == 0 ? 0 : split, part.seqlen_kv);
      keys.v = first_rows(data.v, n == 0 ? 0 : split, part.seqlen_kv);
      parts[n] = trial.run(part, keys);
    }
    // Errors of the parts' lse tilt the mean of two numbers that differ by 2 at most.
    const double o_bound = 2 * bound.o + bound.lse, lse_bound = 2 * bound.lse;
    const Finding found = first_of_rows(p, [&](Index, Index b, Index h, Index i) -> Finding {
      const double l0 = parts[0].lse.row(b, h, i)[0], l1 = parts[1].lse.row(b, h, i)[0];
      const double larger = std::max(l0, l1), w0 = std::exp(l0 - larger), w1 = std::exp(l1 - larger);
      std::vector<double> merged = parts[0].o.row(b, h, i);
      const std::vector<double> second = parts[1].o.row(b, h, i);
      for (std::size_t c = 0; c < merged.size(); ++c)
        merged[c] = (w0 * merged[c] + w1 * second[c]) / (w0 + w1);
      const std::string parts_are =
          fmt::format("keys {} + {} merged through lse give", split, p.seqlen_kv - split);
      if (Finding o =
              far_apart(whole.o.row(b, h, i), merged, o_bound, place("o", b, h, i), parts_are.c_str()))
        return o;
      return far_apart(whole.lse.row(b, h, i), {larger + std::log(w0 + w1)}, lse_bound, place("lse", b, h, i),
                       parts_are.c_str());
    });
    if (found) return found;
  }
  return {};
}

// A row of a causal problem sees the same keys when rows and keys behind it are not there, and when rows
// before it are not.
Finding find_causal_prefix(Trial& trial) {
  const attention::Problem& p = trial.problem();
  const Data data = trial.bounded(p, 1);
  const Results whole = trial.run(data);
  const Bounds bound = bounds_of(trial, p);
  struct Part {
    Index begin, rows;
  };
  const Index n = p.seqlen_q;
  for (const Part rows : {Part{0, n / 2}, Part{0, n - 1}, Part{n - 1, 1}, Part{n / 2, n - n / 2}}) {
    attention::Problem part = p;
    part.seqlen_q = rows.rows;
    part.seqlen_kv = p.seqlen_kv - (n - rows.begin - rows.rows);
    if (rows.rows < 1 || part.seqlen_kv < 1) continue;
    if (part.seqlen_q != part.seqlen_kv && !trial.the_case().cross) continue;
    Data less = data;
    less.q = first_rows(data.q, rows.begin, part.seqlen_q);
    less.k = first_rows(data.k, 0, part.seqlen_kv);
    less.v = first_rows(data.v, 0, part.seqlen_kv);
    const Results results = trial.run(part, less);
    const std::string alone = fmt::format("with {} rows and {} keys alone", part.seqlen_q, part.seqlen_kv);
    const Finding found = first_of_rows(part, [&](Index, Index b, Index h, Index i) {
      const Index row = rows.begin + i;
      Finding o = far_apart(whole.o.row(b, h, row), results.o.row(b, h, i), 2 * bound.o,
                            place("o", b, h, row), alone.c_str());
      if (!o && whole.lse) {
        o = far_apart(whole.lse.row(b, h, row), results.lse.row(b, h, i), 2 * bound.lse,
                      place("lse", b, h, row), alone.c_str());
      }
      return o;
    });
    if (found) return found;
  }
  return {};
}

// A key that a mask hides from some rows holds NaN, infinities or the type's largest numbers: those rows stay
// as they are. Not to the bit: a kernel may go another way where it meets NaN.
Finding find_hidden_numbers(Trial& trial) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const attention::Problem& p = trial.problem();
  const DType dtype = trial.the_case().dtype;
  const Data data = trial.bounded(p, 1);
  const Results before = trial.run(data);
  const Bounds bound = bounds_of(trial, p);
  for (Index b = 0; b < p.batch; ++b) {
    const Rows keys = p.kv_rows(b), rows = p.q_rows(b);
    if (keys.size == 0 || rows.size == 0) continue;
    // A key at three quarters, and those just outside of the first and the last row's band.
    const Band first = visible_keys(p, b, 0, 0), last = visible_keys(p, b, 0, rows.size - 1);
    for (const Index j : {keys.size * 3 / 4, first.end, last.begin - 1}) {
      if (j < 0 || j >= keys.size) continue;
      for (const double value : {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity,
                                 float_format(dtype).max_finite()}) {
        const double held = round_to(dtype, value);  // e4m3 has no infinity: NaN
        Data changed = data;
        for (Index h = 0; h < p.num_kv_heads; ++h) {
          for (Numbers* numbers : {&changed.k, &changed.v}) {
            for (double& x : numbers->row(p.tensor_batch(b), h, keys.begin + j)) x = held;
          }
        }
        const Results after = trial.run(changed);
        const std::string when =
            fmt::format("when key {} of batch entry {}, hidden from it, is {}", j, b, held);
        const Finding found = first_of_rows(p, [&](Index sequence, Index tb, Index h, Index i) -> Finding {
          if (sequence == b && visible_keys(p, b, h, i - rows.begin).has(j)) return {};
          Finding o = far_apart(before.o.row(tb, h, i), after.o.row(tb, h, i), 2 * bound.o,
                                place("o", tb, h, i), when.c_str());
          if (o || !before.lse) return o;
          return far_apart(before.lse.row(tb, h, i), after.lse.row(tb, h, i), 2 * bound.lse,
                           place("lse", tb, h, i), when.c_str());
        });
        if (found) return found;
      }
    }
  }
  return {};
}

// q times 2^n and the scale divided by it: the same scores, to the bit.
Finding find_scale_equivariance(Trial& trial) {
  attention::Problem p = trial.problem();
  Data data = trial.bounded(p, 1);
  Random random = trial.random(2);
  for (double& value : data.q.values) {  // 4 significant bits, far from subnormals
    value = (random.one_in(2) ? -1 : 1) * static_cast<double>(8 + random.below(8)) / 16;
  }
  const Results results = trial.run(p, data);
  for (const double factor : {4.0, 0.25}) {
    Data scaled = data;
    for (double& value : scaled.q.values) value *= factor;
    p.softmax_scale = trial.problem().scale() / factor;
    if (Finding found = trial.difference(
            results, trial.run(p, scaled),
            fmt::format("changes when q is multiplied by {} and the scale divided by it", factor))) {
      return found;
    }
  }
  return {};
}

}  // namespace attnlab::oracle
