/* Do the C functions compile as C11, compute, judge and refuse? Prints what failed; the exit code says it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attnlab.h"

enum { HEADS = 4, KV_HEADS = 2, ROWS = 65, DIM = 32 };

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  printf("FAILED: %s (last error: %s)\n", what, attnlab_last_error());
  failures += 1;
}

static void fill(float* values, size_t count, unsigned seed) {
  unsigned state = seed * 2654435761u + 1;
  for (size_t n = 0; n < count; ++n) {
    state = state * 1664525u + 1013904223u;
    values[n] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
}

static float q[HEADS * ROWS * DIM], k[KV_HEADS * ROWS * DIM], v[KV_HEADS * ROWS * DIM];
static float o[HEADS * ROWS * DIM], lse[HEADS * ROWS];
static double o64[HEADS * ROWS * DIM];

static attnlab_problem causal_problem(void) {
  attnlab_problem problem = {.size = sizeof problem};
  problem.batch = 1;
  problem.num_heads = HEADS;
  problem.num_kv_heads = KV_HEADS;
  problem.seqlen_q = problem.seqlen_kv = ROWS;
  problem.head_dim = DIM;
  problem.causal = 1;
  return problem;
}

static attnlab_output output(void* data, attnlab_dtype dtype, int64_t columns) {
  const attnlab_tensor like = attnlab_bhsd(data, dtype, 1, HEADS, ROWS, columns);
  attnlab_output out = {.size = sizeof out, .data = data, .dtype = dtype};
  memcpy(out.shape, like.shape, sizeof out.shape);
  memcpy(out.strides, like.strides, sizeof out.strides);
  return out;
}

static void refused(attnlab_status status, const char* text, const char* what) {
  expect(status == ATTNLAB_INVALID_ARGUMENT, what);
  expect(strstr(attnlab_last_error(), text) != NULL, text);
}

int main(void) {
  expect(strcmp(attnlab_last_error(), "") == 0, "no error before the first");
  expect(strcmp(attnlab_version(), ATTNLAB_TEST_VERSION) == 0, "the version");
  fill(q, HEADS * ROWS * DIM, 1);
  fill(k, KV_HEADS * ROWS * DIM, 2);
  fill(v, KV_HEADS * ROWS * DIM, 3);
  attnlab_problem problem = causal_problem();
  const attnlab_tensor tq = attnlab_bhsd(q, ATTNLAB_F32, 1, HEADS, ROWS, DIM);
  const attnlab_tensor tk = attnlab_bhsd(k, ATTNLAB_F32, 1, KV_HEADS, ROWS, DIM);
  const attnlab_tensor tv = attnlab_bhsd(v, ATTNLAB_F32, 1, KV_HEADS, ROWS, DIM);
  const attnlab_inputs inputs = {.size = sizeof inputs, .q = &tq, .k = &tk, .v = &tv};

  /* Golden values: the first row sees one key, so it is that key's value. */
  const attnlab_output ro = output(o, ATTNLAB_F32, DIM), rlse = output(lse, ATTNLAB_F32, 1),
                       r64 = output(o64, ATTNLAB_F64, DIM);
  attnlab_results results = {.size = sizeof results, .o = &ro, .lse = &rlse};
  expect(attnlab_attention(&problem, &inputs, &results, 1) == ATTNLAB_OK, "attention");
  expect(memcmp(o, v, DIM * sizeof(float)) == 0, "the first row of head 0 is the first row of V");
  expect(memcmp(o + 3 * ROWS * DIM, v + ROWS * DIM, DIM * sizeof(float)) == 0, "head 3 uses KV head 1");
  results.o = &r64;
  results.lse = NULL;
  expect(attnlab_attention(&problem, &inputs, &results, 0) == ATTNLAB_OK, "attention in float64");
  for (size_t n = 0; n < HEADS * ROWS * DIM; ++n) expect((float)o64[n] == o[n], "fp32 is float64 rounded");

  /* A right output. */
  const attnlab_tensor to = attnlab_bhsd(o, ATTNLAB_F32, 1, HEADS, ROWS, DIM);
  const attnlab_tensor tlse = attnlab_bhsd(lse, ATTNLAB_F32, 1, HEADS, ROWS, 1);
  attnlab_outputs outputs = {.size = sizeof outputs, .o = &to, .lse = &tlse};
  attnlab_verdict* verdict = NULL;
  expect(attnlab_check(&problem, &inputs, &outputs, NULL, NULL, &verdict) == ATTNLAB_OK, "check");
  expect(attnlab_verdict_right(verdict) == 1, "golden values are right");
  expect(attnlab_verdict_max_error_over_budget(verdict) <= 1, "and within the budget");
  expect(attnlab_verdict_diagnosis(verdict) == NULL, "without a mistake");
  attnlab_verdict_free(verdict);

  /* The same numbers for a problem without a causal mask are wrong. */
  problem.causal = 0;
  const attnlab_check_options options = {.size = sizeof options, .threads = 1};
  const attnlab_kernel_class tf32 = {.size = sizeof tf32, .operands = "tf32"};
  expect(attnlab_check(&problem, &inputs, &outputs, &tf32, &options, &verdict) == ATTNLAB_OK, "check");
  expect(attnlab_verdict_right(verdict) == 0, "causal is not full attention");
  expect(attnlab_verdict_max_error_over_budget(verdict) > 1, "and beyond the budget");
  expect(strncmp(attnlab_verdict_text(verdict), "WRONG", 5) == 0, "the text says so");
  expect(strstr(attnlab_verdict_text(verdict), "tf32") != NULL, "and names the class");
  expect(strstr(attnlab_verdict_json(verdict), "\"verdict\": \"wrong\"") != NULL, "and the JSON");
  attnlab_element worst = {.size = sizeof worst};
  expect(attnlab_verdict_worst(verdict, &worst) == ATTNLAB_OK, "the worst element");
  expect(worst.row < ROWS && worst.head < HEADS && worst.error_over_budget > 1, "is somewhere");
  expect(strcmp(worst.tensor, "o") == 0 || strcmp(worst.tensor, "lse") == 0, "in an output");
  expect(worst.size == sizeof worst, "the size is the caller's");
  struct { size_t size; const char* tensor; } older = {sizeof older, NULL};
  expect(attnlab_verdict_worst(verdict, (attnlab_element*)(void*)&older) == ATTNLAB_OK, "an older program's");
  expect(older.tensor != NULL, "struct gets what it knows");
  attnlab_verdict_free(verdict);
  attnlab_verdict_free(NULL);
  problem.causal = 1;

  /* Strides: the same tensor seen backwards is the same problem for permuted rows; here, bshd. */
  float bshd[HEADS * ROWS * DIM];
  for (int h = 0; h < HEADS; ++h) {
    for (int r = 0; r < ROWS; ++r) {
      memcpy(bshd + (r * HEADS + h) * DIM, o + (h * ROWS + r) * DIM, DIM * sizeof(float));
    }
  }
  const attnlab_tensor tbshd = attnlab_bshd(bshd, ATTNLAB_F32, 1, ROWS, HEADS, DIM);
  outputs.o = &tbshd;
  expect(attnlab_check(&problem, &inputs, &outputs, NULL, NULL, &verdict) == ATTNLAB_OK, "check of bshd");
  expect(attnlab_verdict_right(verdict) == 1, "is right");
  attnlab_verdict_free(verdict);
  outputs.o = &to;

  /* NaN never passes. */
  o[5] = NAN;
  expect(attnlab_check(&problem, &inputs, &outputs, NULL, NULL, &verdict) == ATTNLAB_OK, "check of NaN");
  expect(attnlab_verdict_right(verdict) == 0, "is wrong");
  attnlab_verdict_free(verdict);

  /* Refusals name the argument. */
  refused(attnlab_check(NULL, &inputs, &outputs, NULL, NULL, &verdict), "problem: got NULL", "no problem");
  expect(verdict == NULL, "no verdict after a failure");
  refused(attnlab_check(&problem, &inputs, &outputs, NULL, NULL, NULL), "verdict", "nowhere to put it");
  attnlab_problem unsized = problem;
  unsized.size = 0;
  refused(attnlab_check(&unsized, &inputs, &outputs, NULL, NULL, &verdict), "problem.size: got 0", "no size");
  attnlab_problem heads = problem;
  heads.num_kv_heads = 3;
  refused(attnlab_check(&heads, &inputs, &outputs, NULL, NULL, &verdict), "num_kv_heads", "heads");
  attnlab_tensor short_q = tq;
  short_q.shape[2] = ROWS - 1;
  attnlab_inputs bad = inputs;
  bad.q = &short_q;
  refused(attnlab_check(&problem, &bad, &outputs, NULL, NULL, &verdict), "q: got [1, 4, 64, 32]", "shape");
  attnlab_tensor odd = tq;
  odd.dtype = 17;
  bad.q = &odd;
  refused(attnlab_check(&problem, &bad, &outputs, NULL, NULL, &verdict), "q.dtype: got 17", "type");
  bad.q = NULL;
  refused(attnlab_check(&problem, &bad, &outputs, NULL, NULL, &verdict), "q: got NULL", "no q");
  const attnlab_outputs none = {.size = sizeof none};
  refused(attnlab_check(&problem, &inputs, &none, NULL, NULL, &verdict), "outputs", "no outputs");
  const attnlab_kernel_class strange = {.size = sizeof strange, .accumulate = "fp23"};
  refused(attnlab_check(&problem, &inputs, &outputs, &strange, NULL, &verdict),
          "kernel_class.accumulate: got fp23", "format");
  /* A later program's struct is taken while what this library does not know is zero. */
  struct { attnlab_problem problem; int64_t more; } later = {problem, 0};
  later.problem.size = sizeof later;
  expect(attnlab_check(&later.problem, &inputs, &outputs, NULL, NULL, &verdict) == ATTNLAB_OK, "zero beyond");
  attnlab_verdict_free(verdict);
  later.more = 1;
  refused(attnlab_check(&later.problem, &inputs, &outputs, NULL, NULL, &verdict), "no member beyond", "beyond");

  if (failures == 0) printf("all as expected\n");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
