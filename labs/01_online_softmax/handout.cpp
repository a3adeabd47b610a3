// Lab 1: softmax of a row, y_j = exp(x_j) / sum_i exp(x_i), in three ways.
//
//   safe     the maximum, the sum, the result: x is read three times
//   online   the maximum and the sum together (Milakov and Gimelshein 2018): x is read twice
//   merged   the same for each half of the row; the two halves' states are merged
//
// A number of -inf has weight 0; a row of -inf alone gives zeros.
#include "lab.h"

// The state of a set of numbers: the maximum m, and l = sum exp(x_j - m). {-inf, 0} is that of the empty set.
struct State {
  float m = -INFINITY;
  float l = 0.0f;
};

// The weight of x beside a maximum m >= x.
float weight(float x, float m) {
  // YOUR CODE: exp(x - m), and 0 if x is -inf, even where m is -inf as well
  return x > m ? 1.0f : 0.0f;
}

// The last pass: y_j = exp(x_j - m) / l. A row that holds no weight gives zeros.
void write(const Row& x, State all, Result& y) {
  const float norm = all.l > 0.0f ? 1.0f / all.l : 0.0f;
  for (int j = 0; j < x.size(); ++j) y.set(j, weight(x[j], all.m) * norm);
}

void safe(const Row& x, Result& y) {
  State all;
  // YOUR CODE: one pass for the maximum all.m, then one for the sum all.l
  write(x, all, y);
}

// The state of x[begin], ..., x[end - 1], in one pass.
State state_of(const Row& x, int begin, int end) {
  State all;
  for (int j = begin; j < end; ++j) {
    const float number = x[j];  // read once, used twice
    // YOUR CODE: take the number into the state; if it is a new maximum, the sum so far was relative to the old one
    all.l += weight(number, all.m);
  }
  return all;
}

void online(const Row& x, Result& y) { write(x, state_of(x, 0, x.size()), y); }

// The state of the union of two sets without common members.
State merge(State a, State b) {
  // YOUR CODE: the larger maximum, and both sums relative to it
  return a.m > b.m ? a : b;
}

void merged(const Row& x, Result& y) {
  const int middle = x.size() / 2;
  State all;
  // YOUR CODE: the states of the numbers before the middle and of those from it on, merged
  all = merge(all, {-INFINITY, float(middle)});
  write(x, all, y);
}
