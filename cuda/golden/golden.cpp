#include "cuda/golden/golden.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "cuda/golden/golden_params.h"
#include "cuda/host/attention.h"
#include "cuda/host/checks.h"
#include "cuda/host/errors.h"
#include "cuda/host/memory.h"
#include "reference/attention/head.h"

namespace attnlab::cuda {
namespace {

using attention::Problem;
using oracle::GoldenTensor;

GoldenTensor tensor(Index batch, Index heads, Index rows, Index dim, double fill) {
  GoldenTensor t{{}, batch, heads, rows, dim};
  t.values.assign(static_cast<std::size_t>(batch * heads * rows * dim), fill);
  return t;
}

Index row_at(const GoldenTensor& t, Index b, Index h, Index row) {
  return ((b * t.heads + h) * t.rows + row) * t.dim;
}

// The rows that sequences use, in float64; padding stays 0.
GoldenTensor read_all(const Problem& p, const Tensor& from, Index heads, Index rows, Index dim,
                      bool of_queries) {
  GoldenTensor t = tensor(p.tensor_batches(), heads, rows, dim, 0);
  for (Index b = 0; b < p.batch; ++b) {
    const Rows used = of_queries ? p.q_rows(b) : p.kv_rows(b);
    for (Index h = 0; h < heads; ++h) {
      double* to = t.values.data() + row_at(t, p.tensor_batch(b), h, used.begin);
      read(from, from.paged() ? b : p.tensor_batch(b), h, used, {to, used.size, dim, dim});
    }
  }
  return t;
}

// A tensor's copy on the device, in its order.
class OnDevice {
 public:
  OnDevice(Backend backend, const GoldenTensor& host)
      : memory_(backend, host.values.size() * sizeof(double)),
        shape_{{}, host.batch, host.heads, host.rows, host.dim} {
    if (!host.values.empty()) memory_.copy_from(host.values.data());
  }
  double* row(Index b, Index h, Index row) const {
    return shape_.dim == 0 ? nullptr : static_cast<double*>(memory_.data()) + row_at(shape_, b, h, row);
  }
  void copy_to(GoldenTensor& host) const {
    if (!host.values.empty()) memory_.copy_to(host.values.data());
  }

