#include "oracle/battery/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "oracle/battery/lengths.h"
#include "oracle/battery/planner.h"
#include "reference/core/errors.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

bool hidden_nan(const Case& c) {
  return c.check == nullptr ? c.profile->name == std::string("hidden-nan")
                            : c.check->name == std::string("hidden-numbers");
}
bool needs_scale(const Case& c) {
  const std::string check = c.check->name;
  return check == "scale-equivariance" ||
         (c.dtype == DType::e4m3 &&
          (check == "one-hot" || check == "integers" || check == "same-pointers" || check == "later-calls"));
}

}  // namespace

Planner::Planner(const Schema& schema, std::uint64_t seed, const Activations* activations)
    : schema_(schema), seed_(seed), activations_(activations) {
  if (schema.dtypes.empty()) throw InvalidArgument("dtypes", "none", "at least one");
  if (schema.head_dims.empty()) throw InvalidArgument("head_dims", "none", "at least one");
  for (const DType dtype : schema.dtypes) float_format(dtype);
  for (const Index dim : schema.head_dims) {
    if (dim < 1 || dim > 4096) throw InvalidArgument("head_dims", std::to_string(dim), "1 to 4096");
  }
  if (schema.max_seqlen < 1)
    throw InvalidArgument("max_seqlen", std::to_string(schema.max_seqlen), "1 or more");
  for (const Index size : schema.page_sizes) {
    if (size < 1 || size > 65536)
      throw InvalidArgument("page_sizes", std::to_string(size), "1 to 65536 rows per page");
  }
}

std::vector<Case> Planner::plan() {
  killers();
  for (const bool backward : {false, true}) {
    if (backward && !schema_.backward) continue;
    each_option_once(backward);
    for (const bool causal : {true, false}) combine(causal, backward);
  }
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

Case Planner::make(Index q, Index kv, bool causal, bool backward) {
  const std::size_t types = schema_.dtypes.size();
  std::size_t combination = next_combination();
  // FP8 has no backward pass: another type's turn, where there is one.
  for (std::size_t n = 0;
       backward && bits(schema_.dtypes[combination % types]) == 8 && n < 2 * types * schema_.head_dims.size();
       ++n)
    combination = next_combination();
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
  c.cross = schema_.cross;
  c.profile = &find_profile("normal");
  c.activations = activations_;
  return c;
}

std::size_t Planner::next_combination() {
  ++turn_;
  if (combinations_.empty()) {
    combinations_.resize(schema_.dtypes.size() * schema_.head_dims.size());
    std::iota(combinations_.begin(), combinations_.end(), std::size_t{0});
    for (std::size_t n = combinations_.size(); n > 1; --n) {
      std::swap(combinations_[n - 1],
                combinations_[static_cast<std::size_t>(order_.below(static_cast<Index>(n)))]);
    }
  }
  const std::size_t next = combinations_.back();
  combinations_.pop_back();
  return next;
}

void Planner::add(Case c) {
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

void Planner::add_check(Case c, const char* check) {
  c.check = &find_exact_check(check);
  add(std::move(c));
}

void Planner::killers() {
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

void Planner::long_rows() {
  Case c = make(schema_.max_seqlen, schema_.max_seqlen, false);
  c.problem.head_dim = c.problem.head_dim_v =
      *std::max_element(schema_.head_dims.begin(), schema_.head_dims.end());
  c.problem.batch = 1, c.problem.num_heads = c.problem.num_kv_heads = 1;
  c.sample = 128;
  if (schema_.max_seqlen <= 4096) add(std::move(c));
}

void Planner::exact(bool backward) {
  for (const ExactCheck& check : exact_checks()) {
    if (check.name == std::string("huge")) continue;  // large() adds it, on request
    for (Case& c : exact_cases(backward)) {
      c.check = &check;
      if (schema_.strides) c.layout = layouts()[static_cast<std::size_t>(turn_) % layouts().size()].id;
      const bool unpaged = c.layout == Layout::qkv && c.page_size != 0;
      if (unpaged || !possible(c.layout, c.problem)) c.layout = Layout::bshd;
      add(std::move(c));
    }
  }
}

std::vector<Case> Planner::exact_cases(bool backward) {
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
  for (std::size_t n = 0; !backward && n < schema_.page_sizes.size(); ++n) {
    cases.push_back(make(n % 2 == 0 ? 33 : 1, n % 2 == 0 ? 33 : 81, n % 2 == 0));
    cases.back().page_size = schema_.page_sizes[n];
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

void Planner::shapes(bool backward) {
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

void Planner::profiles(bool backward) {
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

void Planner::large() {
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
  if (schema_.huge) {
    Case c = make(16, 16, false);
    c.dtype = *std::min_element(schema_.dtypes.begin(), schema_.dtypes.end(),
                                [](DType a, DType b) { return bits(a) < bits(b); });
    add_check(std::move(c), "huge");
  }
}

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
  if (c.page_size != 0 && (c.backward || c.layout == Layout::qkv)) return false;
  return possible(c.layout, c.problem) && (c.profile == nullptr || c.profile->suits(c)) &&
         (c.check == nullptr || c.check->suits(c));
}

std::vector<Case> planned_cases(const Schema& schema, std::uint64_t seed, const Activations* activations) {
  return Planner(schema, seed, activations).plan();
}

}  // namespace attnlab::oracle
