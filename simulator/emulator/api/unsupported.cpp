// The functions that exist so that programs which name them build, and answer 'not supported' when called.
#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"

namespace attnlab::emulator::api {
namespace {

cudaError_t no(const char* function, const char* what, const void* caller) {
  return refuse(cudaErrorNotSupported, function, caller, "%s", what);
}

}  // namespace

#define ATTNLAB_NO(function, what) return no(function, what, __builtin_return_address(0))

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  ATTNLAB_NO("cudaStreamBeginCapture", "graphs");
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*) { ATTNLAB_NO("cudaStreamEndCapture", "graphs"); }
cudaError_t cudaGraphCreate(cudaGraph_t*, unsigned) { ATTNLAB_NO("cudaGraphCreate", "graphs"); }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, unsigned long long) {
  ATTNLAB_NO("cudaGraphInstantiate", "graphs");
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, cudaGraphNode_t*, char*, std::size_t) {
  ATTNLAB_NO("cudaGraphInstantiate", "graphs");
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t) { ATTNLAB_NO("cudaGraphLaunch", "graphs"); }
cudaError_t cudaGraphDestroy(cudaGraph_t) { ATTNLAB_NO("cudaGraphDestroy", "graphs"); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t) { ATTNLAB_NO("cudaGraphExecDestroy", "graphs"); }
cudaError_t cudaIpcGetMemHandle(cudaIpcMemHandle_t*, void*) {
  ATTNLAB_NO("cudaIpcGetMemHandle", "processes");
}
cudaError_t cudaIpcOpenMemHandle(void**, cudaIpcMemHandle_t, unsigned) {
  ATTNLAB_NO("cudaIpcOpenMemHandle", "processes");
}
cudaError_t cudaIpcCloseMemHandle(void*) { ATTNLAB_NO("cudaIpcCloseMemHandle", "processes"); }

#undef ATTNLAB_NO

cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  if (status == nullptr) {
    return refuse(cudaErrorInvalidValue, "cudaStreamIsCapturing", __builtin_return_address(0),
                  "the result's place is null");
  }
  *status = cudaStreamCaptureStatusNone;
  return done();
}

}  // namespace attnlab::emulator::api
