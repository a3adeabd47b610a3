// The tile kernel on whole tensors: heads over threads, outputs rounded to their types.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "oracle/mistakes/mutation.h"
#include "reference/core/blocks.h"
#include "reference/core/philox.h"
#include "reference/core/threads.h"

namespace attnlab::oracle {
namespace {

using namespace mistaken;  // the parts of a tile kernel

template <class Row>
void write_row(const OutputTensor& to, Index b, Index h, Index row, const Row& values) {
  if (!to) return;
  const RowMajor<double> numbers = values.template cast<double>();
  write(to, b, h, row, {numbers.data(), 1, to.dim, to.dim});
}
// Rows [used, seqlen) of one head.
void fill_padding(const attention::Problem& p, const OutputTensor& to, Index b, Index h, Index used,
                  double value) {
  if (!to || p.packed()) return;
  const RowMajor<double> rows =
      RowMajor<double>::Constant(std::max<Index>(to.seqlen - used, 0), to.dim, value);
  write(to, b, h, used, {rows.data(), rows.rows(), to.dim, to.dim});
}

// The tile that a mistake loses: a row block and one of the tiles that it visits, of one head.
struct Lost {
  Index head = -1, row_block = -1, col_block = -1;
};
Lost lost_tile(const Mutation& mutation, Index br, Index bc, std::uint64_t seed) {
  const attention::Problem& p = mutation.problem();
  for (std::uint64_t attempt = 0; attempt < 64; ++attempt) {  // some heads may have no visible tile
    const Philox4x32 draw = philox(seed, attempt);
    const Index index = static_cast<Index>(draw[0]) % (p.batch * p.num_heads);
    const attention::Head head = mutation.head(index / p.num_heads, index % p.num_heads);
    if (head.seqlen_q == 0) continue;
    const Index block = static_cast<Index>(draw[1]) % ceil_div(head.seqlen_q, br);
    const Rows rows = blocks(head.seqlen_q, br).block(block);
    const Index begin = head.band_begin(rows.begin) / bc, end = ceil_div(head.band_end(rows.end() - 1), bc);
    if (begin < end) return {index, block, begin + static_cast<Index>(draw[2]) % (end - begin)};
  }
  return {};
}

template <class T>
class Run {
 public:
  Run(const TileKernelOptions& options, const Call& call)
      : options_(options),
        call_(call),
        mutation_(options.mistake, call.problem),
        in_{call.q, call.k, call.v, call.dout},
        output_(Rounding::to<T>(options.kernel_class.output)),
        lost_(lost_tile(mutation_, options.br, options.bc, options.seed)) {}

  void operator()() const {
    const attention::Problem& p = mutation_.problem();
    parallel_for(p.batch * p.num_kv_heads, options_.threads, [&](Index index) {
      const Index b = index / p.num_kv_heads, kv_head = index % p.num_kv_heads;
      if (call_.backward()) {
        backward(b, kv_head);
      } else {
        for (Index h = kv_head * p.group_size(); h < (kv_head + 1) * p.group_size(); ++h) forward(b, h);
      }
    });
  }

 private:
  typename TileHead<T>::Options tile_options(Index b, Index h) const {
    typename TileHead<T>::Options options;
    options.br = options_.br, options.bc = options_.bc, options.wrong = mutation_.wrong();
    options.arithmetic = mutation_.arithmetic(Arithmetic<T>::declared(options_.kernel_class));
    if (lost_.head == b * mutation_.problem().num_heads + h) {
      options.lost_row_block = lost_.row_block, options.lost_col_block = lost_.col_block;
    }
    return options;
  }

  void forward(Index b, Index h) const {
    const attention::Problem& p = mutation_.problem();
    const auto options = tile_options(b, h);
    const HeadInputs<T> in = mutation_.load<T>(in_, options.arithmetic, b, h);
    const TileHead<T> head(mutation_.head(b, h), in, options);
    const Index tb = p.tensor_batch(b), first = p.q_rows(b).begin;
    const Tensor o = call_.o.read();
    for (const Rows i : blocks(head.head().seqlen_q, options_.br)) {
      ForwardRows<T> rows = head.forward(all_of(i));
      if (!rows.written) continue;
      round_all(output_, rows.o);
      for (Index r = 0; r < i.size; ++r) {
        const HeadRow to = mutation_.written_at(o, {h, first + i.begin + r});
        write_row(call_.o, tb, to.head, to.row, rows.o.row(r));
        write_row(call_.lse, tb, h, first + i.begin + r, rows.lse.row(r));
      }
    }
    fill_padding(p, call_.o, tb, h, head.head().seqlen_q, 0);
    fill_padding(p, call_.lse, tb, h, head.head().seqlen_q, -std::numeric_limits<double>::infinity());
  }

