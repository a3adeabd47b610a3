#include "oracle/mistakes/tile_head.h"

#include <algorithm>

#include "oracle/mistakes/tile_backward.h"
#include "oracle/mistakes/tile_forward.h"

namespace attnlab::oracle::mistaken {

Indices all_of(Rows range) {
  Indices all(static_cast<std::size_t>(range.size));
  for (std::size_t n = 0; n < all.size(); ++n) all[n] = range.begin + static_cast<Index>(n);
  return all;
}

Indices within(const Indices& indices, Rows range) {
  const auto begin = std::lower_bound(indices.begin(), indices.end(), range.begin);
  return {begin, std::lower_bound(begin, indices.end(), range.end())};
}

template class TileHead<float>;
template class TileHead<double>;

}  // namespace attnlab::oracle::mistaken
