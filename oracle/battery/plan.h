// Which cases the battery runs, and in which order: cheap ones that kill much first.
#pragma once

#include <vector>

#include "oracle/cases/case.h"

namespace attnlab::oracle {

// Every tile edge, profile and exact check that the schema allows, at least once; types and head_dims take
// turns. The same cases for the same schema and seed. Throws InvalidArgument where the schema is empty.
std::vector<Case> planned_cases(const Schema& schema, std::uint64_t seed, const Activations* activations);

// Case number `index` of those behind the plan: everything at random.
Case random_case(const Schema& schema, std::uint64_t seed, const Activations* activations, Index index);

// Tile edges: t - 1, t and t + 1 for the powers of two from 8 to 256, as far as `most`.
std::vector<Index> tile_edges(Index most);

// The problem is meaningful, and its check and profile suit it.
bool sensible(const Case& c);

}  // namespace attnlab::oracle