  void backward(Index b, Index kv_head) const {
    const attention::Problem& p = mutation_.problem();
    const Index tb = p.tensor_batch(b), first = p.q_rows(b).begin, first_key = p.kv_rows(b).begin;
    RowMajor<T> dk, dv;
    const Index group = p.group_size();
    for (Index h = kv_head * group; h < (kv_head + 1) * group; ++h) {
      const auto options = tile_options(b, h);
      const HeadInputs<T> in = mutation_.load<T>(in_, options.arithmetic, b, h);
      const attention::Head view = mutation_.head(b, h);
      const RowMajor<T> o = load(call_.saved_o, Operand::q, p, Wrong::none, b, h).template cast<T>();
      const Column<T> lse = load(call_.saved_lse, Operand::q, p, Wrong::none, b, h).template cast<T>().col(0);
      const TileHead<T> head(view, in, options);
      auto grad = head.backward(saved_rows<T>(view, in, options, o, lse), all_of({0, view.seqlen_q}),
                                all_of({0, view.seqlen_kv}));
      round_all(output_, grad.dq);
      for (Index r = 0; r < view.seqlen_q; ++r) write_row(call_.dq, tb, h, first + r, grad.dq.row(r));
      fill_padding(p, call_.dq, tb, h, view.seqlen_q, 0);
      if (options_.kernel_class.rounds_each_head && group > 1) {
        round_part(call_.dk, grad.dk);
        round_part(call_.dv, grad.dv);
      }
      if (h == kv_head * group || mutation_.wrong() == Wrong::group_last_head) {
        dk = grad.dk, dv = grad.dv;
      } else {
        dk += grad.dk, dv += grad.dv;
      }
    }
    round_all(output_, dk);
    round_all(output_, dv);
    for (Index r = 0; r < dk.rows(); ++r) {
      write_row(call_.dk, tb, kv_head, first_key + r, dk.row(r));
      write_row(call_.dv, tb, kv_head, first_key + r, dv.row(r));
    }
    fill_padding(p, call_.dk, tb, kv_head, dk.rows(), 0);
    fill_padding(p, call_.dv, tb, kv_head, dv.rows(), 0);
  }

  // One query head's part of dk or dv, as it is stored before the group's are added.
  void round_part(const OutputTensor& to, RowMajor<T>& part) const {
    round_all(output_, part);
    round_all(Rounding::to<T>(float_format(to.dtype)), part);
  }

  const TileKernelOptions& options_;
  const Call& call_;
  Mutation mutation_;
  Inputs in_;
  std::optional<Rounding> output_;
  Lost lost_;
};

void run(const TileKernelOptions& options, const Call& call) {
  if (options.mistake != nullptr && options.mistake->step == Wrong::nothing_written) return;
  if (options.kernel_class.accumulator.mantissa_bits > std::numeric_limits<float>::digits - 1) {
    Run<double>(options, call)();
  } else {
    Run<float>(options, call)();
  }
}

// Results kept by shape: what a kernel with a cache does that forgets to look at the inputs.
class Cache {
 public:
  void operator()(const TileKernelOptions& options, const Call& call) {
    const attention::Problem& p = call.problem;
    std::string key;
    for (const Index n : {p.batch, p.num_heads, p.num_kv_heads, p.seqlen_q, p.seqlen_kv, p.head_dim,
                          p.head_dim_v, p.tensor_rows_q(), Index{call.backward()}}) {
      key += std::to_string(n) + " ";
    }
    const OutputTensor outputs[] = {call.o, call.lse, call.dq, call.dk, call.dv};
    const std::lock_guard lock(mutex_);
    const bool known = kept_.contains(key);
    std::vector<RowMajor<double>>& kept = kept_[key];
    if (!known) run(options, call);
    std::size_t next = 0;
    for (const OutputTensor& out : outputs) {
      for (Index b = 0; out && b < out.batch; ++b) {
        for (Index h = 0; h < out.heads; ++h, ++next) {
          if (known) {
            for (Index r = 0; r < out.seqlen; ++r) write_row(out, b, h, r, kept[next].row(r));
          } else {
            RowMajor<double> rows(out.seqlen, out.dim);
            read(out.read(), b, h, {0, out.seqlen}, {rows.data(), rows.rows(), rows.cols(), rows.cols()});
            kept.push_back(std::move(rows));
          }
        }
      }
    }
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<RowMajor<double>>> kept_;
};

}  // namespace

Kernel tile_kernel(const TileKernelOptions& options) {
  if (options.br < 1 || options.bc < 1) {
    throw InvalidArgument("tiles", std::to_string(options.br) + " x " + std::to_string(options.bc),
                          "positive sizes");
  }
  if (options.mistake != nullptr && options.mistake->step == Wrong::cached_result) {
    return [options, cache = std::make_shared<Cache>()](const Call& call) { (*cache)(options, call); };
  }
  return [options](const Call& call) { run(options, call); };
}

}  // namespace attnlab::oracle
