// The example of README.md: grouped-query attention of two sequences, and what it moves.
#include <cstdio>
#include <vector>

#include "reference/attention/attention.h"
#include "simulator/io/account.h"

int main() {
  using namespace attnlab;
  attention::Problem problem;
  problem.batch = 2;
  problem.num_heads = 8;
  problem.num_kv_heads = 2;
  problem.seqlen_q = problem.seqlen_kv = 100;
  problem.head_dim = problem.head_dim_v = 64;
  problem.causal = true;
  problem.kv_lens = problem.q_lens = {100, 22};  // the second sequence is padded

  // PyTorch's layout, [batch, heads, seqlen, dim]; bshd() is FlashAttention's. Any strides will do.
  const std::vector<float> q(2 * 8 * 100 * 64, 0.5f), k(2 * 2 * 100 * 64, 0.25f), v(k);
  std::vector<float> o(q.size()), lse(2 * 8 * 100);
  attention::forward<float>(attention::Algorithm::flash2, problem,
                            {.q = bhsd(q.data(), 2, 8, 100, 64),
                             .k = bhsd(k.data(), 2, 2, 100, 64),
                             .v = bhsd(v.data(), 2, 2, 100, 64),
                             .o = bhsd(o.data(), 2, 8, 100, 64),
                             .lse = bhsd(lse.data(), 2, 8, 100, 1)});

  const io::Traffic traffic =
      io::problem_traffic(attention::Algorithm::flash2, io::Pass::forward, problem, {64, 64});
  const io::Bytes bytes = io::bytes(traffic, io::ElementSizes(DType::f16));
  std::printf("O[0] = %g, lse[0] = %g, padding of O: %g\n", o[0], lse[0], o.back());
  std::printf("in fp16, tiles of 64 x 64: %s bytes read, %s written\n", io::to_string(bytes.read).c_str(),
              io::to_string(bytes.written).c_str());
  return o[0] == 0.25f && lse[0] == 1.0f && o.back() == 0.0f ? 0 : 1;
}
