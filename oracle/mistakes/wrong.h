// The wrong steps of a tile kernel: where its text, its addresses or its arithmetic deviate. What is wrong in
// the problem that the kernel solves (another scale, another mask) is no step: see catalogue.cpp.
#pragma once

namespace attnlab::oracle {

enum class Wrong : int {
  none,
  // Which tiles take part.
  whole_tiles_visible,  // the mask decides about tiles only
  last_tile_dropped,
  ragged_tile_dropped,
  first_tile_skipped,
  tail_not_masked,
  tail_rows_unwritten,
  tile_unwritten,
  nothing_written,
  stale_tile,
  // Scores.
  softcap_after_alibi,
  softcap_after_mask,
  alibi_without_offset,
  bias_scaled,
  mask_inverted,
  head_dim_tail_dropped,
  // Softmax.
  o_not_rescaled,
  l_not_rescaled,
  l_of_last_tile,
  o_not_normalised,
  o_normalised_twice,
  m_starts_at_zero,
  finite_infinity_5e4,
  finite_infinity_1e4,
  empty_rows_nan,
  lse_base_2,
  lse_unscaled,
  lse_without_m,
  lse_is_max,
  lse_plus_infinity,
  dropout_before_sum,
  dropout_unscaled,
  // Addresses.
  kv_head_modulo,
  kv_head_zero,
  batch_zero,
  v_transposed,
  layout_q,
  layout_k,
  layout_v,
  layout_o,
  index_16_bits,
  index_32_bits,
  page_off_by_one,
  // Arithmetic.
  p_e4m3,
  p_e5m2,
  p_scale_left,
  accumulator_bf16,
  accumulator_fp16,
  v_scale_missing,
  // Between calls.
  cached_result,
  // Backward.
  delta_missing,
  delta_undropped,
  group_last_head,
  dq_unscaled,
  dk_unscaled,
  dk_scaled_twice,
  p_without_l,
  dv_undropped,
  dp_undropped,
  softcap_derivative_missing,
  dq_of_last_tile,
  dkv_of_last_tile,
  addition_lost,
};

}  // namespace attnlab::oracle
