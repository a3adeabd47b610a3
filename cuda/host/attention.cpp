#include "cuda/host/attention.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cuda/host/checks.h"
#include "cuda/host/split.h"
#include "reference/core/philox.h"

namespace attnlab::cuda {
namespace {

using attention::Problem;

void require_absent(const char* argument, bool present) {
  if (present) throw InvalidArgument(argument, "values", "none: the kernels do not support it");
}

std::vector<int> ints(const std::vector<Index>& values) { return {values.begin(), values.end()}; }
std::vector<float> floats_of(const std::vector<double>& values) { return {values.begin(), values.end()}; }

AttentionParams checked_params(const Problem& problem, DType type, const ForwardTensors& t) {
  const AttentionParams p = params_of(problem, type);
  require_shapes(problem, t);
  return p;
}

}  // namespace

DropoutParams dropout_params(const attention::Dropout& dropout) {
  DropoutParams p;
  if (dropout.p == 0) return p;
  p.on = true;
  p.scale = static_cast<float>(1.0 / (1.0 - dropout.p));
  p.threshold = static_cast<std::uint64_t>((1.0 - dropout.p) * 4294967296.0);
  const auto key = philox_key(dropout.seed);
  p.key[0] = key[0], p.key[1] = key[1];
  p.offset = dropout.offset;
  return p;
}

AttentionParams params_of(const Problem& problem, DType type) {
  validate(problem);
  require_absent("bias", static_cast<bool>(problem.bias));
  require_absent("mask", static_cast<bool>(problem.mask));
  require_absent("sinks", !problem.sinks.empty());
  require_at_most("batch * num_heads", problem.batch * problem.num_heads, kMaxGrid);
  require_at_most("seqlen_q + seqlen_kv", problem.seqlen_q + problem.seqlen_kv, kUnbounded);
  require_at_most("rows of q", problem.tensor_rows_q(), kUnbounded);
  require_at_most("rows of k", problem.tensor_rows_kv(), kUnbounded);

  const auto side = [](const std::optional<Index>& bound) {
    return bound ? static_cast<int>(std::min<Index>(*bound, kUnbounded)) : kUnbounded;
  };
  AttentionParams p;
  p.type = type;
  p.batch = static_cast<int>(problem.batch);
  p.heads_q = static_cast<int>(problem.num_heads);
  p.heads_kv = static_cast<int>(problem.num_kv_heads);
  p.seqlen_q = static_cast<int>(problem.seqlen_q);
  p.seqlen_kv = static_cast<int>(problem.seqlen_kv);
  p.rows_q = static_cast<int>(problem.tensor_rows_q());
  p.rows_kv = static_cast<int>(problem.tensor_rows_kv());
  p.head_dim = static_cast<int>(problem.head_dim);
  p.head_dim_v = static_cast<int>(problem.head_dim_v);
  p.window_left = side(problem.window.left);
  p.window_right = problem.causal ? 0 : side(problem.window.right);
  p.scale = static_cast<float>(problem.scale());
  p.softcap = static_cast<float>(problem.softcap);
  const bool slopes_a_batch = static_cast<Index>(problem.alibi_slopes.size()) > problem.num_heads;
  p.alibi_batch_stride = slopes_a_batch ? p.heads_q : 0;
  p.dropout = dropout_params(problem.dropout);
  return p;
}

void require_shapes(const Problem& p, const ForwardTensors& t) {
  const Index batches = p.tensor_batches(), rows_q = p.tensor_rows_q();
  // Of a packed problem with pages, Q alone is packed.
  const Index kv_batches = t.k.paged() ? p.batch : batches,
              rows_kv = t.k.paged() ? p.seqlen_kv : p.tensor_rows_kv();
  require_shape("q", t.q, {batches, p.num_heads, rows_q, p.head_dim});
  require_shape("k", t.k, {kv_batches, p.num_kv_heads, rows_kv, p.head_dim});
  require_shape("v", t.v, {kv_batches, p.num_kv_heads, rows_kv, p.head_dim_v});
  require_shape("o", t.o, {batches, p.num_heads, rows_q, p.head_dim_v});
  if (t.lse.data != nullptr) require_shape("lse", t.lse, {batches, p.num_heads, rows_q, 1});
}

void require_launchable(Backend backend, const Kernel& kernel, const AttentionParams& p) {
  require(kernel, need_of(p), device_limits(backend));
  if (p.heads_kv < 1 || p.heads_q % p.heads_kv != 0) {
    throw InvalidArgument("heads_kv", std::to_string(p.heads_kv),
                          "a divisor of " + std::to_string(p.heads_q));
  }
  require_at_most("batch * heads_q", Index{p.batch} * p.heads_q, kMaxGrid);
  require_at_most("splits", p.splits, kMostSplits);
}

namespace {

void launch_attention(Backend backend, const Kernel& kernel, Pass pass, const AttentionParams& p,
                      void* stream) {
  require_launchable(backend, kernel, p);
  if (p.seqlen_q == 0) return;  // no row, no block
  require_pointer("q", p.q.data), require_pointer("k", p.k.data), require_pointer("v", p.v.data);
  require_pointer("o", p.o.data);
  if (kernel.workspace_bytes != nullptr) require_pointer("workspace", p.workspace);
  launch(backend, kernel, pass, p, stream);
}

}  // namespace

void launch_forward(Backend backend, const Kernel& kernel, const AttentionParams& p, void* stream) {
  launch_attention(backend, kernel, Pass::forward, p, stream);
}

void launch_decode(Backend backend, const Kernel& kernel, const AttentionParams& p, void* stream) {
  launch_attention(backend, kernel, Pass::decode, p, stream);
}

void launch_softmax(Backend backend, const Kernel& kernel, const SoftmaxParams& p, void* stream) {
  if (p.rows == 0 || p.cols == 0) return;
  launch(backend, kernel, Pass::softmax, p, stream);
}

DeviceProblem::DeviceProblem(Backend backend, const Problem& problem, DType type, const ForwardTensors& t,
                             Cache cache)
    : backend_(backend),
      params_(checked_params(problem, type, t)),
      q_(backend, type, t.q),
      o_(backend, type, t.o.read()),
      lse_(backend, DType::f32, t.lse.read()),
      k_(backend, type, t.k, cache == Cache::as_given),
      v_(backend, type, t.v, cache == Cache::as_given),
      cu_seqlens_q_(backend, ints(problem.cu_seqlens_q)),
      cu_seqlens_kv_(backend, ints(problem.cu_seqlens_kv)),
      lens_q_(backend, ints(problem.q_lens)),
      lens_kv_(backend, ints(problem.kv_lens)),
      alibi_slopes_(backend, floats_of(problem.alibi_slopes)) {
  if (cache == Cache::plain && t.k.paged() && params_.batch != t.q.batch)
    throw InvalidArgument("block_table", "values", "none in a packed problem");
  q_.copy_from(t.q);
  params_.q = q_.strided<const void>();
  params_.k = k_.strided();
  params_.v = v_.strided();
  if (cache == Cache::as_given) {
    require_one_cache(t.k, t.v);
    params_.kv_type = k_.type();
    params_.k_scale = k_.scales(), params_.v_scale = v_.scales();
    params_.block_table = k_.block_table();
    params_.block_table_stride = k_.pages_a_sequence();
    params_.page_size = static_cast<int>(t.k.page_size);
    // MLA's cache: V is the first columns of K.
    if (t.v.data == t.k.data && t.v.dim < t.k.dim) params_.v = params_.k;
    params_.multiprocessors = device_limits(backend).multiprocessors;
  }
  params_.o = o_.strided<void>();
  if (t.lse.data != nullptr) params_.lse = lse_.strided<float>();
  params_.cu_seqlens_q = cu_seqlens_q_.data();
  params_.cu_seqlens_kv = cu_seqlens_kv_.data();
  params_.lens_q = lens_q_.data();
  params_.lens_kv = lens_kv_.data();
  params_.alibi_slopes = alibi_slopes_.data();
}

void DeviceProblem::ensure_workspace(std::size_t bytes) {
  if (workspace_ == nullptr || workspace_->bytes() < bytes) {
    workspace_.reset();  // the old one first: there may be no room for both
    workspace_ = std::make_unique<DeviceMemory>(backend_, bytes);
    workspace_->poison();
  }
  params_.workspace = static_cast<float*>(workspace_->data());
}

void DeviceProblem::forward(const Kernel& kernel) {
  if (kernel.workspace_bytes != nullptr) ensure_workspace(kernel.workspace_bytes(params_));
  launch_attention(backend_, kernel, kernel.pass == Pass::decode ? Pass::decode : Pass::forward, params_,
                   nullptr);
  functions(backend_).synchronize();
}

void DeviceProblem::copy_in_results(const Tensor& o, const Tensor& lse) {
  o_.copy_from(o), lse_.copy_from(lse);
}

void DeviceProblem::poison() {
  o_.poison(), lse_.poison();
  if (workspace_ != nullptr) workspace_->poison();
}

void DeviceProblem::copy_out(const ForwardTensors& t) const {
  o_.copy_to(t.o);
  if (t.lse.data != nullptr) lse_.copy_to(t.lse);
}

void forward(Backend backend, std::string_view kernel, const Problem& problem, DType type,
             const ForwardTensors& tensors) {
  params_of(problem, type);  // refuses what no kernel is given
  const Kernel& chosen = chosen_kernel(backend, kernel, Pass::forward, need_of(problem, type));
  DeviceProblem on_device(backend, problem, type, tensors);
  on_device.forward(chosen);
  on_device.copy_out(tensors);
}

void decode(Backend backend, std::string_view kernel, const Problem& problem, DType type,
            const ForwardTensors& tensors) {
  params_of(problem, type);  // refuses what no kernel is given
  Need need = need_of(problem, type);
  if (tensors.k.paged()) need.options = need.options | Option::paged;
  if (bits(tensors.k.dtype) == 8) need.options = need.options | Option::narrow_cache;
  const Kernel& chosen = chosen_kernel(backend, kernel, Pass::decode, need);
  DeviceProblem on_device(backend, problem, type, tensors, Cache::as_given);
  on_device.forward(chosen);
  on_device.copy_out(tensors);
}

void softmax(Backend backend, std::string_view kernel, DType type, MatrixView<const float> x,
             MatrixView<float> y) {
  require_shape("y", y, x.rows, x.cols, "[rows, columns]");
  require_at_most("rows", x.rows, kUnbounded), require_at_most("cols", x.cols, kUnbounded);
  const Kernel& chosen = chosen_kernel(backend, kernel, Pass::softmax, {.dtype = type});
  const auto tensor = []<class T>(MatrixView<T> matrix) {
    return TensorView<T>{matrix.data, 1, 1, matrix.rows, matrix.cols, 0, 0, matrix.row_stride};
  };
  DeviceTensor in(backend, type, tensor(x)), out(backend, type, tensor(y));
  in.copy_from(tensor(x));
  SoftmaxParams p{type,
                  in.strided<void>().data,
                  out.strided<void>().data,
                  static_cast<int>(x.rows),
                  static_cast<int>(x.cols),
                  in.strided<void>().row_stride,
                  out.strided<void>().row_stride};
  launch_softmax(backend, chosen, p);
  functions(backend).synchronize();
  out.copy_to(tensor(y));
}

}  // namespace attnlab::cuda
