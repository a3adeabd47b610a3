// Attention and softmax by the kernels of this folder, on the GPU or on the emulator: the host's entry point.
//
// A problem is reference/attention/problem.h's, with these limits: type, head_dim and options are those that
// the kernel's row names (kernel.h); no bias, mask or sinks; batch * num_heads and each
// of them at most 65535; seqlen_q + seqlen_kv at most 2^29.
#pragma once

#include <memory>
#include <string_view>

#include "cuda/host/cache.h"
#include "cuda/host/errors.h"
#include "cuda/host/memory.h"
#include "cuda/host/registry.h"
#include "reference/attention/attention.h"

namespace attnlab::cuda {

// Tensors of the host, of any type and strides. lse has dim 1, and may be empty.
struct ForwardTensors {
  Tensor q, k, v;
  OutputTensor o, lse;
};

// O and lse, computed in fp32 from inputs of `type`: the host's numbers are rounded to it, and O holds numbers
// of it. kernel: a name of the registry's forward rungs, or "" for the fittest. Throws InvalidArgument on
// anything that does not fit, before anything is allocated or written, and CudaError where a call of the
// device fails.
void forward(Backend backend, std::string_view kernel, const attention::Problem& problem, DType type,
             const ForwardTensors& tensors);

// The same by a decode kernel, with K and V as they are: in pages, of 8 bits. Both share one block table and one type.
void decode(Backend backend, std::string_view kernel, const attention::Problem& problem, DType type,
            const ForwardTensors& tensors);

// y = softmax(x) for each row, likewise.
void softmax(Backend backend, std::string_view kernel, DType type, MatrixView<const float> x,
             MatrixView<float> y);

// How K and V lie on the device: row after row in the problem's type, or as the host has them, in pages and in 8 bits
// with factors.
enum class Cache { plain, as_given };

// The same in steps, for who launches more than once or looks at the device's memory in between.
class DeviceProblem {
 public:
  // Checks, allocates and copies q, k, v and the problem's lists. o and lse give shapes; lse may have no
  // data.
  DeviceProblem(Backend backend, const attention::Problem& problem, DType type, const ForwardTensors& tensors,
                Cache cache = Cache::plain);

  // Launches a kernel of the forward pass or a decode kernel, and waits for the end. Leaves the outputs on the device.
  void forward(const Kernel& kernel);
  // For decode kernels: how many first keys all sequences have in common, and how often keys are split.
  void share(Index keys) { params_.shared_kv = static_cast<int>(keys); }
  void split(int splits) { params_.splits = splits; }
  // Sets all outputs and the workspace to NaN; the next forward reuses the workspace when it is large enough.
  void poison();
  void copy_out(const ForwardTensors& tensors) const;
  // The results of an earlier forward pass, for a backward one. They must have this problem's shapes.
  void copy_in_results(const Tensor& o, const Tensor& lse);

  // What the kernels are launched with: device pointers that live as long as this object.
  const AttentionParams& params() const { return params_; }

 private:
  void ensure_workspace(std::size_t bytes);

  Backend backend_;
  AttentionParams params_;
  DeviceTensor q_, o_, lse_;
  DeviceCache k_, v_;
  DeviceList<int> cu_seqlens_q_, cu_seqlens_kv_, lens_q_, lens_kv_;
  DeviceList<float> alibi_slopes_;
  std::unique_ptr<DeviceMemory> workspace_;
};

// Launches on device pointers; the caller has filled everything, the workspace too. Asynchronous. Throws
// InvalidArgument when params makes no sense or the kernel is no forward rung.
void launch_forward(Backend backend, const Kernel& kernel, const AttentionParams& params,
                    void* stream = nullptr);
void launch_decode(Backend backend, const Kernel& kernel, const AttentionParams& params,
                   void* stream = nullptr);
void launch_softmax(Backend backend, const Kernel& kernel, const SoftmaxParams& params,
                    void* stream = nullptr);

DropoutParams dropout_params(const attention::Dropout& dropout);
// The numbers of a problem, without pointers. Throws InvalidArgument for what the kernels do not support.
AttentionParams params_of(const attention::Problem& problem, DType type);
// Throws InvalidArgument for numbers that the kernel does not take, whatever its pass.
void require_launchable(Backend backend, const Kernel& kernel, const AttentionParams& params);
// Throws InvalidArgument unless the tensors fit the problem.
void require_shapes(const attention::Problem& problem, const ForwardTensors& tensors);

}  // namespace attnlab::cuda
