// The oracle's answer: right or wrong, by how much, where, and why.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::oracle {

struct Place {  // one element of an output
  Index batch = 0, head = 0, row = 0, col = 0;
};

struct Element {
  Place at;
  double got = 0, expected = 0, budget = 0;
  double error_over_budget = 0;  // inf where one is finite and the other not
};

// error / budget by powers of two: bin 0 is exact, bin n holds [2^(n - 13), 2^(n - 12)), the last everything
// from 4 on and non-finite mismatches.
inline constexpr int kHistogramBins = 16;

// One output tensor.
struct TensorVerdict {
  std::string name;  // "o", "lse", "dq", "dk", "dv"
  bool right = false;
  std::uint64_t checked = 0;  // elements
  std::uint64_t wrong = 0;    // beyond the budget, non-finite mismatches included
  // NaN where NaN is expected, an infinity where that infinity is expected; everything else that is not
  // finite on one side.
  std::uint64_t nonfinite_mismatch = 0;
  double max_error_over_budget = 0;
  Element worst;
  std::array<std::uint64_t, kHistogramBins> histogram{};

  // RMS error of a row over that of a modelled honest kernel; the largest, its limit and its place.
  double max_row_rms = 0, row_rms_limit = 0;
  Place worst_row;
  // 1 - cosine of the angle between output and golden values, over what an honest kernel may have.
  double cosine_over_budget = 0;
  // Systematic error: mean of error * sign(expected), over what an honest kernel may have.
  double bias_over_budget = 0;
};

// A rectangle of damage on the tiles of one output, for a picture of it: share[r * cols + c] is the share of
// wrong elements of a cell that covers row_step rows (of all batch entries and heads: one strip each) and
// col_step columns.
struct DamageMap {
  std::string tensor;
  Index heads = 0;  // strips: batch * heads, or fewer where several share one
  Index rows = 0, cols = 0, row_step = 1, col_step = 1;
  std::vector<float> share;  // [heads, rows, cols]
  std::string text;          // "rows 64..127 of every head, all columns"
};

struct Diagnosis {
  std::string mistake;               // the catalogue's name
  std::string explanation;           // one line: what the kernel does, and what it should do
  double max_error_over_budget = 0;  // against the reference with this mistake: at most 1
};

// What another project's rule says of the same output.
struct RuleResult {
  std::string rule;
  bool passes = false;
  std::string detail;  // the numbers it compared
};

struct Verdict {
  bool right = false;
  std::string kernel_class;
  std::string golden = "cpu";  // what computed the golden values: "cpu", "emulator" or the GPU's name
  std::vector<TensorVerdict> tensors;
  std::vector<DamageMap> damage;     // of wrong tensors
  std::vector<Diagnosis> diagnosis;  // best first; empty where right, or where no known mistake fits
  std::vector<RuleResult> rules;
  Index rows_checked = 0, rows_total = 0;
  std::string coverage;  // what this check can and cannot exclude
  double max_error_over_budget() const;
  const TensorVerdict& worst_tensor() const;
};

// For people, a few lines, without colours; as JSON for programs: verdict ("right" or "wrong"),
// golden, max_error_over_budget, worst, nonfinite_mismatch, diagnosis, rules, tensors, damage, coverage.
std::string to_text(const Verdict& verdict);
std::string to_json(const Verdict& verdict);

}  // namespace attnlab::oracle
