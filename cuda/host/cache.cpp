#include "cuda/host/cache.h"

#include <string>

#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

bool is_narrow(const Tensor& t) { return bits(t.dtype) == 8; }

// What lies in memory, without table and factors: the pages one after the other, or the sequences.
Tensor stored(const Tensor& host, bool as_given) {
  Tensor t = host;
  if (!as_given) return t;
  t.block_table = nullptr;
  if (is_narrow(host)) t.scale = {};
  if (host.paged()) t.batch = host.num_pages, t.seqlen = host.page_size;
  return t;
}

Index pages_a_sequence(const Tensor& host) { return (host.seqlen + host.page_size - 1) / host.page_size; }

std::vector<int> table_of(const Tensor& host, bool as_given) {
  std::vector<int> table;
  if (!as_given || !host.paged()) return table;
  for (Index b = 0; b < host.batch; ++b) {
    const std::int32_t* row = host.block_table + b * host.block_table_stride;
    table.insert(table.end(), row, row + pages_a_sequence(host));
  }
  return table;
}

std::vector<float> factors_of(const Tensor& host, bool as_given) {
  std::vector<float> factors;
  const auto& s = host.scale;
  if (!as_given || !is_narrow(host) || !s) return factors;
  const auto step = [](Index extent, Index stride) { return extent == 1 ? Index{0} : stride; };
  for (Index b = 0; b < s.batch; ++b) {
    for (Index h = 0; h < s.heads; ++h) {
      for (Index r = 0; r < s.rows; ++r) {
        factors.push_back(s.data[b * step(s.batch, s.batch_stride) + h * step(s.heads, s.head_stride) +
                                 r * step(s.rows, s.row_stride)]);
      }
    }
  }
  return factors;
}

}  // namespace

void require_one_cache(const Tensor& k, const Tensor& v) {
  if (k.dtype != v.dtype && (is_narrow(k) || is_narrow(v)))
    throw InvalidArgument("v", std::string(name(v.dtype)), "the type of k, " + std::string(name(k.dtype)));
  if (k.block_table != v.block_table || k.block_table_stride != v.block_table_stride ||
      k.page_size != v.page_size)
    throw InvalidArgument("v", "pages of its own", "the block table of k");
  for (const Tensor* t : {&k, &v}) {
    if (t->scale && !is_narrow(*t))
      throw InvalidArgument("scale", "values", "none in a cache of 16 or 32 bits");
    if (t->scale.cols != 1) throw InvalidArgument("scale", "values for every column", "one for a row");
  }
}

DeviceCache::DeviceCache(Backend backend, DType type, const Tensor& host, bool as_given)
    : type_(as_given && is_narrow(host) ? host.dtype : type),
      numbers_(backend, type_, stored(host, as_given)),
      block_table_(backend, table_of(host, as_given)),
      pages_a_sequence_(as_given && host.paged() ? cuda::pages_a_sequence(host) : 0),
      shape_(host),
      factors_(backend, factors_of(host, as_given)) {
  numbers_.copy_from(stored(host, as_given));
}

CacheScales DeviceCache::scales() const {
  if (factors_.data() == nullptr) return {};
  const auto& s = shape_.scale;
  return {factors_.data(), s.batch == 1 ? 0 : s.heads * s.rows, s.heads == 1 ? 0 : s.rows,
          s.rows == 1 ? 0 : 1, static_cast<int>(shape_.scale_rows)};
}

}  // namespace attnlab::cuda
