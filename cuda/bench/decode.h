// The decode kernels by name, for a program that has its data on the GPU already, with plain numbers and pointers: what
// benchmarks/decode_vs_torch.py calls.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// As cuda/host/params.h has them; types are numbers of reference/core/dtype.h. Strides: batch (of pages: page), head,
// row.
typedef struct {
  const void *q, *k, *v;
  void *o, *lse, *workspace;
  const int *lens_kv, *block_table;
  const float *k_scale, *v_scale;
  long long q_strides[3], k_strides[3], v_strides[3], o_strides[3], scale_strides[3], block_table_stride;
  int type, kv_type, batch, heads_q, heads_kv, seqlen_q, seqlen_kv, head_dim, head_dim_v;
  int page_size, scale_rows, causal, splits, shared_kv, multiprocessors;
  float scale;
} AttnlabDecode;

// 0, or 1 with the reason in attnlab_decode_error().
int attnlab_decode(const char* kernel, const AttnlabDecode* call, void* stream);
// The same for `count` calls, one after the other: a decode step's layers.
int attnlab_decode_layers(const char* kernel, const AttnlabDecode* calls, int count, void* stream);
// Bytes that the kernel wants at `workspace`; -1 with the reason in attnlab_decode_error().
long long attnlab_decode_workspace(const char* kernel, const AttnlabDecode* call);
const char* attnlab_decode_error(void);
// Reads so many bytes, a multiple of 16, and nothing else: the speed of memory.
int attnlab_read(const void* from, long long bytes, void* never_written, void* stream);

#ifdef __cplusplus
}
#endif
