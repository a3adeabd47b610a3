#include "reference/oracle/battery/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "reference/core/errors.h"
#include "reference/oracle/battery/lengths.h"
#include "reference/oracle/battery/random.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

class Planner {
 public:
  Planner(const Schema& schema, std::uint64_t seed, const Activations* activations)
      : schema_(schema), seed_(seed), activations_(activations) {
    if (schema.dtypes.empty()) throw InvalidArgument("dtypes", "none", "at least one");
    if (schema.head_dims.empty()) throw InvalidArgument("head_dims", "none", "at least one");
    for (const DType dtype : schema.dtypes) float_format(dtype);
    for (const Index dim : schema.head_dims) {
      if (dim < 1 || dim > 4096) throw InvalidArgument("head_dims", std::to_string(dim), "1 to 4096");
    }
    if (schema.max_seqlen < 1)
      throw InvalidArgument("max_seqlen", std::to_string(schema.max_seqlen), "1 or more");
  }

  std::vector<Case> plan() {
    killers();
    each_option_once(false);
    if (schema_.backward) each_option_once(true);
    long_rows();
    exact(false);
    shapes(false);
    profiles(false);
    options(false);
    if (schema_.backward) {
      exact(true);
      shapes(true);
      profiles(true);
      options(true);
    }
    large();
    return std::move(cases_);
  }

 private:
  // A case of the next type and head_dim, with heads and batch that show mix-ups.
  Case make(Index q, Index kv, bool causal, bool backward = false) {
    const std::size_t types = schema_.dtypes.size(), combination = next_combination();
    Case c;
    c.dtype = schema_.dtypes[combination % types];
    c.problem.head_dim = c.problem.head_dim_v = schema_.head_dims[combination / types];
    c.problem.batch = 2;
    c.problem.num_heads = schema_.gqa ? 4 : 3;
    c.problem.num_kv_heads = schema_.gqa ? 2 : 3;
    c.problem.seqlen_q = std::min(q, schema_.max_seqlen);
    c.problem.seqlen_kv = std::min(kv, schema_.max_seqlen);
    c.problem.causal = causal;
    c.backward = backward;
    c.lse = schema_.lse;
    c.profile = &find_profile("normal");
    c.activations = activations_;
    return c;
  }

  // Of types and head_dims: all of them in a random order, then all in another one.
  std::size_t next_combination() {
    ++turn_;
    if (combinations_.empty()) {
      combinations_.resize(schema_.dtypes.size() * schema_.head_dims.size());
      std::iota(combinations_.begin(), combinations_.end(), std::size_t{0});
      for (std::size_t n = combinations_.size(); n > 1; --n)
        std::swap(combinations_[n - 1],
                  combinations_[static_cast<std::size_t>(order_.below(static_cast<Index>(n)))]);
    }
    const std::size_t next = combinations_.back();
    combinations_.pop_back();
    return next;
  }

  void add(Case c) {
    const Problem& p = c.problem;
    const Index longest = std::max(p.seqlen_q, p.seqlen_kv), shortest = std::min(p.seqlen_q, p.seqlen_kv);
    if ((p.causal && !schema_.causal) || longest > schema_.max_seqlen || (shortest == 0 && !schema_.empty) ||
        (p.seqlen_q != p.seqlen_kv && !schema_.cross) || (c.backward && bits(c.dtype) == 8)) {
      return;
    }
    if (!schema_.hidden_nan && hidden_nan(c)) return;
    if (!schema_.scale && c.check != nullptr && needs_scale(c)) return;
    c.seed = seed_ * 1000003 + static_cast<std::uint64_t>(cases_.size());
    draw_masks(c);
    if (!sensible(c)) return;
    cases_.push_back(std::move(c));
  }

  static bool hidden_nan(const Case& c) {
    return c.check == nullptr ? c.profile->name == std::string("hidden-nan")
                              : c.check->name == std::string("hidden-numbers");
  }
  static bool needs_scale(const Case& c) {
    const std::string check = c.check->name;
    return check == "scale-equivariance" ||
           (c.dtype == DType::e4m3 && (check == "one-hot" || check == "integers" ||
                                       check == "same-pointers" || check == "later-calls"));
  }

