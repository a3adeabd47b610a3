// The C++ example of docs/ways-in.md: is what a kernel wrote right?
#include "oracle/check.h"

#include <cstdio>
#include <vector>

#include "reference/attention/attention.h"

int main() {
  using namespace attnlab;
  attention::Problem problem;
  problem.num_heads = problem.num_kv_heads = 2;
  problem.seqlen_q = problem.seqlen_kv = 100;
  problem.head_dim = problem.head_dim_v = 16;
  problem.causal = true;

  std::vector<float> q(2 * 100 * 16), k(q), v(q), o(q);
  for (std::size_t n = 0; n < q.size(); ++n) {
    q[n] = static_cast<float>(n % 5), k[n] = static_cast<float>(n % 7), v[n] = static_cast<float>(n % 11);
  }
  attention::Problem forgetful = problem;  // a kernel that forgets the causal mask
  forgetful.causal = false;
  attention::forward<float>(attention::Algorithm::flash2, forgetful,
                            {.q = bhsd(q.data(), 1, 2, 100, 16),
                             .k = bhsd(k.data(), 1, 2, 100, 16),
                             .v = bhsd(v.data(), 1, 2, 100, 16),
                             .o = bhsd(o.data(), 1, 2, 100, 16),
                             .lse = {}});

  const auto tensor = [](const std::vector<float>& x) {
    return oracle::bhsd(x.data(), DType::f32, 1, 2, 100, 16);  // or bshd, or any strides
  };
  oracle::Outputs outputs;
  outputs.o = tensor(o);
  const oracle::Verdict verdict = oracle::check(problem, {tensor(q), tensor(k), tensor(v), {}}, outputs);
  std::fputs(to_text(verdict).c_str(), stdout);
  return verdict.right ? 1 : 0;  // it must be caught
}
