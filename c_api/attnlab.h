/* attnlab for C: is the output of an attention kernel right? (docs/ways-in.md has an example, docs/oracle.md
 * says what a verdict means, docs/semantics.md what attention is.)
 *
 * Structs begin with their size in bytes, as the caller knows them: attnlab_problem problem = {.size = sizeof
 * problem}, and members that are zero are "not there" or have their usual value. A later library knows an
 * earlier program's shorter structs.
 *
 * Functions return ATTNLAB_OK or another attnlab_status; attnlab_last_error() then says why. No function
 * throws, prints or ends the program. All may be called from several threads at once. Pointers are not kept
 * after a call. */
#ifndef ATTNLAB_H
#define ATTNLAB_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ATTNLAB_API __attribute__((visibility("default")))
#else
#define ATTNLAB_API
#endif

typedef enum attnlab_status {
  ATTNLAB_OK = 0,
  ATTNLAB_INVALID_ARGUMENT = 1, /* attnlab_last_error() names it, its value and what was expected */
  ATTNLAB_OUT_OF_MEMORY = 2,
  ATTNLAB_INTERNAL_ERROR = 3 /* a mistake of the library's */
} attnlab_status;

typedef enum attnlab_dtype {
  ATTNLAB_F64 = 0,
  ATTNLAB_F32 = 1,
  ATTNLAB_F16 = 2,
  ATTNLAB_BF16 = 3,
  ATTNLAB_E4M3 = 4,
  ATTNLAB_E5M2 = 5
} attnlab_dtype;

/* A tensor of any strides, in elements, zero and negative ones included: element (b, h, i, c) is
 * data[b * strides[0] + h * strides[1] + i * strides[2] + c * strides[3]]. Dimensions are always batch,
 * heads, rows, columns, whatever their order in memory; lse has one column. */
typedef struct attnlab_tensor {
  size_t size;
  const void* data;
  int32_t dtype; /* attnlab_dtype */
  int64_t shape[4], strides[4];
  /* FP8's factors: the value of element (b, h, i, c) is its number times scale[b * scale_strides[0] +
   * h * scale_strides[1] + i / scale_rows * scale_strides[2]]. NULL: none. scale_rows 0: 1. */
  const float* scale;
  int64_t scale_strides[3];
  int64_t scale_rows;
  /* A paged KV cache: row j of sequence b is row j % page_size of page
   * block_table[b * block_table_stride + j / page_size]; strides[0] leads from page to page, shape is still
   * that of the sequences. NULL: not paged. */
  const int32_t* block_table;
  int64_t block_table_stride, page_size, num_pages;
} attnlab_tensor;

/* A tensor to be written. */
typedef struct attnlab_output {
  size_t size;
  void* data;
  int32_t dtype; /* attnlab_dtype; numbers are rounded to nearest, ties to even */
  int64_t shape[4], strides[4];
} attnlab_output;

/* What attention is asked. Zero is "not there", but for lengths. */
typedef struct attnlab_problem {
  size_t size;
  int64_t batch, num_heads;
  int64_t num_kv_heads;        /* 0: num_heads */
  int64_t seqlen_q, seqlen_kv; /* with packed sequences: the longest */
  int64_t head_dim;            /* of Q and K */
  int64_t head_dim_v;          /* of V and O; 0: head_dim */
  int32_t has_scale;
  double scale;   /* has_scale 0: 1 / sqrt(head_dim) */
  int32_t causal; /* query i sees keys up to i + seqlen_kv - seqlen_q */
  int32_t has_window_left, has_window_right;
  int64_t window_left, window_right; /* inclusive, around the same diagonal */
  double softcap;
  const double* alibi_slopes; /* [num_heads] */
  const double* sinks;        /* [num_heads] */
  /* Broadcast to [batch, num_heads, seqlen_q, seqlen_kv] by strides of 0, in elements. */
  const float* bias;
  int64_t bias_strides[4];
  const uint8_t* mask; /* 0 hides a key */
  int64_t mask_strides[4];
  const int64_t *q_lens, *kv_lens;             /* [batch]: the rest is padding */
  const int64_t *cu_seqlens_q, *cu_seqlens_kv; /* [batch + 1]: packed; tensors then have batch 1 */
  double dropout_p;
  uint64_t dropout_seed;
  uint32_t dropout_offset;
} attnlab_problem;

typedef struct attnlab_inputs {
  size_t size;
  const attnlab_tensor *q, *k, *v;
  const attnlab_tensor* dout; /* for gradients */
} attnlab_inputs;

/* What a kernel wrote; NULL: not there. Gradients need dout. */
typedef struct attnlab_outputs {
  size_t size;
  const attnlab_tensor *o, *lse, *dq, *dk, *dv;
} attnlab_outputs;

/* Where golden values go; NULL: not wanted. */
typedef struct attnlab_results {
  size_t size;
  const attnlab_output *o, *lse, *dq, *dk, *dv;
} attnlab_results;

