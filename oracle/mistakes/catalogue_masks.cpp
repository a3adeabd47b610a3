// Mistakes of scale, masks, scores and dropout.
#include <algorithm>
#include <cmath>

#include "oracle/mistakes/catalogue.h"

namespace attnlab::oracle {
namespace {

using attention::Head;
using attention::Problem;

// Whether a sequence has an offset.
bool cross(const Problem& p) {
  for (Index b = 0; b < p.batch; ++b) {
    if (p.q_rows(b).size != p.kv_rows(b).size) return true;
  }
  return false;
}

// Whether some row may see fewer keys than there are.
bool hides(const Problem& p) {
  return p.causal || p.window.left || p.window.right || p.mask || p.bias || p.packed() || !p.kv_lens.empty();
}

constexpr Mistake kMasks[] = {
    {"scale-missing", "the scores are not scaled",
     "multiply q k^T by softmax_scale (1 / sqrt(head_dim)) before the softmax", true, true,
     [](const Problem& p, const Inputs&) { return p.scale() != 1; }, [](Problem& p) { p.softmax_scale = 1; },
     nullptr, Wrong::none, false},
    {"scale-twice", "the scores are scaled twice, or by 1 / head_dim",
     "q was scaled when it was loaded, or the scale is folded into exp2 and applied before it too", true,
     true, [](const Problem& p, const Inputs&) { return p.scale() != 1 && p.scale() != 0; },
     [](Problem& p) { p.softmax_scale = p.scale() * p.scale(); }, nullptr, Wrong::none, false},
    {"scale-of-head-dim-v", "the scale is 1 / sqrt(head_dim_v)",
     "take the head_dim of Q and K, not that of V", true, true,
     [](const Problem& p, const Inputs&) { return !p.softmax_scale && p.head_dim != p.head_dim_v; },
     [](Problem& p) { p.softmax_scale = 1 / std::sqrt(static_cast<double>(p.head_dim_v)); }, nullptr,
     Wrong::none, false},
    {"causal-one-too-many", "the causal mask lets one key too many through",
     "compare j <= i + offset, not j <= i + offset + 1 (or < where <= is meant the other way round)", true,
     true, [](const Problem& p, const Inputs&) { return p.causal; },
     [](Problem& p) {
       p.causal = false;
       p.window.right = 1;
     },
     nullptr, Wrong::none, false},
    {"causal-one-too-few", "the causal mask hides the diagonal itself",
     "compare j <= i + offset, not j < i + offset", true, true,
     [](const Problem& p, const Inputs&) { return p.causal; },
     [](Problem& p) {
       p.causal = false;
       p.window.right = -1;
     },
     nullptr, Wrong::none, false},
    {"causal-top-left", "the causal mask is aligned to the top left",
     "add offset = seqlen_kv - seqlen_q to the row: the last query sees the last key", true, true,
     [](const Problem& p, const Inputs&) { return p.causal && cross(p); }, nullptr,
     [](const Problem&, Head& head) { head.right = -head.offset(); }, Wrong::none, false},
    {"causal-ignored", "there is no causal mask",
     "the flag is not passed on, or tiles on the diagonal are not masked and those above it not skipped",
     true, true, [](const Problem& p, const Inputs&) { return p.causal; },
     [](Problem& p) {
       p.causal = false;
       p.window.right.reset();
     },
     nullptr, Wrong::none, false},
    {"whole-tiles-visible", "the mask decides about whole tiles only",
     "tiles that the mask cuts are computed without it: mask inside the tiles on the diagonal", true, true,
     [](const Problem& p, const Inputs&) { return p.causal || p.window.left || p.window.right; }, nullptr,
     nullptr, Wrong::whole_tiles_visible, true},
    {"window-left-one-more", "the window reaches one key too far to the left",
     "the leftmost key is i + offset - left, inclusive", true, true,
     [](const Problem& p, const Inputs&) { return p.window.left.has_value(); },
     [](Problem& p) { p.window.left = *p.window.left + 1; }, nullptr, Wrong::none, false},
    {"window-left-one-less", "the window misses its leftmost key",
     "the leftmost key is i + offset - left, inclusive", true, true,
     [](const Problem& p, const Inputs&) { return p.window.left.has_value(); },
     [](Problem& p) { p.window.left = *p.window.left - 1; }, nullptr, Wrong::none, false},
    {"window-right-one-more", "the window reaches one key too far to the right",
     "the rightmost key is i + offset + right, inclusive", true, true,
     [](const Problem& p, const Inputs&) { return p.window.right && !p.causal; },
     [](Problem& p) { p.window.right = *p.window.right + 1; }, nullptr, Wrong::none, false},
    {"window-right-one-less", "the window misses its rightmost key",
     "the rightmost key is i + offset + right, inclusive", true, true,
     [](const Problem& p, const Inputs&) { return p.window.right && !p.causal; },
     [](Problem& p) { p.window.right = *p.window.right - 1; }, nullptr, Wrong::none, false},
    {"window-ignores-offset", "the window is counted from the row, without the offset",
     "add seqlen_kv - seqlen_q to the row, as for the causal mask", true, true,
     [](const Problem& p, const Inputs&) {
       return (p.window.left || (p.window.right && !p.causal)) && cross(p);
     },
     nullptr,
     [](const Problem& p, Head& head) {
       const Index offset = head.offset();
       if (p.window.left) head.left += offset;
       if (p.window.right && !p.causal) head.right -= offset;
     },
     Wrong::none, false},
    {"window-ignored", "there is no window", "the left bound of the window is not passed on", true, true,
     [](const Problem& p, const Inputs&) { return p.window.left.has_value(); },
     [](Problem& p) { p.window.left.reset(); }, nullptr, Wrong::none, false},
    {"softcap-missing", "the scores are not capped", "apply softcap * tanh(s / softcap) after the scale",
     true, true, [](const Problem& p, const Inputs&) { return p.softcap != 0; },
     [](Problem& p) { p.softcap = 0; }, nullptr, Wrong::none, false},
    {"softcap-after-alibi", "the softcap comes after ALiBi and bias",
     "cap the scaled score first, then add ALiBi and bias", true, true,
     [](const Problem& p, const Inputs&) { return p.softcap != 0 && (!p.alibi_slopes.empty() || p.bias); },
     nullptr, nullptr, Wrong::softcap_after_alibi, false},
    {"softcap-after-mask", "the softcap comes after the mask",
     "a hidden score of -inf becomes -softcap and takes weight: mask last", true, true,
     [](const Problem& p, const Inputs&) { return p.softcap != 0 && hides(p); }, nullptr, nullptr,
     Wrong::softcap_after_mask, true},
    {"alibi-sign", "ALiBi is added, not taken off", "the bias is -slope * distance", true, true,
     [](const Problem& p, const Inputs&) { return !p.alibi_slopes.empty(); },
     [](Problem& p) {
       for (double& slope : p.alibi_slopes) slope = -slope;
     },
     nullptr, Wrong::none, false},
    {"alibi-next-head", "ALiBi takes the slope of another head",
     "index the slopes by the query head (and the batch entry where they have one)", true, true,
     [](const Problem& p, const Inputs&) { return p.alibi_slopes.size() > 1; },
     [](Problem& p) {
       std::rotate(p.alibi_slopes.begin(), p.alibi_slopes.begin() + 1, p.alibi_slopes.end());
     },
     nullptr, Wrong::none, false},
    {"alibi-without-offset", "ALiBi measures the distance without the offset",
     "the distance is |i + seqlen_kv - seqlen_q - j|", true, true,
     [](const Problem& p, const Inputs&) { return !p.alibi_slopes.empty() && cross(p); }, nullptr, nullptr,
     Wrong::alibi_without_offset, false},
    {"bias-scaled", "the bias is scaled with the scores", "add the bias after the scale", true, true,
     [](const Problem& p, const Inputs&) { return p.bias && p.scale() != 1; }, nullptr, nullptr,
     Wrong::bias_scaled, false},
    {"mask-inverted", "the boolean mask is inverted", "anything but 0 shows the key", true, true,
     [](const Problem& p, const Inputs&) { return static_cast<bool>(p.mask); }, nullptr, nullptr,
     Wrong::mask_inverted, false},
    {"mask-ignored", "the boolean mask is ignored",
     "the mask is not passed on, or read only for tiles on the diagonal", true, true,
     [](const Problem& p, const Inputs&) { return static_cast<bool>(p.mask); },
     [](Problem& p) { p.mask = {}; }, nullptr, Wrong::none, false},
    {"bias-ignored", "the bias is ignored", "the bias is not passed on", true, true,
     [](const Problem& p, const Inputs&) { return static_cast<bool>(p.bias); },
     [](Problem& p) { p.bias = {}; }, nullptr, Wrong::none, false},
    {"sink-missing", "the sink is missing from the sum",
     "start m and l with the sink: one more logit, with v = 0", true, false,
     [](const Problem& p, const Inputs&) { return !p.sinks.empty(); }, [](Problem& p) { p.sinks.clear(); },
     nullptr, Wrong::none, false},
    {"dropout-missing", "nothing is dropped", "the dropout mask is not applied", true, true,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0; }, [](Problem& p) { p.dropout.p = 0; },
     nullptr, Wrong::none, false},
    {"dropout-unscaled", "kept weights are not divided by 1 - p",
     "multiply what dropout keeps by 1 / (1 - p)", true, true,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0; }, nullptr, nullptr,
     Wrong::dropout_unscaled, false},
    {"dropout-other-offset", "the dropout mask is drawn with another offset",
     "pass the generator's offset on as it is: it is the counter's last word", true, true,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0; },
     [](Problem& p) { p.dropout.offset += 1; }, nullptr, Wrong::none, false},
    {"dropout-batch-ignored", "every batch entry has the dropout mask of the first",
     "the counter holds b * num_heads + h, not h", true, true,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0 && p.batch > 1; }, nullptr,
     [](const Problem& p, Head& head) { head.batch_head %= p.num_heads; }, Wrong::none, false},
    {"dropout-before-sum", "dropout comes before the sum of the weights",
     "l is the sum of all weights: drop after summing", true, false,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0; }, nullptr, nullptr,
     Wrong::dropout_before_sum, false},
};

}  // namespace

std::span<const Mistake> mistakes_of_masks() { return kMasks; }

}  // namespace attnlab::oracle
