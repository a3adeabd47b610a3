#include "oracle/mistakes/zoo.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "oracle/golden.h"
#include "oracle/mistakes/mutation.h"
#include "oracle/mistakes/wrong.h"
#include "reference/core/blocks.h"
#include "reference/core/errors.h"
#include "reference/core/random.h"

namespace attnlab::oracle {
namespace {

using attention::Head;
using attention::Problem;

// Normal numbers, two per draw.
class Normal {
 public:
  Normal(std::uint64_t seed, std::uint32_t stream) : seed_(seed), stream_(stream) {}
  double operator()() {
    if (!std::isnan(other_)) return std::exchange(other_, std::numeric_limits<double>::quiet_NaN());
    const Philox4x32 words = philox(seed_, next_++, stream_);
    const NormalPair pair = normal_pair(words[0], words[1]);
    other_ = pair.second;
    return pair.first;
  }

 private:
  std::uint64_t seed_, next_ = 0;
  std::uint32_t stream_;
  double other_ = std::numeric_limits<double>::quiet_NaN();
};

DType output_type(DType inputs) { return bits(inputs) == 8 ? DType::bf16 : inputs; }

}  // namespace

struct ZooTensors::Memory {
  struct Slot {
    Tensor tensor;
    std::vector<std::byte> bytes;
    std::byte* mapped = nullptr;  // far heads
    std::size_t mapped_bytes = 0;
    std::byte* data() { return mapped != nullptr ? mapped : bytes.data(); }
    void set(Index b, Index h, Index i, Index c, double value) {
      const std::uint64_t pattern = encode(tensor.dtype, value, Overflow::saturate);
      const auto size = static_cast<Index>(bits(tensor.dtype) / 8);
      const Index at = b * tensor.batch_stride + h * tensor.head_stride + i * tensor.row_stride + c;
      std::memcpy(data() + at * size, &pattern, static_cast<std::size_t>(size));
    }
  };
  Slot q, k, v, dout, o, lse, dq, dk, dv, saved_o, saved_lse;
  std::vector<std::int32_t> pages;
  std::vector<float> scale, bias;
  std::vector<std::uint8_t> mask;

  ~Memory() {
    for (Slot* slot : {&k, &v}) {
      if (slot->mapped != nullptr) munmap(slot->mapped, slot->mapped_bytes);
    }
  }

