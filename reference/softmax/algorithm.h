// The list of softmax algorithms, and what each says of itself.
#pragma once

#include <span>

namespace attnlab::softmax {

// The text of each, with its row, is Text<it> in a file of its own.
enum class Algorithm { naive, safe, online, end };

struct AlgorithmInfo {
  const char* name;
  const char* title;
  const char* paper;
  int loads, stores;  // HBM accesses per element

  Algorithm id = Algorithm::end;  // from the list, not from the row
};
std::span<const AlgorithmInfo> algorithms();

// An algorithm, specialised beside its loops (naive.h):
//   static constexpr AlgorithmInfo row{...};
//   forward(memory, x, y, bc)   x -> y, [1, V] each, in pieces of Bc elements
template <Algorithm>
struct Text;

}  // namespace attnlab::softmax
