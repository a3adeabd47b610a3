// Gradients of attention by the backward kernels of this folder: the host's entry point, as attention.h is
// the forward pass'. The same limits hold.
#pragma once

#include <memory>
#include <string_view>

#include "cuda/host/attention.h"
#include "cuda/host/backward_params.h"

namespace attnlab::cuda {

struct BackwardTensors {
  Tensor q, k, v, o, lse, dout;
  OutputTensor dq, dk, dv;
};

// dQ, dK and dV from what a forward pass (of any kernel, or of the reference) returned. Inputs, O and dO are
// rounded to `type`, lse to fp32; the gradients hold numbers of `type`. kernel: a name of the registry's
// backward rungs, or "" for the fittest. Throws InvalidArgument on anything that does not fit, before
// anything is allocated or written, and CudaError where a call of the device fails.
void backward(Backend backend, std::string_view kernel, const attention::Problem& problem, DType type,
              const BackwardTensors& tensors);

// The same in steps, behind a forward pass that lies on the device already.
class DeviceBackward {
 public:
  // Allocates dO and the gradients and copies dO. forward must have lse, hold its results by the time of the
  // first launch, and outlive this object. dq, dk and dv give shapes.
  DeviceBackward(Backend backend, const DeviceProblem& forward, const BackwardTensors& tensors);

  // Launches, and waits for the end. Leaves the gradients on the device.
  void backward(const Kernel& kernel);
  // Sets the gradients and the workspace to NaN; the next backward reuses the workspace when it is large
  // enough.
  void poison();
  void copy_out(const BackwardTensors& tensors) const;

  // What the kernels are launched with: device pointers that live as long as this object.
  const BackwardParams& params() const { return params_; }

 private:
  Backend backend_;
  BackwardParams params_;
  DeviceTensor dout_, dq_, dk_, dv_;
  std::unique_ptr<DeviceMemory> workspace_;
};

// Launches on device pointers; the caller has filled everything, the workspace too. Asynchronous. Throws
// InvalidArgument when params makes no sense or the kernel is no backward rung.
void launch_backward(Backend backend, const Kernel& kernel, const BackwardParams& params,
                     void* stream = nullptr);

// Throws InvalidArgument unless the tensors fit the problem.
void require_shapes(const attention::Problem& problem, const BackwardTensors& tensors);

}  // namespace attnlab::cuda
