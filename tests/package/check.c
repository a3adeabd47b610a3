/* The C example of docs/ways-in.md: is what a kernel wrote right? */
#include <attnlab.h>
#include <stdio.h>
#include <stdlib.h>

/* Stands for a kernel: every row of O is the mean of V's rows, right where all scores are equal. */
static void my_kernel(const float* v, float* o, int heads, int rows, int dim) {
  for (int h = 0; h < heads; ++h) {
    for (int c = 0; c < dim; ++c) {
      double sum = 0;
      for (int r = 0; r < rows; ++r) sum += v[(h * rows + r) * dim + c];
      for (int r = 0; r < rows; ++r) o[(h * rows + r) * dim + c] = (float)(sum / rows);
    }
  }
}

int main(void) {
  enum { HEADS = 2, ROWS = 100, DIM = 16, COUNT = HEADS * ROWS * DIM };
  static float q[COUNT], k[COUNT], v[COUNT], o[COUNT];
  for (int n = 0; n < COUNT; ++n) k[n] = (float)(n % 7), v[n] = (float)(n % 11);
  my_kernel(v, o, HEADS, ROWS, DIM);

  attnlab_problem problem = {.size = sizeof problem, .batch = 1, .num_heads = HEADS, .head_dim = DIM};
  problem.seqlen_q = problem.seqlen_kv = ROWS;
  const attnlab_tensor tq = attnlab_bhsd(q, ATTNLAB_F32, 1, HEADS, ROWS, DIM);
  const attnlab_tensor tk = attnlab_bhsd(k, ATTNLAB_F32, 1, HEADS, ROWS, DIM);
  const attnlab_tensor tv = attnlab_bhsd(v, ATTNLAB_F32, 1, HEADS, ROWS, DIM);
  const attnlab_tensor to = attnlab_bhsd(o, ATTNLAB_F32, 1, HEADS, ROWS, DIM);
  const attnlab_inputs inputs = {.size = sizeof inputs, .q = &tq, .k = &tk, .v = &tv};
  const attnlab_outputs outputs = {.size = sizeof outputs, .o = &to};

  attnlab_verdict* verdict;
  if (attnlab_check(&problem, &inputs, &outputs, NULL, NULL, &verdict) != ATTNLAB_OK) {
    fprintf(stderr, "%s\n", attnlab_last_error());
    return 2;
  }
  fputs(attnlab_verdict_text(verdict), stdout);
  const int right = attnlab_verdict_right(verdict);
  attnlab_verdict_free(verdict);
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
