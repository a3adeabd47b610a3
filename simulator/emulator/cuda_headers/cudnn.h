// cuDNN: answers CUDNN_STATUS_NOT_SUPPORTED.
#pragma once

#include "not_supported.h"

struct cudnnContext;
struct cudnnTensorStruct;

namespace attnlab::emulator::builtins {

using cudnnHandle_t = ::cudnnContext*;
using cudnnTensorDescriptor_t = ::cudnnTensorStruct*;

enum cudnnStatus_t {
  CUDNN_STATUS_SUCCESS = 0,
  CUDNN_STATUS_NOT_INITIALIZED = 1001,
  CUDNN_STATUS_BAD_PARAM = 2000,
  CUDNN_STATUS_NOT_SUPPORTED = 3000,
  CUDNN_STATUS_INTERNAL_ERROR = 4000,
  CUDNN_STATUS_EXECUTION_FAILED = 5000,
};
enum cudnnDataType_t {
  CUDNN_DATA_FLOAT = 0,
  CUDNN_DATA_DOUBLE = 1,
  CUDNN_DATA_HALF = 2,
  CUDNN_DATA_INT8 = 3,
  CUDNN_DATA_INT32 = 4,
  CUDNN_DATA_BFLOAT16 = 9,
};
enum cudnnTensorFormat_t { CUDNN_TENSOR_NCHW = 0, CUDNN_TENSOR_NHWC = 1, CUDNN_TENSOR_NCHW_VECT_C = 2 };
enum cudnnSoftmaxAlgorithm_t { CUDNN_SOFTMAX_FAST = 0, CUDNN_SOFTMAX_ACCURATE = 1, CUDNN_SOFTMAX_LOG = 2 };
enum cudnnSoftmaxMode_t { CUDNN_SOFTMAX_MODE_INSTANCE = 0, CUDNN_SOFTMAX_MODE_CHANNEL = 1 };

inline const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS ? "CUDNN_STATUS_SUCCESS" : "cuDNN is not supported by the emulator";
}
inline std::size_t cudnnGetVersion() { return 0; }

#define ATTNLAB_CUDNN(name) ATTNLAB_NOT_SUPPORTED(name, cudnnStatus_t, CUDNN_STATUS_NOT_SUPPORTED)
ATTNLAB_CUDNN(cudnnCreate)
ATTNLAB_CUDNN(cudnnDestroy)
ATTNLAB_CUDNN(cudnnSetStream)
ATTNLAB_CUDNN(cudnnCreateTensorDescriptor)
ATTNLAB_CUDNN(cudnnDestroyTensorDescriptor)
ATTNLAB_CUDNN(cudnnSetTensor4dDescriptor)
ATTNLAB_CUDNN(cudnnSetTensorNdDescriptor)
ATTNLAB_CUDNN(cudnnSoftmaxForward)
ATTNLAB_CUDNN(cudnnSoftmaxBackward)
ATTNLAB_CUDNN(cudnnBackendCreateDescriptor)
ATTNLAB_CUDNN(cudnnBackendDestroyDescriptor)
ATTNLAB_CUDNN(cudnnBackendSetAttribute)
ATTNLAB_CUDNN(cudnnBackendFinalize)
ATTNLAB_CUDNN(cudnnBackendExecute)
#undef ATTNLAB_CUDNN

}  // namespace attnlab::emulator::builtins