/* The kernel's arithmetic: formats by name ("fp32", "tf32", "bf16", "fp8_e4m3", ...), NULL and 0 as is usual
 * for the type of q. */
typedef struct attnlab_kernel_class {
  size_t size;
  const char* operands;     /* Q, K, V, dO are rounded to this before products */
  const char* p_dtype;      /* P and dS are rounded to this */
  const char* accumulate;   /* products and sums */
  const char* scores_dtype; /* S is stored in this between passes */
  const char* rounded_to;   /* outputs were rounded to this, then stored in a wider type */
  const char* sums;         /* "nearest" or "truncated" */
  double p_scale;           /* factor of P before it is rounded */
  double exp_error;         /* relative error of the exponential function */
  int64_t min_block_kv;     /* the narrowest tile of keys */
  const char* groups;       /* dK, dV of each query head before a group's are added: "rounded" or "exact" */
  double ds_scale;          /* factor of dS before it is rounded */
} attnlab_kernel_class;

typedef struct attnlab_check_options {
  size_t size;
  int64_t sample_rows; /* rows per head; 0: all */
  uint64_t sample_seed;
  int32_t threads; /* 0: one a core */
  int32_t no_diagnosis;
  int32_t rules; /* 1: also what other projects' rules say */
} attnlab_check_options;

/* One element of an output. */
typedef struct attnlab_element {
  size_t size;
  const char* tensor; /* "o", "lse", "dq", "dk", "dv"; lives as long as the verdict */
  int64_t batch, head, row, column;
  double got, expected, budget;
  double error_over_budget;
} attnlab_element;

typedef struct attnlab_verdict attnlab_verdict;

/* The library's version, "0.1.0". */
ATTNLAB_API const char* attnlab_version(void);

/* What the last function that failed on this thread had to say; "" before the first. Valid until the next
 * failure on the thread. */
ATTNLAB_API const char* attnlab_last_error(void);

/* Compares outputs with golden values. ATTNLAB_OK says that they were compared, not that they are right: ask
 * attnlab_verdict_right. *verdict must be freed; it is NULL after a failure. kernel_class and options may be
 * NULL: the usual ones. */
ATTNLAB_API attnlab_status attnlab_check(const attnlab_problem* problem, const attnlab_inputs* inputs,
                                         const attnlab_outputs* outputs,
                                         const attnlab_kernel_class* kernel_class,
                                         const attnlab_check_options* options, attnlab_verdict** verdict);

/* 1 if everything compared is right, else 0. */
ATTNLAB_API int attnlab_verdict_right(const attnlab_verdict* verdict);
/* The largest error over its budget: at most 1 where every element is right. */
ATTNLAB_API double attnlab_verdict_max_error_over_budget(const attnlab_verdict* verdict);
/* The element it belongs to. ATTNLAB_INVALID_ARGUMENT where nothing was compared. */
ATTNLAB_API attnlab_status attnlab_verdict_worst(const attnlab_verdict* verdict, attnlab_element* element);
/* The most likely mistake's name, or NULL. All texts live as long as the verdict. */
ATTNLAB_API const char* attnlab_verdict_diagnosis(const attnlab_verdict* verdict);
/* The verdict in a few lines, and as JSON. */
ATTNLAB_API const char* attnlab_verdict_text(const attnlab_verdict* verdict);
ATTNLAB_API const char* attnlab_verdict_json(const attnlab_verdict* verdict);
ATTNLAB_API void attnlab_verdict_free(attnlab_verdict* verdict); /* NULL is fine */

/* Golden values: attention in float64 from the inputs as stored, rounded once to the outputs' types.
 * Gradients where inputs->dout is there. threads 0: one a core. */
ATTNLAB_API attnlab_status attnlab_attention(const attnlab_problem* problem, const attnlab_inputs* inputs,
                                             const attnlab_results* results, int threads);

/* Contiguous tensors in PyTorch's order, [batch, heads, rows, columns], and in FlashAttention's,
 * [batch, rows, heads, columns]. */
static inline attnlab_tensor attnlab_bhsd(const void* data, attnlab_dtype dtype, int64_t batch, int64_t heads,
                                          int64_t rows, int64_t columns) {
  attnlab_tensor t;
  memset(&t, 0, sizeof t);
  t.size = sizeof t;
  t.data = data;
  t.dtype = dtype;
  t.shape[0] = batch, t.shape[1] = heads, t.shape[2] = rows, t.shape[3] = columns;
  t.strides[0] = heads * rows * columns, t.strides[1] = rows * columns, t.strides[2] = columns,
  t.strides[3] = 1;
  return t;
}

static inline attnlab_tensor attnlab_bshd(const void* data, attnlab_dtype dtype, int64_t batch, int64_t rows,
                                          int64_t heads, int64_t columns) {
  attnlab_tensor t = attnlab_bhsd(data, dtype, batch, heads, rows, columns);
  t.strides[1] = columns, t.strides[2] = heads * columns;
  return t;
}

#ifdef __cplusplus
}
#endif

#endif
