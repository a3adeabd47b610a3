// How much of a cache's memory holds tokens, by how it is given to sequences: reserved in one piece from the
// start, as engines before PagedAttention did, or block by block.
//
// Kwon et al. 2023, sections 3.1 and 6.1 and Figure 2: Orca (Yu et al. 2022) with a buddy allocator, which
// reserves the longest possible output, the output rounded up to a power of two, or, knowing the future, the
// output itself.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::kv {

// A memory that is given away in pieces of powers of two, each split from one twice as large and merged with its
// other half when both are free. Knuth, The Art of Computer Programming, volume 1, section 2.5.
class BuddyAllocator {
 public:
  // Any size: its binary digits are the pieces that it begins with. Throws InvalidArgument below 0.
  explicit BuddyAllocator(Index size);

  // Where `size` units begin, in a piece of the next power of two; nothing when no piece is left. Throws
  // InvalidArgument below 1.
  std::optional<Index> allocate(Index size);
  // Throws InvalidArgument for what is not the beginning of an allocation.
  void release(Index begin);

 private:
  std::map<Index, std::set<Index>> free_;  // beginnings, by size
  std::map<Index, Index> taken_;           // sizes, by beginning
  std::map<Index, Index> roots_;           // beginnings of the largest pieces, and their sizes
};

enum class Reservation { max, pow2, oracle, paged };

// Tokens of a request.
struct Lengths {
  Index prompt = 0, output = 0;
};

struct Server {
  Reservation reservation = Reservation::paged;
  Index capacity = 0;       // tokens
  Index max_length = 2048;  // of a sequence: what Reservation::max reserves
  Index block_size = 16;    // of Reservation::paged
};

// Shares of the memory, which sum to 1: tokens that are there; room that a sequence will use later; room that it
// has and never will; and what no sequence has.
struct MemoryUse {
  double tokens = 0, reserved = 0, internal = 0, external = 0;
  double mean_batch = 0;  // sequences at a time
};

// The mean over all steps of a server that is never idle: requests wait in a line, each starts as soon as there
// is room for it, every running one grows by a token a step. Counted from the first request that ends to the last
// that starts. A paged sequence that finds no block is put off: the youngest goes back to the line. Throws
// InvalidArgument for a request that can never start.
MemoryUse saturated_use(const Server& server, std::span<const Lengths> requests);

}  // namespace attnlab::kv
