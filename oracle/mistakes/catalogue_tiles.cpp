// Mistakes of tiles, of the online softmax and of lse.
#include "oracle/mistakes/catalogue.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

// Whether some row may see fewer keys than there are.
bool hides(const Problem& p) {
  return p.causal || p.window.left || p.window.right || p.mask || p.bias || p.packed() || !p.kv_lens.empty();
}

constexpr Mistake kTiles[] = {
    {"last-tile-dropped", "the last tile of keys is dropped", "the loop over tiles ends one too early", true,
     true, [](const Problem& p, const Inputs&) { return p.seqlen_kv > 0; }, nullptr, nullptr,
     Wrong::last_tile_dropped, true},
    {"ragged-tile-dropped", "the last, partial tile of keys is dropped",
     "divide seqlen_kv by the tile size rounding up", true, true,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 0; }, nullptr, nullptr,
     Wrong::ragged_tile_dropped, true},
    {"first-tile-skipped", "the first tile of keys is skipped",
     "the loop over tiles starts one too late, or the first tile is loaded and not used", true, true,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 0; }, nullptr, nullptr,
     Wrong::first_tile_skipped, true},
    {"tail-not-masked", "zeros behind the last key take weight",
     "keys beyond seqlen_kv in the last tile must be hidden, not only loaded as zeros", true, false,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 0; }, nullptr, nullptr,
     Wrong::tail_not_masked, true},
    {"tail-rows-unwritten", "the rows of the last, partial row block are not written",
     "launch one more block where seqlen_q is no multiple of the tile, and store its rows below seqlen_q",
     true, false, [](const Problem& p, const Inputs&) { return p.seqlen_q > 0; }, nullptr, nullptr,
     Wrong::tail_rows_unwritten, true},
    {"tile-unwritten", "a row block is not written", "a block returned early, or was never launched", true,
     false, [](const Problem& p, const Inputs&) { return p.seqlen_q > 0; }, nullptr, nullptr,
     Wrong::tile_unwritten, true},
    {"nothing-written", "nothing is written",
     "look for the launch's error: too much shared memory, too many threads, another stream", true, true,
     nullptr, nullptr, nullptr, Wrong::nothing_written, false},
    {"stale-tile", "values of the tile before are used",
     "a buffer is read before the copy into it is complete: wait, or synchronise, between load and use", true,
     false, [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr,
     Wrong::stale_tile, true},
    {"v-transposed", "V is transposed within its tile",
     "the tile of V is read with rows and columns exchanged", true, false,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1 && p.head_dim_v > 1; }, nullptr, nullptr,
     Wrong::v_transposed, true},
    {"head-dim-tail-dropped", "the last elements of q and k are not multiplied",
     "head_dim is no multiple of the step of the inner product (32): round up and fill with zeros", true,
     true, [](const Problem& p, const Inputs&) { return p.head_dim % 32 != 0; }, nullptr, nullptr,
     Wrong::head_dim_tail_dropped, false},
    {"o-not-rescaled", "O is not rescaled when the maximum moves",
     "multiply the running O by exp(m_old - m_new) before a tile is added", true, false,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr, Wrong::o_not_rescaled,
     true},
    {"l-not-rescaled", "l is not rescaled when the maximum moves",
     "multiply the running sum by exp(m_old - m_new) before a tile is added", true, false,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr, Wrong::l_not_rescaled,
     true},
    {"l-of-last-tile", "l is the sum of the last tile alone", "add to the running sum, do not overwrite it",
     true, false, [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr,
     Wrong::l_of_last_tile, true},
    {"o-not-normalised", "O is not divided by l", "divide by the sum of the weights at the end", true, false,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr,
     Wrong::o_not_normalised, true},
    {"o-normalised-twice", "O is divided by l twice", "P was normalised already: divide once", true, false,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr,
     Wrong::o_normalised_twice, true},
    {"m-starts-at-zero", "the running maximum starts at 0",
     "start at -inf: weights of rows with large negative scores vanish otherwise", true, false, nullptr,
     nullptr, nullptr, Wrong::m_starts_at_zero, true},
    {"minus-5e4-for-infinity", "hidden scores become -5e4, not -inf",
     "a finite stand-in gives weight to hidden keys where nothing is visible, and hides real scores below it",
     true, false, nullptr, nullptr, nullptr, Wrong::finite_infinity_5e4, true},
    {"minus-1e4-for-infinity", "hidden scores become -1e4, not -inf",
     "a finite stand-in gives weight to hidden keys where nothing is visible, and hides real scores below it",
     true, false, nullptr, nullptr, nullptr, Wrong::finite_infinity_1e4, true},
    {"empty-rows-nan", "rows that see no key are NaN", "do not divide by l where it is 0: O is 0 there", true,
     false, [](const Problem& p, const Inputs&) { return hides(p); }, nullptr, nullptr, Wrong::empty_rows_nan,
     false},
    {"lse-plus-infinity", "lse of rows that see no key is +inf", "it is the logarithm of an empty sum: -inf",
     true, false, [](const Problem& p, const Inputs&) { return hides(p); }, nullptr, nullptr,
     Wrong::lse_plus_infinity, false},
    {"lse-base-2", "lse is in base 2", "multiply by ln 2, also the m of an exp2 kernel", true, false, nullptr,
     nullptr, nullptr, Wrong::lse_base_2, false},
    {"lse-unscaled", "m enters lse without the scale",
     "m is the maximum of the unscaled scores: lse = scale * m + log(l)", true, false,
     [](const Problem& p, const Inputs&) { return p.scale() != 1 && p.scale() != 0; }, nullptr, nullptr,
     Wrong::lse_unscaled, true},
    {"lse-without-m", "lse lacks the maximum", "lse = m + log(l)", true, false, nullptr, nullptr, nullptr,
     Wrong::lse_without_m, true},
    {"lse-is-max", "lse is the maximum alone", "lse = m + log(l)", true, false, nullptr, nullptr, nullptr,
     Wrong::lse_is_max, false},
};

}  // namespace

std::span<const Mistake> mistakes_of_tiles() { return kTiles; }

}  // namespace attnlab::oracle