  void add_check(Case c, const char* check) {
    c.check = &find_exact_check(check);
    add(std::move(c));
  }

  // A few dozen milliseconds that most wrong kernels do not survive.
  void killers() {
    for (std::size_t n = 0; n < schema_.dtypes.size(); ++n) {
      for (const bool causal : {true, false}) {
        add(make(65, 65, causal));
        add_check(make(65, 65, causal), "one-hot");
        add_check(make(33, 33, causal), "guard-bands");
        add_check(make(67, 67, causal), "integers");
        add(make(70, 131, causal));
      }
    }
    for (std::size_t n = 0; schema_.backward && n < schema_.dtypes.size(); ++n) {
      for (const bool causal : {true, false}) {
        add(make(65, 65, causal, true));
        add(make(70, 131, causal, true));
      }
    }
  }

  // Offsets within a head beyond 2^15 and 2^16, where the schema reaches so far.
  void long_rows() {
    Case c = make(schema_.max_seqlen, schema_.max_seqlen, false);
    c.problem.head_dim = c.problem.head_dim_v =
        *std::max_element(schema_.head_dims.begin(), schema_.head_dims.end());
    c.problem.batch = 1, c.problem.num_heads = c.problem.num_kv_heads = 1;
    c.sample = 128;
    if (schema_.max_seqlen <= 4096) add(std::move(c));
  }

  // One problem with each option alone: who has forgotten one need not wait for options().
  void each_option_once(bool backward) {
    const auto with = [&](bool allowed, const auto& change) {
      if (!allowed) return;
      Case c = make(70, 75, false, backward);
      if (!schema_.cross) c.problem.seqlen_kv = c.problem.seqlen_q;
      change(c);
      add(std::move(c));
    };
    with(schema_.scale, [](Case& c) { c.problem.softmax_scale = 0.35; });
    with(schema_.dim_v, [](Case& c) { c.problem.head_dim_v = std::max<Index>(1, c.problem.head_dim / 2); });
    with(schema_.window, [](Case& c) { c.problem.window = {20, 9}; });
    with(schema_.softcap, [](Case& c) { c.problem.softcap = 1.5; });
    with(schema_.alibi, [](Case& c) { c.problem.alibi_slopes = alibi_slopes(c.problem.num_heads); });
    with(schema_.sinks,
         [](Case& c) { c.problem.sinks.assign(static_cast<std::size_t>(c.problem.num_heads), 1.5); });
    with(schema_.mask, [](Case& c) { c.masked = true; });
    with(schema_.bias, [](Case& c) { c.biased = true; });
    with(schema_.dropout, [&](Case& c) { c.problem.dropout = {0.3, seed_ + 1, 2}; });
    with(schema_.padding, [](Case& c) { c.problem.kv_lens = {c.problem.seqlen_kv, 33}; });
    with(schema_.packed, [](Case& c) {
      c.problem.cu_seqlens_q = {0, 40, 40 + c.problem.seqlen_q};
      c.problem.cu_seqlens_kv = {0, c.problem.seqlen_kv, c.problem.seqlen_kv + 50};
    });
  }

  // Every check on problems of every kind that it suits.
  void exact(bool backward) {
    for (const ExactCheck& check : exact_checks()) {
      if (check.name == std::string("huge")) continue;  // large() adds it, on request
      for (Case& c : exact_cases(backward)) {
        c.check = &check;
        if (schema_.strides) c.layout = layouts()[static_cast<std::size_t>(turn_) % layouts().size()].id;
        if (!possible(c.layout, c.problem)) c.layout = Layout::bshd;
        add(std::move(c));
      }
    }
  }

