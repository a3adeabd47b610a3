// Problems for the decode kernels: a KV cache as engines have it, and the oracle's judgement of what a kernel makes of
// it.
//
// In pages, the sequences' pages lie in random order among others that nobody uses. Those hold NaN, as does what lies
// behind a sequence's end; table entries behind it are no page's.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "cuda/host/attention.h"
#include "oracle/check.h"
#include "reference/core/random.h"

namespace attnlab::testing {

enum class Scaled { none, tensor, head, page, token };

struct DecodeCase {
  std::string name;
  DType type = DType::bf16, cache = DType::bf16;
  Index page_size = 0;  // 0: contiguous
  Scaled scaled = Scaled::none;
  int splits = 0;
  bool latent = false;      // V is the first columns of K
  bool hidden_nan = false;  // the last key's value is NaN: its own token sees that, those before it do not
  Index shared = 0;         // first keys of all sequences that are one
  attention::Problem p;
};

// Raw numbers of a type.
struct Raw {
  std::vector<std::byte> bytes;
  Tensor tensor;

  Raw() = default;
  Raw(DType type, Index batch, Index heads, Index rows, Index dim)
      : bytes(static_cast<std::size_t>(batch * heads * rows * dim * bits(type) / 8), std::byte{0xff}),
        tensor(bhsd(bytes.data(), type, batch, heads, rows, dim)) {}
  OutputTensor output() { return OutputTensor(bytes.data(), tensor); }
};

class DecodeInputs {
 public:
  explicit DecodeInputs(const DecodeCase& c) : case_(c), random_(5) {
    const attention::Problem& p = c.p;
    q_ = Raw(c.type, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim);
    fill(q_, q_.tensor.batch, q_.tensor.seqlen);
    make_table();
    make_cache(k_, k_factors_, p.head_dim);
    if (!c.latent) make_cache(v_, v_factors_, p.head_dim_v);
    if (c.hidden_nan) spoil_last(c.latent ? k_ : v_);
    o_ = Raw(c.type, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v);
    lse_ = Raw(DType::f32, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1);
  }

  const Tensor& k() const { return k_.tensor; }

  void run(cuda::Backend backend, const cuda::Kernel& kernel) {
    const cuda::ForwardTensors tensors{q_.tensor, k_.tensor, v(), o_.output(), lse_.output()};
    cuda::DeviceProblem on_device(backend, case_.p, case_.type, tensors, cuda::Cache::as_given);
    on_device.split(case_.splits);
    on_device.share(case_.shared);
    on_device.poison();
    on_device.forward(kernel);
    on_device.copy_out(tensors);
  }

  oracle::Verdict judged(const cuda::Kernel& kernel) const {
    const bool narrow = bits(case_.cache) == 8;
    const DType products = narrow ? DType::f16 : case_.type;
    oracle::KernelClass declared = oracle::usual_class(kernel.tensor_cores ? products : DType::f32);
    declared.output = float_format(case_.type);
    return oracle::check(case_.p, {q_.tensor, k_.tensor, v(), {}}, {o_.tensor, lse_.tensor, {}, {}, {}},
                         declared, {.threads = 1, .diagnose = false});
  }
  const std::vector<std::byte>& o() const { return o_.bytes; }

 private:
  Tensor v() const {
    if (!case_.latent) return v_.tensor;
    Tensor v = k_.tensor;
    v.dim = case_.p.head_dim_v;
    return v;
  }
  Index length(Index b) const {
    const attention::Problem& p = case_.p;
    if (!p.cu_seqlens_kv.empty())
      return p.cu_seqlens_kv[std::size_t(b) + 1] - p.cu_seqlens_kv[std::size_t(b)];
    return p.kv_lens.empty() ? p.seqlen_kv : p.kv_lens[std::size_t(b)];
  }

  void fill(Raw& raw, Index batch, Index rows) {
    std::vector<double> row(static_cast<std::size_t>(raw.tensor.dim));
    for (Index b = 0; b < batch; ++b) {
      for (Index h = 0; h < raw.tensor.heads; ++h) {
        for (Index i = 0; i < rows; ++i) write_row(raw, b, h, i, row);
      }
    }
  }
  void write_row(Raw& raw, Index b, Index h, Index i, std::vector<double>& row) {
    const double unit = raw.tensor.dtype == DType::i8 ? 40 : 1;
    for (double& x : row) x = unit * random_.normal();
    write(raw.output(), b, h, i, {row.data(), 1, raw.tensor.dim, raw.tensor.dim});
  }

