#include <exception>
#include <string>
#include <variant>

#include "cuda/bench/decode.h"
#include "cuda/decode/01_split_kv.h"
#include "cuda/decode/02_grouped.h"
#include "cuda/decode/03_ring.h"
#include "cuda/decode/04_cascade.h"
#include "cuda/decode/05_mla.h"
#include "cuda/device/launch.cuh"

namespace attnlab::cuda {
namespace {

std::string error;

const Kernel& kernel_of(const std::string& name) {
  for (const Kernel* kernel : {&kDecode01[0], &kDecode02[0], &kDecode03[0], &kDecode04[0], &kDecode05[0]}) {
    if (kernel->name == name) return *kernel;
  }
  throw InvalidArgument("kernel", name, "a decode kernel");
}

template <class T>
Strided<T> strided(T* data, const long long (&strides)[3]) {
  return {data, strides[0], strides[1], strides[2]};
}

AttentionParams params_of(const AttnlabDecode& c) {
  AttentionParams p;
  p.type = static_cast<DType>(c.type), p.kv_type = static_cast<DType>(c.kv_type);
  p.q = strided(c.q, c.q_strides), p.k = strided(c.k, c.k_strides), p.v = strided(c.v, c.v_strides);
  p.o = strided(c.o, c.o_strides);
  p.lse = {static_cast<float*>(c.lse), static_cast<std::int64_t>(c.heads_q) * c.seqlen_q, c.seqlen_q, 1};
  p.workspace = static_cast<float*>(c.workspace);
  p.batch = c.batch, p.heads_q = c.heads_q, p.heads_kv = c.heads_kv;
  p.seqlen_q = p.rows_q = c.seqlen_q, p.seqlen_kv = p.rows_kv = c.seqlen_kv;
  p.head_dim = c.head_dim, p.head_dim_v = c.head_dim_v;
  p.lens_kv = c.lens_kv;
  if (c.causal != 0) p.window_right = 0;
  p.scale = c.scale;
  p.k_scale = {c.k_scale, c.scale_strides[0], c.scale_strides[1], c.scale_strides[2], c.scale_rows};
  p.v_scale = {c.v_scale, c.scale_strides[0], c.scale_strides[1], c.scale_strides[2], c.scale_rows};
  p.block_table = c.block_table, p.block_table_stride = c.block_table_stride, p.page_size = c.page_size;
  p.shared_kv = c.shared_kv, p.splits = c.splits, p.multiprocessors = c.multiprocessors;
  return p;
}

__global__ void __launch_bounds__(512) read_kernel(const uint4* from, long long count, uint4* never_written) {
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  uint4 all{0, 0, 0, 0};
  for (long long n = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; n < count;
       n += 8 * step) {
    uint4 x[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) x[i] = n + i * step < count ? __ldcs(from + n + i * step) : all;
#pragma unroll
    for (int i = 0; i < 8; ++i) all.x |= x[i].x, all.y |= x[i].y, all.z |= x[i].z, all.w |= x[i].w;
  }
  if ((all.x & all.y & all.z & all.w) == 0x9e3779b9u) *never_written = all;
}

template <class Body>
int guarded(const Body& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& caught) {
    error = caught.what();
    return 1;
  }
}

}  // namespace
}  // namespace attnlab::cuda

using namespace attnlab::cuda;

int attnlab_decode(const char* kernel, const AttnlabDecode* call, void* stream) {
  return guarded([&] {
    std::get<Launchers<AttentionParams>>(kernel_of(kernel).launchers).gpu(params_of(*call), stream);
  });
}

int attnlab_decode_layers(const char* kernel, const AttnlabDecode* calls, int count, void* stream) {
  for (int n = 0; n < count; ++n) {
    if (attnlab_decode(kernel, calls + n, stream) != 0) return 1;
  }
  return 0;
}

long long attnlab_decode_workspace(const char* kernel, const AttnlabDecode* call) {
  long long bytes = -1;
  guarded([&] { bytes = static_cast<long long>(kernel_of(kernel).workspace_bytes(params_of(*call))); });
  return bytes;
}

const char* attnlab_decode_error(void) { return error.c_str(); }

int attnlab_read(const void* from, long long bytes, void* never_written, void* stream) {
  return guarded([&] {
    read_kernel<<<132 * 4, 512, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const uint4*>(from), bytes / 16, static_cast<uint4*>(never_written));
    ATTNLAB_CUDA_LAUNCHED("read_kernel");
  });
}
