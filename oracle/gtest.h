// A GoogleMock matcher for tests of attention kernels, whose message is the oracle's verdict:
//
//   EXPECT_THAT(outputs, MatchesAttention(problem, inputs));                  // the usual class of q's type
//   EXPECT_THAT(o, MatchesAttention(problem, inputs, kernel_class, check_options));
//
// The value is what a kernel wrote: oracle::Outputs, or its output alone as an oracle::Tensor. Inputs and
// mask must outlive the matcher. Who includes this links GoogleTest and attnlab::reference.
#pragma once

#include <gmock/gmock-matchers.h>

#include <ostream>
#include <utility>

#include "oracle/check.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab {

// How GoogleTest prints tensors: "bf16 [1, 2, 65, 64]".
inline void PrintTo(const Tensor& t, std::ostream* os) {
  if (!t) {
    *os << "no tensor";
    return;
  }
  *os << name(t.dtype) << " " << shape_text(extents_of(t));
}

}  // namespace attnlab

namespace attnlab::oracle {

inline void PrintTo(const Outputs& outputs, std::ostream* os) {
  const char* separator = "";
  for (const auto& [tensor, label] : {std::pair{&outputs.o, "o "},
                                      {&outputs.lse, "lse "},
                                      {&outputs.dq, "dq "},
                                      {&outputs.dk, "dk "},
                                      {&outputs.dv, "dv "}}) {
    if (!*tensor) continue;
    *os << separator << label;
    attnlab::PrintTo(*tensor, os);
    separator = ", ";
  }
}

class AttentionMatcher {
 public:
  using is_gtest_matcher = void;

  AttentionMatcher(attention::Problem problem, const Inputs& inputs, KernelClass kernel_class,
                   CheckOptions options)
      : problem_(std::move(problem)),
        inputs_(inputs),
        kernel_class_(std::move(kernel_class)),
        options_(options) {}

  // Wrong where the tensors do not fit the problem, too; the message then says what does not fit.
  bool MatchAndExplain(const Outputs& outputs, std::ostream* os) const {
    try {
      const Verdict verdict = check(problem_, inputs_, outputs, kernel_class_, options_);
      if (os != nullptr) *os << "\n" << to_text(verdict);
      return verdict.right;
    } catch (const InvalidArgument& error) {
      if (os != nullptr) *os << "which cannot be checked: " << error.what();
      return false;
    }
  }
  bool MatchAndExplain(const Tensor& o, std::ostream* os) const {
    Outputs outputs;
    outputs.o = o;
    return MatchAndExplain(outputs, os);
  }

  void DescribeTo(std::ostream* os) const {
    *os << "is attention of its inputs within the error budget of: " << kernel_class_.name;
  }
  void DescribeNegationTo(std::ostream* os) const {
    *os << "is not attention of its inputs within the error budget of: " << kernel_class_.name;
  }

 private:
  attention::Problem problem_;
  Inputs inputs_;
  KernelClass kernel_class_;
  CheckOptions options_;
};

inline AttentionMatcher MatchesAttention(const attention::Problem& problem, const Inputs& inputs,
                                         const KernelClass& kernel_class, const CheckOptions& options = {}) {
  return {problem, inputs, kernel_class, options};
}

inline AttentionMatcher MatchesAttention(const attention::Problem& problem, const Inputs& inputs) {
  return {problem, inputs, usual_class(inputs.q.dtype), {}};
}

}  // namespace attnlab::oracle
