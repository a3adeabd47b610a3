// Maps of damage as SVG figures, for the page of `attnlab check`.
#pragma once

#include <string>

#include "oracle/verdict.h"
#include "reference/attention/problem.h"

namespace attnlab::cli {

// Rows by heads where there are several, and the worst heads as rows by columns.
std::string pictures(const attention::Problem& problem, const oracle::DamageMap& map);

}  // namespace attnlab::cli