  void make(Slot& slot, const ZooCase& c, DType dtype, Index batch, Index heads, Index rows, Index dim) {
    slot.tensor = c.heads_inside ? bshd(nullptr, dtype, batch, rows, heads, dim)
                                 : bhsd(nullptr, dtype, batch, heads, rows, dim);
    slot.bytes.resize(static_cast<std::size_t>(batch * heads * rows * dim * bits(dtype) / 8));
    slot.tensor.data = slot.bytes.data();
  }
  void make_far(Slot& slot, DType dtype, Index heads, Index rows, Index dim) {
    slot.tensor = bhsd(nullptr, dtype, 1, heads, rows, dim);
    slot.tensor.head_stride = Index{1} << 31;
    slot.mapped_bytes = static_cast<std::size_t>((heads << 31) * bits(dtype) / 8);
    void* at = mmap(nullptr, slot.mapped_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw InvalidArgument("far heads", "no addresses", "memory to reserve");
    slot.mapped = static_cast<std::byte*>(at);
    slot.tensor.data = at;
  }
  void fill(Slot& slot, Normal normal, double size, double mean = 0) {
    const Tensor& t = slot.tensor;
    const Index batches = t.paged() ? t.num_pages : t.batch, rows = t.paged() ? t.page_size : t.seqlen;
    for (Index b = 0; b < batches; ++b) {
      for (Index h = 0; h < t.heads; ++h) {
        for (Index i = 0; i < rows; ++i) {
          for (Index c = 0; c < t.dim; ++c) slot.set(b, h, i, c, mean + size * normal());
        }
      }
    }
  }
  // A cache of pages in another order than the rows.
  void page(Slot& slot, const ZooCase& c, DType dtype, Index dim) {
    const Problem& p = c.problem;
    const Index a_sequence = ceil_div(p.seqlen_kv, c.page_size), count = p.batch * a_sequence;
    pages.resize(static_cast<std::size_t>(count));
    for (Index n = 0; n < count; ++n)
      pages[static_cast<std::size_t>(n)] = static_cast<std::int32_t>((n * 7 + 3) % count);
    make(slot, c, dtype, count, p.num_kv_heads, c.page_size, dim);
    slot.tensor.batch = p.batch, slot.tensor.seqlen = p.seqlen_kv;
    slot.tensor.block_table = pages.data(), slot.tensor.block_table_stride = a_sequence;
    slot.tensor.page_size = c.page_size, slot.tensor.num_pages = count;
  }
};

namespace {

// Adds to each query the keys at the edges of what it sees.
void lean(const Problem& p, const Tensor& keys, Index b, Index h, RowMajor<double>& q) {
  const Head head = head_of(p, b, h);
  const mistaken::Operand which = mistaken::Operand::k;
  const RowMajor<double> k = mistaken::load(keys, which, p, Wrong::none, b, h);
  if (k.rows() == 0) return;
  const double size = 0.9 * std::log(static_cast<double>(k.rows())) /
                      std::sqrt(static_cast<double>(k.cols())) /
                      (head.scale * std::sqrt(static_cast<double>(k.cols())));
  const bool bounded = p.window.left.has_value();
  for (Index i = 0; i < q.rows(); ++i) {
    const Index end = i + head.offset() + (p.causal || p.window.right ? head.right : k.rows());
    const Index begin = bounded ? i + head.offset() - head.left : 0;
    for (const Index j : {end, end + 1, begin, begin - 1}) {
      if ((j == begin - 1 && !bounded) || j < 0 || j >= k.rows()) continue;
      q.row(i) += size * k.row(j);
    }
    if (!bounded) q.row(i) += 0.15 * size * k.row(0);
    if (end >= k.rows()) q.row(i) += size * k.row(k.rows() - 1);
  }
}

// Whether a mistake of precision shows: its format is coarser than what the class rounds to anyway, and the
// roundings of many thousand keys do not average out.
bool coarser(Wrong wrong, const ZooCase& which, const KernelClass& declared) {
  const DType format = wrong == Wrong::p_e4m3             ? DType::e4m3
                       : wrong == Wrong::p_e5m2           ? DType::e5m2
                       : wrong == Wrong::accumulator_bf16 ? DType::bf16
                                                          : DType::f16;
  const double finest =
      std::max(declared.p.unit_roundoff(), float_format(output_type(which.dtype)).unit_roundoff());
  return float_format(format).unit_roundoff() >= 4 * finest && which.problem.seqlen_kv <= 4096 &&
         which.data != ZooData::negative && which.data != ZooData::very_negative;
}

}  // namespace

ZooTensors::ZooTensors(const ZooCase& which)
    : case_(which),
      problem_(which.problem),
      kernel_class_(which.kernel_class.name.empty() ? usual_class(which.dtype) : which.kernel_class),
      memory_(std::make_unique<Memory>()) {
  const Problem& p = which.problem;
  Memory& m = *memory_;
  const DType out = output_type(which.dtype), wide = which.dtype == DType::f64 ? DType::f64 : DType::f32;
  const Index batches = p.tensor_batches(), rows_q = p.tensor_rows_q(), rows_kv = p.tensor_rows_kv();
  m.make(m.q, which, which.dtype, batches, p.num_heads, rows_q, p.head_dim);
  if (which.page_size > 0) {
    m.page(m.k, which, which.dtype, p.head_dim);
    m.page(m.v, which, which.dtype, p.head_dim_v);
  } else if (which.far_heads) {
    m.make_far(m.k, which.dtype, p.num_kv_heads, rows_kv, p.head_dim);
    m.make_far(m.v, which.dtype, p.num_kv_heads, rows_kv, p.head_dim_v);
  } else {
    m.make(m.k, which, which.dtype, batches, p.num_kv_heads, rows_kv, p.head_dim);
    m.make(m.v, which, which.dtype, batches, p.num_kv_heads, rows_kv, p.head_dim_v);
  }
  m.make(m.o, which, out, batches, p.num_heads, rows_q, p.head_dim_v);
  m.make(m.lse, which, wide, batches, p.num_heads, rows_q, 1);

  const double d = static_cast<double>(p.head_dim);
  const bool negative = which.data == ZooData::negative || which.data == ZooData::very_negative;
  const double target = which.data == ZooData::negative ? 200 : 6e4;
  const double mean = negative ? std::sqrt(target / (d * p.scale())) : 0;
  m.fill(m.k, {which.seed, 1}, negative ? 0.1 : 1, -mean);
  m.fill(m.v, {which.seed, 2}, 1);
  m.fill(m.q, {which.seed, 3}, negative ? 0.1 : 1, mean);
  if (bits(which.dtype) == 8) {  // one descale factor per head
    for (Index h = 0; h < p.num_kv_heads; ++h) m.scale.push_back(0.5f + 0.25f * static_cast<float>(h));
    m.v.tensor.scale = broadcast(m.scale.data(), 1, p.num_kv_heads, 1, 1);
  }
  if (which.with_bias) {
    Normal normal(which.seed, 5);
    for (Index n = 0; n < p.num_heads * p.seqlen_q * p.seqlen_kv; ++n)
      m.bias.push_back(static_cast<float>(normal()));
    problem_.bias = broadcast(m.bias.data(), 1, p.num_heads, p.seqlen_q, p.seqlen_kv);
  }
  if (which.with_mask) {
    for (Index n = 0; n < p.seqlen_q * p.seqlen_kv; ++n) {
      m.mask.push_back(philox(which.seed, static_cast<std::uint64_t>(n), 6)[0] % 4 != 0);
    }
    problem_.mask = broadcast(m.mask.data(), 1, 1, p.seqlen_q, p.seqlen_kv);
  }
  inputs_ = {m.q.tensor, m.k.tensor, m.v.tensor, {}};
  if (which.data == ZooData::edges) {
    for (Index b = 0; b < p.batch; ++b) {
      for (Index h = 0; h < p.num_heads; ++h) {
        RowMajor<double> q = mistaken::load(m.q.tensor, mistaken::Operand::q, p, Wrong::none, b, h);
        q *= 0.5;
        lean(p, m.k.tensor, b, h, q);
        for (Index i = 0; i < q.rows(); ++i) {
          for (Index c = 0; c < q.cols(); ++c)
            m.q.set(p.tensor_batch(b), h, p.q_rows(b).begin + i, c, q(i, c));
        }
      }
    }
  }
  outputs_ = {m.o.tensor, m.lse.tensor, {}, {}, {}};
  if (!which.backward) return;
  m.make(m.dout, which, which.dtype, batches, p.num_heads, rows_q, p.head_dim_v);
  m.fill(m.dout, {which.seed, 4}, 1);
  m.make(m.dq, which, out, batches, p.num_heads, rows_q, p.head_dim);
  m.make(m.dk, which, out, batches, p.num_kv_heads, rows_kv, p.head_dim);
  m.make(m.dv, which, out, batches, p.num_kv_heads, rows_kv, p.head_dim_v);
  m.make(m.saved_o, which, out, batches, p.num_heads, rows_q, p.head_dim_v);
  m.make(m.saved_lse, which, wide, batches, p.num_heads, rows_q, 1);
  const Golden exact = golden(problem_, inputs_, 1);
  const std::pair<const Tensor, Memory::Slot*> copies[] = {{exact.o.tensor(), &m.saved_o},
                                                           {exact.lse.tensor(), &m.saved_lse}};
  for (const auto& [from, to] : copies) {
    RowMajor<double> rows(from.seqlen, from.dim);
    for (Index b = 0; b < from.batch; ++b) {
      for (Index h = 0; h < from.heads; ++h) {
        read(from, b, h, {0, from.seqlen}, {rows.data(), rows.rows(), rows.cols(), rows.cols()});
        for (Index i = 0; i < rows.rows(); ++i) {
          for (Index c = 0; c < rows.cols(); ++c) to->set(b, h, i, c, rows(i, c));
        }
      }
    }
  }
  inputs_.dout = m.dout.tensor;
  outputs_ = {{}, {}, m.dq.tensor, m.dk.tensor, m.dv.tensor};
}

ZooTensors::~ZooTensors() = default;

const Outputs& ZooTensors::run(const Kernel& kernel, bool call_before) {
  Memory& m = *memory_;
  const auto output = [](Memory::Slot& slot) {
    std::fill(slot.bytes.begin(), slot.bytes.end(), std::byte{0xff});
    return OutputTensor(slot.bytes.data(), slot.tensor);
  };
  const auto call = [&] {
    if (case_.backward) {
      kernel({problem_,
              inputs_.q,
              inputs_.k,
              inputs_.v,
              inputs_.dout,
              {},
              {},
              output(m.dq),
              output(m.dk),
              output(m.dv),
              m.saved_o.tensor,
              m.saved_lse.tensor});
    } else {
      kernel({problem_, inputs_.q, inputs_.k, inputs_.v, {}, output(m.o), output(m.lse), {}, {}, {}, {}, {}});
    }
  };
  if (call_before) {
    const std::vector<std::byte> q = m.q.bytes;
    m.fill(m.q, {case_.seed + 1, 3}, 1);
    call();
    m.q.bytes = q;
    m.q.tensor.data = inputs_.q.data = m.q.bytes.data();
  }
  call();
  return outputs_;
}

std::shared_ptr<ZooTensors::Kept> ZooTensors::keep() const {
  auto kept = std::make_shared<Kept>();
  kept->outputs = outputs_;
  for (Tensor* tensor :
       {&kept->outputs.o, &kept->outputs.lse, &kept->outputs.dq, &kept->outputs.dk, &kept->outputs.dv}) {
    if (!*tensor) continue;
    const auto* from = static_cast<const std::byte*>(tensor->data);
    const Index bytes =
        tensor->batch * tensor->heads * tensor->seqlen * tensor->dim * bits(tensor->dtype) / 8;
    kept->bytes.emplace_back(from, from + bytes);
    tensor->data = kept->bytes.back().data();
  }
  return kept;
}

bool changes_anything(const Mistake& mistake, const ZooCase& which, const Problem& problem,
                      const Inputs& inputs) {
  using namespace mistaken;
  const KernelClass declared =
      which.kernel_class.name.empty() ? usual_class(which.dtype) : which.kernel_class;
  switch (mistake.step) {
    case Wrong::nothing_written:
    case Wrong::cached_result:
    case Wrong::addition_lost:
      return true;
    case Wrong::tile_unwritten:
      return problem.batch * problem.num_heads * ceil_div(problem.seqlen_q, which.br) > 1;
    case Wrong::tail_rows_unwritten:
      return problem.seqlen_q > which.br && problem.q_rows(0).size % which.br != 0;
    case Wrong::p_e4m3:
    case Wrong::p_e5m2:
    case Wrong::accumulator_bf16:
    case Wrong::accumulator_fp16:
      return coarser(mistake.step, which, declared);
    case Wrong::layout_o:
      return !which.far_heads;
    default:
      break;
  }
  const Mutation right(nullptr, problem), wrong(&mistake, problem);
  TileHead<double>::Options options;
  options.br = which.br, options.bc = which.bc;
  TileHead<double>::Options mistaken_options = options;
  mistaken_options.wrong = mistake.step;
  mistaken_options.arithmetic = wrong.arithmetic(Arithmetic<double>{});
  mistaken_options.arithmetic.p_scale = declared.p_scale;
  if (mistake.step == Wrong::m_starts_at_zero)
    mistaken_options.arithmetic.smallest_weight = declared.accumulator.min_normal();
  for (Index b = 0; b < problem.batch; ++b) {
    for (Index h = 0; h < problem.num_heads; ++h) {
      const HeadInputs<double> in = right.load<double>(inputs, {}, b, h);
      // Packed sequences taken as one are another problem altogether.
      if (wrong.problem().batch != problem.batch) return true;
      const HeadInputs<double> other = wrong.load<double>(inputs, {}, b, h);
      const TileHead<double> here(right.head(b, h), in, options),
          there(wrong.head(b, h), other, mistaken_options);
      RowMajor<double> o(here.head().seqlen_q, in.v.cols()), other_o = o;
      Column<double> lse(o.rows()), other_lse(o.rows());
      for (const Rows i : blocks(here.head().seqlen_q, options.br)) {
        const auto a = here.forward(all_of(i)), c = there.forward(all_of(i));
        o.middleRows(i.begin, i.size) = a.o, other_o.middleRows(i.begin, i.size) = c.o;
        lse.segment(i.begin, i.size) = a.lse, other_lse.segment(i.begin, i.size) = c.lse;
      }
      const auto differ = [](const auto& x, const auto& y) {
        for (Index r = 0; r < x.rows(); ++r) {
          for (Index c = 0; c < x.cols(); ++c) {
            const double a = x(r, c), e = y(r, c);
            const bool close = a == e || (std::isfinite(a) && std::fabs(a - e) <= 1e-9 * (1 + std::fabs(a)));
            if (!close && !(std::isnan(a) && std::isnan(e))) return true;
          }
        }
        return false;
      };
      if (!which.backward) {
        if (differ(o, other_o) || differ(lse, other_lse)) return true;
        continue;
      }
      if (mistake.step == Wrong::group_last_head) return true;
      const Indices rows = all_of({0, o.rows()}), keys = all_of({0, in.k.rows()});
      const auto g = here.backward(saved_rows<double>(right.head(b, h), in, options, o, lse), rows, keys);
      const auto w =
          there.backward(saved_rows<double>(wrong.head(b, h), other, mistaken_options, o, lse), rows, keys);
      if (differ(g.dq, w.dq) || differ(g.dk, w.dk) || differ(g.dv, w.dv)) return true;
    }
  }
  return false;
}

}  // namespace attnlab::oracle
