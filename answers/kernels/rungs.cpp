#include "answers/kernels/rungs.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cuda/host/backward.h"
#include "cuda/host/registry.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

using oracle::Call;
using oracle::OutputTensor;

// A contiguous copy in float. Lives as long as its view is used.
struct Floats {
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
  std::vector<float> values;

  template <class T>
  explicit Floats(const T& t) : batch(t.batch), heads(t.heads), seqlen(t.seqlen), dim(t.dim) {
    values.resize(static_cast<std::size_t>(batch * heads * seqlen * dim) + 1);  // a pointer of nothing, too
  }
  static Floats of(const oracle::Tensor& t) {
    Floats copy(t);
    std::vector<double> row(static_cast<std::size_t>(t.dim));
    float* to = copy.values.data();
    for (Index b = 0; b < t.batch; ++b) {
      for (Index h = 0; h < t.heads; ++h) {
        for (Index i = 0; i < t.seqlen; ++i, to += t.dim) {
          read(t, b, h, {i, 1}, {row.data(), 1, t.dim, t.dim});
          std::transform(row.begin(), row.end(), to, [](double x) { return static_cast<float>(x); });
        }
      }
    }
    return copy;
  }
  void store(const OutputTensor& t) const {
    const std::size_t size = static_cast<std::size_t>(bits(t.dtype)) / 8;
    const float* from = values.data();
    for (Index b = 0; b < t.batch; ++b) {
      for (Index h = 0; h < t.heads; ++h) {
        for (Index i = 0; i < t.seqlen; ++i) {
          for (Index c = 0; c < t.dim; ++c) {
            const std::uint64_t pattern = encode(t.dtype, static_cast<double>(*from++));
            const Index element = b * t.batch_stride + h * t.head_stride + i * t.row_stride + c;
            std::memcpy(static_cast<std::byte*>(t.data) + static_cast<std::size_t>(element) * size, &pattern,
                        size);
          }
        }
      }
    }
  }
  TensorView<const float> view() const { return bhsd(values.data(), batch, heads, seqlen, dim); }
  TensorView<float> view() { return bhsd(values.data(), batch, heads, seqlen, dim); }
};

void forward(cuda::Backend backend, const std::string& kernel, const Call& call) {
  const Floats q = Floats::of(call.q), k = Floats::of(call.k), v = Floats::of(call.v);
  Floats o(call.o), lse(call.lse);
  attention::ForwardTensors<float> tensors{q.view(), k.view(), v.view(), o.view(), {}};
  if (call.lse) tensors.lse = lse.view();
  cuda::forward(backend, kernel, call.problem, call.q.dtype, tensors);
  o.store(call.o);
  if (call.lse) lse.store(call.lse);
}

void backward(cuda::Backend backend, const std::string& kernel, const Call& call) {
  const Floats q = Floats::of(call.q), k = Floats::of(call.k), v = Floats::of(call.v),
               o = Floats::of(call.saved_o), lse = Floats::of(call.saved_lse), dout = Floats::of(call.dout);
  Floats dq(call.dq), dk(call.dk), dv(call.dv);
  cuda::backward(
      backend, kernel, call.problem, call.q.dtype,
      {q.view(), k.view(), v.view(), o.view(), lse.view(), dout.view(), dq.view(), dk.view(), dv.view()});
  dq.store(call.dq), dk.store(call.dk), dv.store(call.dv);
}

}  // namespace

oracle::Kernel rung_kernel(cuda::Backend backend, const std::string& name) {
  const cuda::Kernel& rung = cuda::find_kernel(name);
  if (rung.pass == cuda::Pass::softmax) {
    throw InvalidArgument("kernel", name, "a kernel of attention: flash2-04, say");
  }
  return [backend, name, pass = rung.pass, dtypes = rung.needs.dtypes](const Call& call) {
    if (call.backward() != (pass == cuda::Pass::backward)) {
      throw oracle::Unsupported(call.backward() ? "the backward pass" : "the forward pass");
    }
    if (call.k.paged()) throw oracle::Unsupported("paged caches");
    if (std::ranges::find(dtypes, call.q.dtype) == dtypes.end()) {
      throw oracle::Unsupported("tensors of " + std::string(attnlab::name(call.q.dtype)));
    }
    try {
      call.backward() ? backward(backend, name, call) : forward(backend, name, call);
    } catch (const InvalidArgument& refused) {
      throw oracle::Unsupported(refused.what());
    }
  };
}

oracle::Schema rung_schema(cuda::Backend backend, const std::string& name) {
  using cuda::Option;
  const cuda::Kernel& rung = cuda::find_kernel(name);
  oracle::Schema schema;
  schema.dtypes.assign(rung.needs.dtypes.begin(), rung.needs.dtypes.end());
  std::ranges::stable_sort(schema.dtypes, {}, bits);  // the narrow ones first
  schema.window = rung.needs.options.has(Option::window);
  schema.softcap = rung.needs.options.has(Option::softcap);
  schema.alibi = rung.needs.options.has(Option::alibi);
  schema.dropout = rung.needs.options.has(Option::dropout);
  schema.padding = rung.needs.options.has(Option::padded);
  schema.packed = rung.needs.options.has(Option::packed);
  schema.backward = rung.pass == cuda::Pass::backward;
  schema.max_seqlen = backend == cuda::Backend::gpu ? 1040 : 130;
  return schema;
}

oracle::KernelClass rung_class() { return oracle::usual_class(DType::f32); }

cuda::Backend backend_of(const std::string& field, const std::string& text) {
  const std::vector<cuda::Backend> all = cuda::backends();
  std::string names;
  for (const cuda::Backend backend : all) {
    if (text == cuda::name(backend)) return backend;
    names += (names.empty() ? "" : " or ") + std::string(cuda::name(backend));
  }
  if (!text.empty() || all.empty()) throw InvalidArgument(field, text, names.empty() ? "a GPU" : names);
  return all.back();  // the GPU comes last
}

}  // namespace attnlab::answers
