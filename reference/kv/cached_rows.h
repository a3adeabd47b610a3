// One head's keys and values as the decode step finds them in a cache.
#pragma once

#include "reference/core/paged_matrix.h"

namespace attnlab::kv {

template <class T>
struct CachedRows {
  PagedMatrix<T> k, v;         // [tokens, head_dim], [tokens, head_dim_v]: in one piece, or in pages
  MatrixView<T> new_k, new_v;  // of the newest token, still to be written
};

}  // namespace attnlab::kv