  // Of sequence 0 of a contiguous cache.
  void spoil_last(Raw& raw) {
    const std::vector<double> row(static_cast<std::size_t>(raw.tensor.dim), std::nan(""));
    for (Index h = 0; h < raw.tensor.heads; ++h)
      write(raw.output(), 0, h, length(0) - 1, {row.data(), 1, raw.tensor.dim, raw.tensor.dim});
  }

  // Pages in random order, two between any two that are used.
  void make_table() {
    if (case_.page_size == 0) return;
    pages_ = (case_.p.seqlen_kv + case_.page_size - 1) / case_.page_size;
    table_.assign(static_cast<std::size_t>(case_.p.batch * pages_), 1 << 28);
    std::vector<std::int32_t> order(table_.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[random_.word() % n]);
    for (Index b = 0; b < case_.p.batch; ++b) {
      for (Index j = 0; j < length(b); j += case_.page_size) {
        const bool shared = j + case_.page_size <= case_.shared;
        const auto at = static_cast<std::size_t>(b * pages_ + j / case_.page_size);
        const auto first = static_cast<std::size_t>(j / case_.page_size);
        table_[at] = 3 * order[shared ? first : at] + 1;
      }
    }
  }

  void make_cache(Raw& raw, std::vector<float>& factors, Index dim) {
    const attention::Problem& p = case_.p;
    const bool packed = case_.page_size == 0 && !p.cu_seqlens_kv.empty();
    if (case_.page_size != 0) {
      raw = Raw(case_.cache, 3 * p.batch * pages_, p.num_kv_heads, case_.page_size, dim);
    } else {
      raw = Raw(case_.cache, p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), dim);
    }
    std::vector<double> row(static_cast<std::size_t>(dim));
    for (Index b = 0; b < p.batch; ++b) {
      for (Index h = 0; h < p.num_kv_heads; ++h) {
        for (Index j = 0; j < length(b); ++j) {
          if (case_.page_size != 0) {
            const Index page = table_[static_cast<std::size_t>(b * pages_ + j / case_.page_size)];
            write_row(raw, page, h, j % case_.page_size, row);
          } else {
            write_row(raw, packed ? 0 : b, h, packed ? p.cu_seqlens_kv[std::size_t(b)] + j : j, row);
          }
        }
      }
    }
    if (case_.page_size != 0) {
      raw.tensor.num_pages = raw.tensor.batch;
      raw.tensor.batch = p.batch, raw.tensor.seqlen = p.seqlen_kv;
      raw.tensor.block_table = table_.data(), raw.tensor.block_table_stride = pages_;
      raw.tensor.page_size = case_.page_size;
    }
    make_factors(raw.tensor, factors);
  }

  void make_factors(Tensor& t, std::vector<float>& factors) {
    if (case_.scaled == Scaled::none) return;
    const Index heads = case_.scaled == Scaled::tensor ? 1 : t.heads;
    const Index block = case_.scaled == Scaled::token  ? 1
                        : case_.scaled == Scaled::page ? case_.page_size
                                                       : t.seqlen;
    const Index rows = (t.seqlen + block - 1) / block, batch = rows == 1 ? 1 : t.batch;
    const double unit = t.dtype == DType::i8 ? 0.02 : 0.7;
    for (Index n = 0; n < batch * heads * rows; ++n)
      factors.push_back(static_cast<float>(unit * (0.5 + 1e-3 * static_cast<double>(random_.word() % 1000))));
    t.scale = broadcast<float>(factors.data(), batch, heads, rows, 1);
    t.scale_rows = block;
  }

  const DecodeCase case_;
  Random random_;
  std::vector<std::int32_t> table_;
  Index pages_ = 0;
  Raw q_, k_, v_, o_, lse_;
  std::vector<float> k_factors_, v_factors_;
};

inline DecodeCase decode_case(const std::string& name, const std::function<void(DecodeCase&)>& change) {
  DecodeCase c;
  c.name = name;
  c.p.batch = 3, c.p.num_heads = 8, c.p.num_kv_heads = 2;
  c.p.seqlen_q = 1, c.p.seqlen_kv = 100, c.p.head_dim = c.p.head_dim_v = 64;
  c.p.kv_lens = {100, 0, 1};
  change(c);
  c.p.softmax_scale = static_cast<double>(static_cast<float>(c.p.scale()));
  return c;
}

inline cuda::Need need_of(const DecodeCase& c) {
  using cuda::Option;
  cuda::Need need = cuda::need_of(c.p, c.type);
  if (c.page_size != 0) need.options = need.options | Option::paged;
  if (bits(c.cache) == 8) need.options = need.options | Option::narrow_cache;
  if (c.shared != 0) need.options = need.options | Option::shared_prefix;
  return need;
}

}  // namespace attnlab::testing