  std::vector<Case> exact_cases(bool backward) {
    std::vector<Case> cases;
    cases.push_back(make(33, 33, false, backward));
    cases.push_back(make(65, 65, true, backward));
    cases.push_back(make(50, 81, true, backward));
    cases.push_back(make(70, 40, true, backward));  // rows that see nothing
    cases.push_back(make(17, 129, false, backward));
    if (!backward) {
      cases.push_back(make(1, 130, false));
      cases.push_back(make(1, 257, true));
      cases.push_back(make(129, 129, true));
    }
    if (schema_.window) {
      cases.push_back(make(65, 65, false, backward));
      cases.back().problem.window = {20, 7};
      cases.push_back(make(40, 130, false, backward));  // keys that nobody sees
      cases.back().problem.window = {16, 0};
    }
    if (schema_.padding) {
      cases.push_back(make(65, 65, true, backward));
      cases.back().problem.q_lens = cases.back().problem.kv_lens = {65, 33};
    }
    if (schema_.packed) {
      cases.push_back(make(40, 50, true, backward));
      cases.back().problem.cu_seqlens_q = {0, 33, 73};
      cases.back().problem.cu_seqlens_kv = {0, 50, 67};
    }
    return cases;
  }

  void shapes(bool backward) {
    for (const auto& [q, kv] : {std::pair<Index, Index>{1, 1}, {0, 7}, {7, 0}, {1, 0}, {2, 1}}) {
      for (const bool causal : {true, false}) add(make(q, kv, causal, backward));
    }
    const std::vector<Index> edges = tile_edges(std::min<Index>(schema_.max_seqlen, 257));
    Random random(seed_, backward ? 2 : 1);
    for (const Index n : edges) {
      const Index other = edges[static_cast<std::size_t>(random.below(static_cast<Index>(edges.size())))];
      add(make(n, n, true, backward));
      add(make(n, n, false, backward));
      add(make(n, other, true, backward));
      if (backward) continue;
      add(make(other, n, false));
      add(make(1, n, true));
    }
  }

  void profiles(bool backward) {
    for (const Profile& profile : oracle::profiles()) {
      for (std::size_t n = 0; n < schema_.dtypes.size(); ++n) {
        for (const bool causal : {true, false}) {
          Case c = make(100, causal ? 100 : 150, causal, backward);
          c.profile = &profile;
          if (profile.name == std::string("hidden-nan") && schema_.window && !causal)
            c.problem.window = {30, 5};
          add(std::move(c));
        }
      }
    }
  }

  // Each of them with and without a causal mask.
  void options(bool backward) {
    for (const bool causal : {true, false}) {
      const auto with = [&](Index q, Index kv, const auto& change) {
        for (int n = 0; n < 2; ++n) {  // on equal and on unequal lengths
          Case c = make(q, n == 0 ? q : kv, causal, backward);
          change(c);
          add(std::move(c));
        }
      };
      if (schema_.gqa) {
        for (const auto& [heads, kv_heads] : {std::pair<Index, Index>{8, 1}, {8, 2}, {6, 3}, {5, 5}}) {
          with(40, 65, [&, heads = heads, kv_heads = kv_heads](Case& c) {
            c.problem.num_heads = heads, c.problem.num_kv_heads = kv_heads;
          });
        }
      }
      if (schema_.scale) {
        for (const double scale : {0.35, 1.0, -0.2}) {
          with(40, 65, [&](Case& c) { c.problem.softmax_scale = scale; });
        }
      }
      for (const Index twice : {Index{1}, Index{4}}) {
        if (!schema_.dim_v) break;
        with(40, 65,
             [&](Case& c) { c.problem.head_dim_v = std::max<Index>(1, c.problem.head_dim * twice / 2); });
      }
      if (schema_.window) {
        for (const attention::Window& window :
             {attention::Window{16, {}}, {{}, 9}, {31, 32}, {0, 0}, {64, 1}, {1000, 1000}}) {
          with(130, 150, [&](Case& c) { c.problem.window = window; });
        }
      }
      if (schema_.softcap) {
        for (const double softcap : {1.5, 30.0}) {
          with(70, 130, [&](Case& c) {
            c.problem.softcap = softcap;
            if (softcap > 10) c.profile = &find_profile("outliers");
          });
        }
      }
      if (schema_.alibi) {
        with(70, 130, [](Case& c) { c.problem.alibi_slopes = alibi_slopes(c.problem.num_heads); });
        with(70, 130,
             [](Case& c) { c.problem.alibi_slopes = alibi_slopes(c.problem.batch * c.problem.num_heads); });
      }
      if (schema_.dropout) {
        with(70, 130, [&](Case& c) { c.problem.dropout = {0.2, seed_ + 5, 3}; });
        with(33, 65, [&](Case& c) { c.problem.dropout = {0.5, (seed_ + 1) << 33, 0}; });
      }
      for (Index turn = 0; schema_.padding && turn < 3; ++turn) {
        with(70, 130, [&](Case& c) {
          c.problem.batch = 3;
          c.problem.kv_lens = ragged(3, c.problem.seqlen_kv, turn);
          if (turn != 0) c.problem.q_lens = ragged(3, c.problem.seqlen_q, turn + (schema_.cross ? 1 : 0));
        });
      }
      for (Index turn = 0; schema_.packed && turn < 3; ++turn) {
        with(70, 130, [&](Case& c) {
          c.problem.batch = 4;
          c.problem.cu_seqlens_q = sums(ragged(4, c.problem.seqlen_q, turn));
          c.problem.cu_seqlens_kv = sums(ragged(4, c.problem.seqlen_kv, turn + (schema_.cross ? 1 : 0)));
        });
      }
      if (schema_.sinks) {
        with(40, 65, [](Case& c) {
          for (Index h = 0; h < c.problem.num_heads; ++h)
            c.problem.sinks.push_back(static_cast<double>(h) - 1);
        });
      }
      if (schema_.mask) with(40, 65, [](Case& c) { c.masked = true; });
      if (schema_.bias) with(40, 65, [](Case& c) { c.biased = true; });
      combine(causal, backward);
      for (const LayoutInfo& layout : layouts()) {
        if (schema_.strides) with(65, 40, [&](Case& c) { c.layout = layout.id; });
      }
      if (schema_.lse && !backward) with(65, 40, [](Case& c) { c.lse = false; });
    }
  }

