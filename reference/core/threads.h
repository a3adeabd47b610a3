// Threads over independent pieces of work.
#pragma once

#include <functional>

#include "reference/core/view.h"

namespace attnlab {

// Calls body(index) for every index in [0, count), on up to `threads` OS threads (0: one per core). Pieces
// are handed out one by one in order. The first exception stops the handing out and is rethrown here.
void parallel_for(Index count, int threads, const std::function<void(Index)>& body);

// As above; body also learns which worker runs it, in [0, worker_count(count, threads)).
int worker_count(Index count, int threads);
void parallel_for_workers(Index count, int threads, const std::function<void(int worker, Index index)>& body);

}  // namespace attnlab
