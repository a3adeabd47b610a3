// What must hold before the oracle reads a problem's tensors.
#include "oracle/tensor.h"

#include <string>

#include "reference/core/blocks.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::oracle {
namespace {

void require_scale(const std::string& name, const Tensor& t) {
  if (!t.scale) return;
  if (t.scale_rows < 1) {
    throw InvalidArgument(name + ".scale_rows", std::to_string(t.scale_rows), "1 or more");
  }
  const auto& s = t.scale;
  const Index blocks = ceil_div(t.seqlen, t.scale_rows);
  if ((s.batch != 1 && s.batch != t.batch) || (s.heads != 1 && s.heads != t.heads) ||
      (s.rows != 1 && s.rows != blocks) || (s.cols != 1 && s.cols != t.dim)) {
    throw InvalidArgument(name + ".scale", shape_text({s.batch, s.heads, s.rows, s.cols}),
                          "extents of 1 or " + shape_text({t.batch, t.heads, blocks, t.dim}));
  }
}

void require_tensor(const std::string& name, const Tensor& t, const Extents& expected) {
  if (!is_float(t.dtype) && t.dtype != DType::i8) {
    throw InvalidArgument(name, "type " + std::string(attnlab::name(t.dtype)),
                          "a floating-point type or int8");
  }
  require_shape(name, t, expected);
  require_scale(name, t);
}

void require_pages(const std::string& name, const attention::Problem& p, const Tensor& t) {
  if (t.page_size < 1) {
    throw InvalidArgument(name + ".page_size", std::to_string(t.page_size), "1 or more");
  }
  for (Index b = 0; b < p.batch; ++b) {
    const Index pages = ceil_div(p.kv_rows(b).size, t.page_size);
    if (pages > t.block_table_stride && p.batch > 1) {
      throw InvalidArgument(name + ".block_table",
                            std::to_string(t.block_table_stride) + " pages of " +
                                std::to_string(t.page_size) + " rows a sequence",
                            std::to_string(pages) + " for sequence " + std::to_string(b) + "'s " +
                                std::to_string(p.kv_rows(b).size) + " rows");
    }
    for (Index page = 0; page < pages; ++page) {
      const std::int32_t id = t.block_table[b * t.block_table_stride + page];
      if (id < 0 || id >= t.num_pages) {
        throw InvalidArgument(name + ".block_table[" + std::to_string(b) + ", " + std::to_string(page) + "]",
                              std::to_string(id), "a page from 0 to " + std::to_string(t.num_pages - 1));
      }
    }
  }
}

// K and V, which may be paged: the table then has a row a sequence, packed or not.
void require_kv(const std::string& name, const attention::Problem& p, const Tensor& t, Index dim) {
  if (t.paged()) {
    require_tensor(name, t, {p.batch, p.num_kv_heads, p.seqlen_kv, dim});
    require_pages(name, p, t);
  } else {
    require_tensor(name, t, {p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), dim});
  }
}

}  // namespace

void require_fit(const attention::Problem& p, const Inputs& in, const Outputs& out) {
  validate(p);
  const Index batches = p.tensor_batches(), rows_q = p.tensor_rows_q(), rows_kv = p.tensor_rows_kv();
  require_tensor("q", in.q, {batches, p.num_heads, rows_q, p.head_dim});
  require_kv("k", p, in.k, p.head_dim);
  require_kv("v", p, in.v, p.head_dim_v);
  if (in.dout) require_tensor("dout", in.dout, {batches, p.num_heads, rows_q, p.head_dim_v});
  if (out.o) require_tensor("o", out.o, {batches, p.num_heads, rows_q, p.head_dim_v});
  if (out.lse) require_tensor("lse", out.lse, {batches, p.num_heads, rows_q, 1});
  if (out.dq) require_tensor("dq", out.dq, {batches, p.num_heads, rows_q, p.head_dim});
  if (out.dk) require_tensor("dk", out.dk, {batches, p.num_kv_heads, rows_kv, p.head_dim});
  if (out.dv) require_tensor("dv", out.dv, {batches, p.num_kv_heads, rows_kv, p.head_dim_v});
  if (out.backward() && !in.dout && batches * p.num_heads * rows_q * p.head_dim_v != 0) {
    throw InvalidArgument("dout", "no data", "the gradient of o, to compare dq, dk and dv");
  }
}

}  // namespace attnlab::oracle
