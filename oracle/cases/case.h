// One case of the battery: a problem, where its tensors lie, what they hold, and what is looked at.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "oracle/battery.h"
#include "oracle/buffers/layout.h"

namespace attnlab::oracle {

struct Case {
  attention::Problem problem;
  DType dtype = DType::f32;
  Layout layout = Layout::bhsd;
  bool backward = false, lse = true;
  bool cross = true;                  // seqlen_q != seqlen_kv may be asked of the kernel
  Index page_size = 0;                // of a paged KV cache; 0: K and V are tensors like all others
  const Profile* profile = nullptr;   // of the numbers; an exact check makes its own where it must
  const ExactCheck* check = nullptr;  // null: values, compared with golden ones
  Index sample = 0;                   // rows per head that are compared; 0: all
  std::uint64_t seed = 0;
  const Activations* activations = nullptr;  // of the profile "real"
  // What problem.mask and problem.bias point to, where the case has them.
  bool masked = false, biased = false;
  std::shared_ptr<const std::vector<std::uint8_t>> mask;
  std::shared_ptr<const std::vector<float>> bias;
};

// Draws mask and bias for the problem's extents: a mask [batch, 1, seqlen_q, seqlen_kv] that hides a third, a
// bias [1, heads, seqlen_q, seqlen_kv] of N(0, 1) with some -inf.
void draw_masks(Case& c);

// "b 1, h 2/1, q 65, kv 129, d 64, causal, fp16, large-logits"
std::string to_text(const Case& c);

// Keys of sequence b that row i of head h sees, as [begin, end).
struct Band {
  Index begin = 0, end = 0;
  bool has(Index j) const { return j >= begin && j < end; }
  Index size() const { return end - begin; }
};
Band visible_keys(const attention::Problem& problem, Index b, Index h, Index i);

}  // namespace attnlab::oracle
