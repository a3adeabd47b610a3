#include "cuda/host/backward.h"

#include "cuda/host/checks.h"

namespace attnlab::cuda {

using attention::Problem;

void require_shapes(const Problem& p, const BackwardTensors& t) {
  const Index batches = p.tensor_batches(), rows_q = p.tensor_rows_q(), rows_kv = p.tensor_rows_kv();
  require_shape("q", t.q, {batches, p.num_heads, rows_q, p.head_dim});
  require_shape("k", t.k, {batches, p.num_kv_heads, rows_kv, p.head_dim});
  require_shape("v", t.v, {batches, p.num_kv_heads, rows_kv, p.head_dim_v});
  require_shape("o", t.o, {batches, p.num_heads, rows_q, p.head_dim_v});
  require_shape("lse", t.lse, {batches, p.num_heads, rows_q, 1});
  require_shape("dout", t.dout, {batches, p.num_heads, rows_q, p.head_dim_v});
  require_shape("dq", t.dq, {batches, p.num_heads, rows_q, p.head_dim});
  require_shape("dk", t.dk, {batches, p.num_kv_heads, rows_kv, p.head_dim});
  require_shape("dv", t.dv, {batches, p.num_kv_heads, rows_kv, p.head_dim_v});
}

void launch_backward(Backend backend, const Kernel& kernel, const BackwardParams& p, void* stream) {
  const AttentionParams& f = p.forward;
  require_launchable(backend, kernel, f);
  if (f.rows_q > 0) {
    require_pointer("q", f.q.data), require_pointer("o", f.o.data), require_pointer("lse", f.lse.data);
    require_pointer("dout", p.dout.data), require_pointer("dq", p.dq.data);
    require_pointer("workspace", f.workspace);
  }
  if (f.rows_kv > 0) {
    require_pointer("k", f.k.data), require_pointer("v", f.v.data);
    require_pointer("dk", p.dk.data), require_pointer("dv", p.dv.data);
  }
  launch(backend, kernel, Pass::backward, p, stream);
}

DeviceBackward::DeviceBackward(Backend backend, const DeviceProblem& forward, const BackwardTensors& t)
    : backend_(backend),
      params_{forward.params(), {}, {}, {}, {}},
      dout_(backend, params_.forward.type, t.dout),
      dq_(backend, params_.forward.type, t.dq.read()),
      dk_(backend, params_.forward.type, t.dk.read()),
      dv_(backend, params_.forward.type, t.dv.read()) {
  dout_.copy_from(t.dout);
  params_.dout = dout_.strided<const void>();
  params_.dq = dq_.strided<void>();
  params_.dk = dk_.strided<void>();
  params_.dv = dv_.strided<void>();
}

void DeviceBackward::backward(const Kernel& kernel) {
  const std::size_t bytes = kernel.workspace_bytes(params_.forward);
  if (workspace_ == nullptr || workspace_->bytes() < bytes) {
    workspace_.reset();  // the old one first: there may be no room for both
    workspace_ = std::make_unique<DeviceMemory>(backend_, bytes);
    workspace_->poison();
  }
  params_.forward.workspace = static_cast<float*>(workspace_->data());
  launch_backward(backend_, kernel, params_);
  functions(backend_).synchronize();
}

void DeviceBackward::poison() {
  dq_.poison(), dk_.poison(), dv_.poison();
  if (workspace_ != nullptr) workspace_->poison();
}

void DeviceBackward::copy_out(const BackwardTensors& t) const {
  dq_.copy_to(t.dq), dk_.copy_to(t.dk), dv_.copy_to(t.dv);
}

void backward(Backend backend, std::string_view kernel, const Problem& problem, DType type,
              const BackwardTensors& t) {
  require_shapes(problem, t);
  params_of(problem, type);  // refuses what no kernel is given
  const Kernel& chosen = chosen_kernel(backend, kernel, Pass::backward, need_of(problem, type));
  // Of the forward pass' outputs only the shapes are wanted here.
  const auto shape_of = [](const Tensor& tensor) {
    return OutputTensor(const_cast<void*>(tensor.data), tensor);
  };
  DeviceProblem forward(backend, problem, type, {t.q, t.k, t.v, shape_of(t.o), shape_of(t.lse)});
  forward.copy_in_results(t.o, t.lse);
  DeviceBackward on_device(backend, forward, t);
  on_device.backward(chosen);
  on_device.copy_out(t);
}

}  // namespace attnlab::cuda
