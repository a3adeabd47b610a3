#include "reference/core/shape.h"

namespace attnlab {

std::string shape_text(std::span<const Index> shape) {
  std::string text;
  for (const Index extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

std::string shape_text(std::initializer_list<Index> shape) {
  return shape_text(std::span(shape.begin(), shape.size()));
}

std::string shape_text(const Extents& e) { return shape_text({e.batch, e.heads, e.seqlen, e.dim}); }

}  // namespace attnlab
