#include "c_api/convert.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "oracle/declaration.h"

namespace attnlab::c_api {
namespace {

DType dtype_of(std::int32_t dtype, const std::string& name) {
  constexpr std::array kTypes{DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2};
  if (dtype < 0 || dtype >= static_cast<std::int32_t>(kTypes.size())) {
    throw InvalidArgument(name + ".dtype", std::to_string(dtype), "one of attnlab_dtype, 0 to 5");
  }
  return kTypes[static_cast<std::size_t>(dtype)];
}

// What attnlab_tensor and attnlab_output have in common.
template <class T>
Tensor layout_of(const T& given, const void* data, const std::string& name) {
  Tensor t;
  t.data = data;
  t.dtype = dtype_of(given.dtype, name);
  t.batch = given.shape[0], t.heads = given.shape[1], t.seqlen = given.shape[2], t.dim = given.shape[3];
  t.batch_stride = given.strides[0], t.head_stride = given.strides[1], t.row_stride = given.strides[2];
  t.dim_stride = given.strides[3];
  return t;
}

Tensor tensor_of(const attnlab_tensor* given, const std::string& name) {
  if (given == nullptr) return {};
  const attnlab_tensor c = copied(given, name);
  Tensor t = layout_of(c, c.data, name);
  if (c.scale != nullptr) {
    t.scale_rows = c.scale_rows == 0 ? 1 : c.scale_rows;
    if (t.scale_rows < 1)
      throw InvalidArgument(name + ".scale_rows", std::to_string(c.scale_rows), "0 or more");
    const Index blocks = (t.seqlen + t.scale_rows - 1) / t.scale_rows;
    t.scale = {
        c.scale, t.batch, t.heads, blocks, 1, c.scale_strides[0], c.scale_strides[1], c.scale_strides[2], 0};
  }
  t.block_table = c.block_table;
  t.block_table_stride = c.block_table_stride;
  t.page_size = c.page_size;
  t.num_pages = c.num_pages;
  return t;
}

Tensor required(const attnlab_tensor* given, const std::string& name) {
  if (given == nullptr) throw InvalidArgument(name, "NULL", "a tensor");
  return tensor_of(given, name);
}

template <class T>
std::vector<T> list_of(const T* values, Index count) {
  return values == nullptr ? std::vector<T>() : std::vector<T>(values, values + count);
}

template <class T>
BroadcastView<T> broadcast_of(const T* data, const std::int64_t* strides, const attention::Problem& p) {
  if (data == nullptr) return {};
  return {data,       p.batch,    p.num_heads, p.seqlen_q, p.seqlen_kv,
          strides[0], strides[1], strides[2],  strides[3]};
}

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

ResultTensor result_of(const attnlab_output* given, const std::string& name) {
  if (given == nullptr) return {};
  const attnlab_output c = copied(given, name);
  if (c.data == nullptr) throw InvalidArgument(name + ".data", "NULL", "where to put the numbers");
  return {layout_of(c, c.data, name), c.data};
}

void write(const ResultTensor& to, const oracle::GoldenTensor& from) {
  if (to.data == nullptr) return;
  const Tensor& t = to.layout;
  const auto size = static_cast<Index>(bits(t.dtype) / 8);
  auto* base = static_cast<unsigned char*>(to.data);
  const double* value = from.values.data();
  for (Index b = 0; b < from.batch; ++b) {
    for (Index h = 0; h < from.heads; ++h) {
      for (Index r = 0; r < from.rows; ++r) {
        const Index row = b * t.batch_stride + h * t.head_stride + r * t.row_stride;
        for (Index c = 0; c < from.dim; ++c, ++value) {
          // The machine is little endian, as attnlab's files are.
          const std::uint64_t pattern = encode(t.dtype, *value);
          std::memcpy(base + (row + c * t.dim_stride) * size, &pattern, static_cast<std::size_t>(size));
        }
      }
    }
  }
}

}  // namespace

attention::Problem problem_of(const attnlab_problem* problem) {
  const attnlab_problem c = copied(problem, "problem");
  attention::Problem p;
  p.batch = c.batch;
  p.num_heads = c.num_heads;
  p.num_kv_heads = c.num_kv_heads == 0 ? c.num_heads : c.num_kv_heads;
  p.seqlen_q = c.seqlen_q;
  p.seqlen_kv = c.seqlen_kv;
  p.head_dim = c.head_dim;
  p.head_dim_v = c.head_dim_v == 0 ? c.head_dim : c.head_dim_v;
  // Lists are read by these two: they must make sense first.
  attention::Problem sizes = p;
  attention::validate(sizes);
  if (c.has_scale != 0) p.softmax_scale = c.scale;
  p.causal = c.causal != 0;
  if (c.has_window_left != 0) p.window.left = c.window_left;
  if (c.has_window_right != 0) p.window.right = c.window_right;
  p.softcap = c.softcap;
  p.alibi_slopes = list_of(c.alibi_slopes, p.num_heads);
  p.sinks = list_of(c.sinks, p.num_heads);
  p.bias = broadcast_of(c.bias, c.bias_strides, p);
  p.mask = broadcast_of(c.mask, c.mask_strides, p);
  p.q_lens = list_of(c.q_lens, p.batch);
  p.kv_lens = list_of(c.kv_lens, p.batch);
  p.cu_seqlens_q = list_of(c.cu_seqlens_q, p.batch + 1);
  p.cu_seqlens_kv = list_of(c.cu_seqlens_kv, p.batch + 1);
  p.dropout = {c.dropout_p, c.dropout_seed, c.dropout_offset};
  attention::validate(p);
  return p;
}

oracle::Inputs inputs_of(const attnlab_inputs* inputs) {
  const attnlab_inputs c = copied(inputs, "inputs");
  return {required(c.q, "q"), required(c.k, "k"), required(c.v, "v"), tensor_of(c.dout, "dout")};
}

oracle::Outputs outputs_of(const attnlab_outputs* outputs) {
  const attnlab_outputs c = copied(outputs, "outputs");
  if (c.o == nullptr && c.lse == nullptr && c.dq == nullptr && c.dk == nullptr && c.dv == nullptr) {
    throw InvalidArgument("outputs", "NULL everywhere", "something that the kernel wrote");
  }
  return {tensor_of(c.o, "o"), tensor_of(c.lse, "lse"), tensor_of(c.dq, "dq"), tensor_of(c.dk, "dk"),
          tensor_of(c.dv, "dv")};
}

oracle::KernelClass class_of(const attnlab_kernel_class* kernel_class, DType inputs) {
  if (kernel_class == nullptr) return oracle::usual_class(inputs);
  const attnlab_kernel_class c = copied(kernel_class, "kernel_class");
  oracle::Declaration d;
  d.operands = text_of(c.operands);
  d.p = text_of(c.p_dtype);
  d.accumulate = text_of(c.accumulate);
  d.scores = text_of(c.scores_dtype);
  d.output = text_of(c.rounded_to);
  d.sums = text_of(c.sums);
  d.groups = text_of(c.groups);
  if (c.p_scale != 0) d.p_scale = c.p_scale;
  if (c.ds_scale != 0) d.ds_scale = c.ds_scale;
  if (c.exp_error != 0) d.exp_error = c.exp_error;
  if (c.min_block_kv != 0) d.min_block_kv = c.min_block_kv;
  return oracle::declared_class(inputs, d, "kernel_class.");
}

oracle::CheckOptions options_of(const attnlab_check_options* options) {
  oracle::CheckOptions result;
  if (options == nullptr) return result;
  const attnlab_check_options c = copied(options, "options");
  if (c.sample_rows < 0) {
    throw InvalidArgument("options.sample_rows", std::to_string(c.sample_rows), "0 (all) or more");
  }
  if (c.threads < 0) throw InvalidArgument("options.threads", std::to_string(c.threads), "0 or more");
  result.rows.sample = c.sample_rows;
  result.rows.seed = c.sample_seed;
  result.threads = c.threads;
  result.diagnose = c.no_diagnosis == 0;
  result.rules = c.rules != 0;
  return result;
}

Results results_of(const attnlab_results* results) {
  const attnlab_results c = copied(results, "results");
  return {result_of(c.o, "o"), result_of(c.lse, "lse"), result_of(c.dq, "dq"), result_of(c.dk, "dk"),
          result_of(c.dv, "dv")};
}

void write(const Results& results, const oracle::Golden& golden) {
  write(results.o, golden.o);
  write(results.lse, golden.lse);
  write(results.dq, golden.dq);
  write(results.dk, golden.dk);
  write(results.dv, golden.dv);
}

}  // namespace attnlab::c_api
