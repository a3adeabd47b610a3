// Lab 1: wrong softmaxes, for the rows of tests.txt to find. The form is lab.h's, and:
//
//   mutants --mutants                               prints how many wrong ones there are
//   mutants --mutant N --input FILE --output FILE   0: right; 1, 2, ...: wrong
//
// A mutant is wrong in one way (safe, online or merged) and right in the two others.
#define LAB_OWN_MAIN
#include "lab.h"

enum Mutant {
  kRight,
  kNoMaximum,           // safe: exp(x) overflows
  kMaximumFromZero,     // safe: the maximum of x and 0
  kMaximumWithoutLast,  // safe: the last number is not looked at
  kMaximumByMagnitude,  // safe: the largest |x|
  kNoWeightAtAll,       // safe: 0 / 0 in a row of -inf alone
  kNoRescale,           // online: a new maximum leaves the sum as it is
  kRescaleUpward,       // online: the factor is exp(new - old)
  kForgetsSum,          // online: a new maximum begins a new sum
  kTiesOnce,            // online: numbers equal to the maximum so far count once
  kFirstIsInfinite,     // online: exp(-inf - -inf) where the row begins with -inf
  kFloor,               // online: the maximum begins at -1e4
  kOddLeftOut,          // merged: two halves of cols / 2
  kFirstMaximum,        // merged: relative to the first half's maximum
  kSecondMaximum,       // merged: relative to the second half's maximum
  kPlainSum,            // merged: sums are added as they are
  kFactorsSwapped,      // merged: each sum gets the other one's factor
  kEmptyHalf,           // merged: an empty first half makes the union empty
  kBothEmpty,           // merged: exp(-inf - -inf) where both halves are empty
  kMutants
};
static int mutant = kRight;

struct State {
  float m = -INFINITY;
  float l = 0.0f;
};

static float weight(float x, float m) { return x == -INFINITY ? 0.0f : std::exp(x - m); }

static void write(const Row& x, State all, Result& y, bool guarded = true) {
  for (int j = 0; j < x.size(); ++j) {
    y.set(j, all.l > 0.0f || !guarded ? weight(x[j], all.m) / all.l : 0.0f);
  }
}

void safe(const Row& x, Result& y) {
  State all;
  const int looked_at = mutant == kMaximumWithoutLast && x.size() > 1 ? x.size() - 1 : x.size();
  for (int j = 0; j < looked_at; ++j) {
    const float number = x[j];
    const bool magnitude = mutant == kMaximumByMagnitude && number != -INFINITY;
    all.m = std::max(all.m, magnitude ? std::fabs(number) : number);
  }
  if (mutant == kNoMaximum || (mutant == kMaximumFromZero && all.m < 0.0f)) all.m = 0.0f;
  for (int j = 0; j < x.size(); ++j) all.l += weight(x[j], all.m);
  write(x, all, y, mutant != kNoWeightAtAll);
}

// The online state; `wrong` is the mutant that may spoil it, kRight for none.
static State state_of(const Row& x, int begin, int end, int wrong) {
  State all;
  if (wrong == kFloor) all.m = -1e4f;
  for (int j = begin; j < end; ++j) {
    const float number = x[j], m = std::max(all.m, number);
    float factor = weight(all.m, m);
    if (wrong == kNoRescale) factor = 1.0f;
    if (wrong == kRescaleUpward && all.m != -INFINITY) factor = std::exp(m - all.m);
    if (wrong == kForgetsSum && number > all.m) factor = 0.0f;
    if (wrong == kFirstIsInfinite) factor = std::exp(all.m - m);
    const bool skipped = wrong == kTiesOnce && number == all.m;
    all.l = all.l * factor + (skipped ? 0.0f : weight(number, m));
    all.m = m;
  }
  return all;
}

void online(const Row& x, Result& y) { write(x, state_of(x, 0, x.size(), mutant), y); }

static State merge(State a, State b) {
  float m = std::max(a.m, b.m);
  if (mutant == kFirstMaximum && a.m != -INFINITY) m = a.m;
  if (mutant == kSecondMaximum && b.m != -INFINITY) m = b.m;
  float of_a = weight(a.m, m), of_b = weight(b.m, m);
  if (mutant == kPlainSum) of_a = of_b = 1.0f;
  if (mutant == kFactorsSwapped) std::swap(of_a, of_b);
  if (mutant == kEmptyHalf && a.l == 0.0f) return a;
  if (mutant == kBothEmpty) return {m, a.l * std::exp(a.m - m) + b.l * std::exp(b.m - m)};
  return {m, a.l * of_a + b.l * of_b};
}

void merged(const Row& x, Result& y) {
  const int middle = x.size() / 2;
  const int end = mutant == kOddLeftOut && x.size() > 1 ? 2 * middle : x.size();
  const State all = merge(state_of(x, 0, middle, kRight), state_of(x, middle, end, kRight));
  write(x, all, y, mutant != kBothEmpty);
}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--mutants") == 0) {
    std::printf("%d\n", kMutants - 1);
    return 0;
  }
  if (argc < 3 || std::strcmp(argv[1], "--mutant") != 0) return refuse("expected", "--mutants or --mutant N");
  char* end = nullptr;
  const long number = std::strtol(argv[2], &end, 10);
  if (end == argv[2] || *end != '\0' || number < 0 || number >= kMutants)
    return refuse("no such mutant", argv[2]);
  mutant = static_cast<int>(number);
  argv[2] = argv[0];
  return run(argc - 2, argv + 2);
}