 private:
  DeviceMemory memory_;
  GoldenTensor shape_;  // without values
};

// The elements that a broadcast tensor really holds: from its first to its last.
template <class T>
std::span<const T> extent(const BroadcastView<T>& view) {
  if (!view) return {};
  const auto last = [](Index size, Index stride) { return size > 1 ? (size - 1) * stride : 0; };
  const Index end = last(view.batch, view.batch_stride) + last(view.heads, view.head_stride) +
                    last(view.rows, view.row_stride) + last(view.cols, view.col_stride);
  return {view.data, static_cast<std::size_t>(end + 1)};
}

template <class T>
PairValues<T> on_device(const BroadcastView<T>& of_head, const T* host, const T* device) {
  if (!of_head) return {};
  return {device + (of_head.data - host), of_head.row_stride, of_head.col_stride};
}

// The parts of each group's query heads, added up in the heads' order.
GoldenTensor sum_of_groups(const GoldenTensor& parts, Index group_size) {
  GoldenTensor sum = tensor(parts.batch, parts.heads / group_size, parts.rows, parts.dim, 0);
  const Index head_size = parts.rows * parts.dim;
  for (Index head = 0; head < parts.batch * parts.heads; ++head) {
    const double* const part = parts.values.data() + head * head_size;
    double* const to = sum.values.data() + head / group_size * head_size;
    for (Index n = 0; n < head_size; ++n) to[n] += part[n];
  }
  return sum;
}

constexpr int kOutOfMemory = 2;  // cudaErrorMemoryAllocation

// Whether float64 on this CPU takes longer than starting the GPU and copying: some tenths of a second.
bool worth_a_transfer(const Problem& p) {
  const double pairs = static_cast<double>(p.seqlen_q) * static_cast<double>(p.seqlen_kv);
  return pairs * static_cast<double>(p.batch * p.num_heads * (p.head_dim + p.head_dim_v)) > 2e9;
}

void require_supported(const Problem& p) {
  require_at_most("head_dim", p.head_dim, kMaxGoldenDim);
  require_at_most("head_dim_v", p.head_dim_v, kMaxGoldenDim);
  require_at_most("batch * num_heads", p.batch * p.num_heads, kMaxGrid);
  require_at_most("seqlen_q + seqlen_kv", p.seqlen_q + p.seqlen_kv, kUnbounded);
}

GoldenParams params_of(const Problem& problem, bool backward) {
  GoldenParams p;
  p.num_heads = static_cast<int>(problem.batch * problem.num_heads);
  p.head_dim = static_cast<int>(problem.head_dim), p.head_dim_v = static_cast<int>(problem.head_dim_v);
  p.seqlen_q = static_cast<int>(problem.seqlen_q), p.seqlen_kv = static_cast<int>(problem.seqlen_kv);
  p.scale = problem.scale(), p.softcap = problem.softcap;
  p.dropout = dropout_params(problem.dropout);
  p.dropout_scale = 1 / (1 - problem.dropout.p);
  p.backward = backward;
  return p;
}

}  // namespace

oracle::Golden golden(Backend backend, const Problem& p, const oracle::Inputs& inputs) {
  validate(p);
  oracle::require_fit(p, inputs, {});
  require_supported(p);
  const bool backward = oracle::has_gradients(inputs);
  const Index batches = p.tensor_batches(), rows_q = p.tensor_rows_q(), rows_kv = p.tensor_rows_kv();

  oracle::Golden result;
  result.o = tensor(batches, p.num_heads, rows_q, p.head_dim_v, 0);
  result.lse = result.max = tensor(batches, p.num_heads, rows_q, 1, -INFINITY);
  if (backward) {
    result.dq = tensor(batches, p.num_heads, rows_q, p.head_dim, 0);
    result.dk_parts = tensor(batches, p.num_heads, rows_kv, p.head_dim, 0);
    result.dv_parts = tensor(batches, p.num_heads, rows_kv, p.head_dim_v, 0);
  }
  const OnDevice q(backend, read_all(p, inputs.q, p.num_heads, rows_q, p.head_dim, true));
  const OnDevice k(backend, read_all(p, inputs.k, p.num_kv_heads, rows_kv, p.head_dim, false));
  const OnDevice v(backend, read_all(p, inputs.v, p.num_kv_heads, rows_kv, p.head_dim_v, false));
  const OnDevice dout(
      backend, backward ? read_all(p, inputs.dout, p.num_heads, rows_q, p.head_dim_v, true) : GoldenTensor{});
  const OnDevice delta(backend, tensor(batches, p.num_heads, backward ? rows_q : 0, 1, 0));
  const OnDevice o(backend, result.o), lse(backend, result.lse), max(backend, result.max);
  const OnDevice dq(backend, result.dq), dk(backend, result.dk_parts), dv(backend, result.dv_parts);
  const DeviceList<float> bias(backend, extent(p.bias));
  const DeviceList<std::uint8_t> mask(backend, extent(p.mask));

  std::vector<GoldenHead> heads;
  for (Index b = 0; b < p.batch; ++b) {
    const Index tb = p.tensor_batch(b), qr = p.q_rows(b).begin, kr = p.kv_rows(b).begin;
    for (Index h = 0; h < p.num_heads; ++h) {
      const attention::Head head = attention::head_of(p, b, h);
      const Index g = h / p.group_size();
      heads.push_back({q.row(tb, h, qr),
                       k.row(tb, g, kr),
                       v.row(tb, g, kr),
                       dout.row(tb, h, qr),
                       o.row(tb, h, qr),
                       lse.row(tb, h, qr),
                       max.row(tb, h, qr),
                       delta.row(tb, h, qr),
                       dq.row(tb, h, qr),
                       dk.row(tb, h, kr),
                       dv.row(tb, h, kr),
                       on_device(head.bias, p.bias.data, bias.data()),
                       on_device(head.mask, p.mask.data, mask.data()),
                       static_cast<int>(head.seqlen_q),
                       static_cast<int>(head.seqlen_kv),
                       static_cast<int>(std::min<Index>(head.left, kUnbounded)),
                       static_cast<int>(std::min<Index>(head.right, kUnbounded)),
                       static_cast<int>(head.batch_head),
                       head.alibi_slope,
                       head.sink});
    }
  }
  const DeviceList<GoldenHead> heads_on_device(backend, heads);
  GoldenParams params = params_of(p, backward);
  params.heads = heads_on_device.data();
  const BackendFunctions& device = functions(backend);
  device.golden(params, nullptr);
  device.synchronize();
  o.copy_to(result.o), lse.copy_to(result.lse), max.copy_to(result.max);
  dq.copy_to(result.dq), dk.copy_to(result.dk_parts), dv.copy_to(result.dv_parts);
  if (backward) {
    result.dk = sum_of_groups(result.dk_parts, p.group_size());
    result.dv = sum_of_groups(result.dv_parts, p.group_size());
  }
  result.computed_by = backend == Backend::gpu ? device.device_name() : name(backend);
  return result;
}

oracle::GoldenSource golden_source(const std::string& name, const std::string& argument) {
  const std::vector<Backend> usable = backends();
  const auto has = [&](Backend backend) {
    return std::find(usable.begin(), usable.end(), backend) != usable.end();
  };
  if (name == "cpu" || (name == "auto" && !has(Backend::gpu))) return {};
  if (name == "auto") {
    return [](const Problem& p, const oracle::Inputs& inputs) -> std::optional<oracle::Golden> {
      if (!worth_a_transfer(p)) return std::nullopt;
      try {
        return golden(Backend::gpu, p, inputs);
      } catch (const InvalidArgument&) {  // more columns or heads than the kernels take
        return std::nullopt;
      } catch (const CudaError& error) {
        if (error.code() != kOutOfMemory) throw;
        return std::nullopt;
      }
    };
  }
  const Backend backend = name == "gpu" ? Backend::gpu : Backend::emulator;
  if (name != cuda::name(backend))
    throw InvalidArgument(argument, "'" + name + "'", "auto, cpu, gpu or emulator");
  if (!has(backend)) {
    throw InvalidArgument(argument, "'" + name + "'",
                          backend == Backend::gpu ? "a GPU, and a build with -DATTNLAB_CUDA=ON"
                                                  : "a program with the emulated kernels: attnlab check");
  }
  return
      [backend, argument](const Problem& p, const oracle::Inputs& inputs) -> std::optional<oracle::Golden> {
        try {
          return golden(backend, p, inputs);
        } catch (const CudaError& error) {
          if (error.code() != kOutOfMemory) throw;
          throw InvalidArgument(argument, cuda::name(backend), "a problem that fits its memory, or cpu");
        }
      };
}

}  // namespace attnlab::cuda
