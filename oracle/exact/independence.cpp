// Who may depend on what: one input is changed, and exactly the outputs that may see it change.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle/exact/exact_check.h"

namespace attnlab::oracle {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The sequence that holds a row of a tensor, and the row there; nothing for padding.
struct Position {
  Index b, row;
};
std::optional<Position> position(const attention::Problem& p, Index tensor_batch, Index tensor_row,
                                 bool queries) {
  for (Index b = p.packed() ? 0 : tensor_batch; b < (p.packed() ? p.batch : tensor_batch + 1); ++b) {
    const Rows rows = queries ? p.q_rows(b) : p.kv_rows(b);
    if (tensor_row >= rows.begin && tensor_row < rows.end()) return Position{b, tensor_row - rows.begin};
  }
  return {};
}

bool of_queries(const Result Results::*member) {
  return member == &Results::o || member == &Results::lse || member == &Results::dq;
}

void fill(std::span<double> values, double value) { std::fill(values.begin(), values.end(), value); }

// Whether the other row, of o, differs anywhere.
bool same_o(const Results& a, const Results& b, Index batch, Index h, Index i) {
  return same_row(a.o, b.o, batch, h, i);
}

// Keys worth a needle: the ends, the diagonal of the first row, both sides of tile edges.
std::vector<Index> needles(const attention::Problem& p, Index keys, Random& random) {
  std::vector<Index> found = {0, keys - 1, keys - p.seqlen_q, keys - p.seqlen_q + 1, 63, 64};
  found.push_back(random.below(keys));
  std::erase_if(found, [&](Index j) { return j < 0 || j >= keys; });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

// One key and its value change. Scores stay within [-1, 1], so every visible key weighs at least e^-2 / n,
// and its value moves by enough to show in any output type.
Finding find_needle(Trial& trial) {
  const attention::Problem& p = trial.problem();
  const Data data = trial.bounded(p, 1);
  const Results before = trial.run(data);
  Random random = trial.random(2);
  const Index b = random.below(p.batch), hk = random.below(p.num_kv_heads), tb = p.tensor_batch(b);
  const Rows keys = p.kv_rows(b);
  if (keys.size == 0) return {};
  const double far = round_to(trial.the_case().dtype, std::min(256.0, static_cast<double>(2 * keys.size)));
  for (const Index j : needles(p, keys.size, random)) {
    Data changed = data;
    for (double& value : changed.k.row(tb, hk, keys.begin + j)) value = random.one_in(2) ? -1 : 1;
    fill(changed.v.row(tb, hk, keys.begin + j), far);
    const Results after = trial.run(changed);
    const auto sees = [&](Index tensor_batch, Index h, Index row) {
      const auto at = position(p, tensor_batch, row, true);
      return at && at->b == b && h / p.group_size() == hk && visible_keys(p, b, h, at->row).has(j);
    };
    if (Finding found = trial.difference(
            before, after,
            fmt::format("changes with key {} of batch entry {}, KV head {}, which it must not see", j, b, hk),
            [&](const Result Results::*, Index n, Index h, Index i) { return !sees(n, h, i); })) {
      return found;
    }
    for (Index h = hk * p.group_size(); h < (hk + 1) * p.group_size(); ++h) {
      for (Index i = 0; i < before.o.rows; ++i) {
        if (sees(tb, h, i) && same_o(before, after, tb, h, i)) {
          return fmt::format("{} stays when key {} of batch entry {}, KV head {}, changes, which it sees",
                             place("o", tb, h, i), j, b, hk);
        }
      }
    }
  }
  return {};
}

// One row of dO changes: its row of dQ, and dK and dV of the keys that it sees.
Finding find_backward_needle(Trial& trial) {
  const attention::Problem& p = trial.problem();
  Data data = trial.bounded(p, 1);
  trial.add_saved(p, data);
  trial.find_unsteady(data);
  const Results before = trial.run(data);
  Random random = trial.random(2);
  const Index b = random.below(p.batch), h = random.below(p.num_heads), tb = p.tensor_batch(b),
              hk = h / p.group_size();
  const Rows rows = p.q_rows(b);
  for (Index i : {Index{0}, rows.size / 2, rows.size - 1}) {
    if (i < 0 || i >= rows.size) continue;
    const Band band = visible_keys(p, b, h, i);
    Data changed = data;
    for (double& value : changed.dout.row(tb, h, rows.begin + i)) value = random.one_in(2) ? -64 : 64;
    const Results after = trial.run(changed);
    const auto depends = [&](const Result Results::*member, Index n, Index head, Index row) {
      const auto at = position(p, n, row, of_queries(member));
      if (!at || at->b != b) return false;
      return of_queries(member) ? head == h && at->row == i : head == hk && band.has(at->row);
    };
    const std::string changes = fmt::format("row {} of dO (batch entry {}, head {}) changes", i, b, h);
    if (Finding found =
            trial.difference(before, after, "moves when " + changes + ", on which it does not depend",
                             [&](const Result Results::*m, Index n, Index head, Index row) {
                               return !depends(m, n, head, row);
                             })) {
      return found;
    }
    for (Index j = band.begin; j < band.end; ++j) {
      const Index row = p.kv_rows(b).begin + j;
      if (same_row(before.dv, after.dv, tb, hk, row)) {
        return place("dv", tb, hk, row) + " stays when " + changes + ", which sees it";
      }
    }
  }
  return {};
}

// Everything of one sequence becomes other numbers, then NaN: the others' bits stay.
Finding find_batch_independence(Trial& trial) {
  const attention::Problem& p = trial.problem();
  const Data data = trial.bounded(p, 1), others = trial.bounded(p, 2);
  trial.find_unsteady(data);
  const Results before = trial.run(data);
  for (const bool nan : {false, true}) {
    for (const Index b : {Index{0}, p.batch - 1}) {
      Data changed = data;
      for (const auto numbers : {&Data::q, &Data::k, &Data::v, &Data::dout}) {
        const bool queries = numbers == &Data::q || numbers == &Data::dout;
        Numbers& to = changed.*numbers;
        const Rows rows = queries ? p.q_rows(b) : p.kv_rows(b);
        for (Index h = 0; h < to.heads; ++h) {
          for (Index i = rows.begin; i < rows.end(); ++i) {
            const auto from = (others.*numbers).row(p.tensor_batch(b), h, i);
            const auto row = to.row(p.tensor_batch(b), h, i);
            std::copy(from.begin(), from.end(), row.begin());
            if (nan) fill(row, kNaN);
          }
        }
      }
      if (Finding found = trial.difference(
              before, trial.run(changed),
              fmt::format("changes when batch entry {} becomes {}", b, nan ? "NaN" : "other numbers"),
              [&](const Result Results::*member, Index n, Index, Index i) {
                const auto at = position(p, n, i, of_queries(member));
                return at && at->b != b;
              })) {
        return found;
      }
    }
  }
  return {};
}

// One query head, then one KV head, becomes other numbers and NaN: heads that do not use it keep their bits.
Finding find_head_independence(Trial& trial) {
  const attention::Problem& p = trial.problem();
  const Data data = trial.bounded(p, 1), others = trial.bounded(p, 2);
  trial.find_unsteady(data);
  const Results before = trial.run(data);
  const Index group = p.group_size();
  struct Change {
    bool queries;
    Index head;
  };
  for (const Change change :
       {Change{true, 0}, {true, p.num_heads - 1}, {false, 0}, {false, p.num_kv_heads - 1}}) {
    for (const bool nan : {false, true}) {
      Data changed = data;
      for (const auto numbers : {&Data::q, &Data::k, &Data::v, &Data::dout}) {
        const bool queries = numbers == &Data::q || numbers == &Data::dout;
        Numbers& to = changed.*numbers;
        if (queries != change.queries || !to) continue;
        for (Index b = 0; b < to.batch; ++b) {
          for (Index i = 0; i < to.rows; ++i) {
            const auto from = (others.*numbers).row(b, change.head, i);
            std::copy(from.begin(), from.end(), to.row(b, change.head, i).begin());
            if (nan) fill(to.row(b, change.head, i), kNaN);
          }
        }
      }
      const Index kv_head = change.queries ? change.head / group : change.head;
      const auto uses = [&](const Result Results::*member, Index h) {
        if (!of_queries(member)) return h == kv_head;
        return change.queries ? h == change.head : h / group == kv_head;
      };
      if (Finding found = trial.difference(
              before, trial.run(changed),
              fmt::format("changes when {} head {} becomes {}, which it does not use",
                          change.queries ? "query" : "KV", change.head, nan ? "NaN" : "other numbers"),
              [&](const Result Results::*member, Index, Index h, Index) { return !uses(member, h); })) {
        return found;
      }
    }
  }
  return {};
}

}  // namespace attnlab::oracle