  // Options that meet in one step of a kernel.
  void combine(bool causal, bool backward) {
    Case c = make(130, 150, causal, backward);
    Problem& p = c.problem;
    if (schema_.softcap) p.softcap = 4;
    if (schema_.alibi) p.alibi_slopes = alibi_slopes(p.num_heads);
    if (schema_.window) p.window = {60, 20};
    if (schema_.dropout) p.dropout = {0.1, seed_ + 9, 1};
    if (schema_.padding) p.kv_lens = {150, 90}, p.q_lens = {100, 130};
    add(std::move(c));
  }

  void large() {
    const Index most = schema_.max_seqlen;
    for (const bool backward : {false, true}) {
      if (backward && !schema_.backward) continue;
      for (const Index n : {Index{511}, Index{513}, Index{777}, Index{1025}, most - 1, most}) {
        for (const bool causal : {true, false}) {
          Case c = make(n, n, causal, backward);
          c.problem.batch = 1, c.problem.num_heads = 2, c.problem.num_kv_heads = schema_.gqa ? 1 : 2;
          c.profile = &find_profile(causal ? "rising" : "normal");
          c.sample = backward ? 0 : 256;
          add(std::move(c));
        }
      }
    }
    if (most > 4096) {  // rows beyond 2^15 and the like
      Case c = make(most, most, true);
      c.problem.batch = 1, c.problem.num_heads = c.problem.num_kv_heads = 1;
      c.sample = 64;
      add(std::move(c));
    }
    if (schema_.huge) add_check(make(16, 16, false), "huge");
  }

  const Schema& schema_;
  std::uint64_t seed_;
  const Activations* activations_;
  std::vector<Case> cases_;
  std::vector<std::size_t> combinations_;
  Random order_{seed_, 3};
  Index turn_ = 0;
};

}  // namespace

std::vector<Index> tile_edges(Index most) {
  std::vector<Index> edges;
  for (Index tile = 8; tile <= 256; tile *= 2) {
    for (const Index n : {tile - 1, tile, tile + 1}) {
      if (n <= most) edges.push_back(n);
    }
  }
  return edges;
}

bool sensible(const Case& c) {
  try {
    validate(c.problem);
  } catch (const InvalidArgument&) {
    return false;
  }
  return possible(c.layout, c.problem) && (c.profile == nullptr || c.profile->suits(c)) &&
         (c.check == nullptr || c.check->suits(c));
}

std::vector<Case> planned_cases(const Schema& schema, std::uint64_t seed, const Activations* activations) {
  return Planner(schema, seed, activations).plan();
}

}  // namespace attnlab::oracle
