// How the plan is made: a part of the battery's cases each.
#pragma once

#include <vector>

#include "oracle/cases/case.h"
#include "reference/core/random.h"

namespace attnlab::oracle {

class Planner {
 public:
  // Throws InvalidArgument where the schema makes no sense.
  Planner(const Schema& schema, std::uint64_t seed, const Activations* activations);
  std::vector<Case> plan();

 private:
  // A case of the next type and head_dim, with heads and batch that show mix-ups.
  Case make(Index q, Index kv, bool causal, bool backward = false);
  // Of types and head_dims: all of them in a random order, then all in another one.
  std::size_t next_combination();
  // Where the schema has such cases; add_check() with an exact check.
  void add(Case c);
  void add_check(Case c, const char* check);

  // A few dozen milliseconds that most wrong kernels do not survive.
  void killers();
  // Offsets within a head beyond 2^15 and 2^16, where the schema reaches so far.
  void long_rows();
  // Every check on problems of every kind that it suits.
  void exact(bool backward);
  std::vector<Case> exact_cases(bool backward);
  void shapes(bool backward);
  void profiles(bool backward);
  void large();

  // plan_options.cpp. One problem with each option alone: who has forgotten one need not wait for options().
  // The layout is the one with the largest offsets.
  void each_option_once(bool backward);
  // Options that meet in one step of a kernel.
  void combine(bool causal, bool backward);
  // Each option with more values, with and without a causal mask.
  void options(bool backward);
  // Caches of pages: several to a sequence and partly filled, one to all, and sequences of several lengths.
  void paged(bool causal);

  const Schema& schema_;
  std::uint64_t seed_;
  const Activations* activations_;
  std::vector<Case> cases_;
  std::vector<std::size_t> combinations_;
  Random order_{seed_, 3};
  Index turn_ = 0;
};

}  // namespace attnlab::oracle
