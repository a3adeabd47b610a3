#include "oracle/kernel.h"

namespace attnlab::oracle {

Tensor OutputTensor::read() const {
  Tensor tensor;
  tensor.data = data, tensor.dtype = dtype;
  tensor.batch = batch, tensor.heads = heads, tensor.seqlen = seqlen, tensor.dim = dim;
  tensor.batch_stride = batch_stride, tensor.head_stride = head_stride, tensor.row_stride = row_stride;
  return tensor;
}

}  // namespace attnlab::oracle
