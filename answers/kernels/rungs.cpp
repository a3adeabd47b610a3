#include "answers/kernels/rungs.h"

#include <algorithm>
#include <vector>

#include "cuda/host/backward.h"
#include "cuda/host/registry.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

using oracle::Call;

void run(cuda::Backend backend, const std::string& kernel, const Call& call) {
  if (call.backward()) {
    cuda::backward(
        backend, kernel, call.problem, call.q.dtype,
        {call.q, call.k, call.v, call.saved_o, call.saved_lse, call.dout, call.dq, call.dk, call.dv});
  } else if (cuda::find_kernel(kernel).pass == cuda::Pass::decode) {
    cuda::decode(backend, kernel, call.problem, call.q.dtype, {call.q, call.k, call.v, call.o, call.lse});
  } else {
    cuda::forward(backend, kernel, call.problem, call.q.dtype, {call.q, call.k, call.v, call.o, call.lse});
  }
}

}  // namespace

oracle::Kernel rung_kernel(cuda::Backend backend, const std::string& name) {
  const cuda::Kernel& rung = cuda::find_kernel(name);
  if (rung.pass == cuda::Pass::softmax) {
    throw InvalidArgument("kernel", name, "a kernel of attention: flash2-04, say");
  }
  return [backend, name, pass = rung.pass, needs = rung.needs](const Call& call) {
    if (call.backward() != (pass == cuda::Pass::backward)) {
      throw oracle::Unsupported(call.backward() ? "the backward pass" : "the forward pass");
    }
    if (call.k.paged() && !needs.options.has(cuda::Option::paged)) throw oracle::Unsupported("paged caches");
    if (std::ranges::find(needs.dtypes, call.q.dtype) == needs.dtypes.end()) {
      throw oracle::Unsupported("tensors of " + std::string(attnlab::name(call.q.dtype)));
    }
    try {
      run(backend, name, call);
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
  if (rung.needs.options.has(Option::paged)) schema.page_sizes = {1, 3, 16, 64};
  schema.backward = rung.pass == cuda::Pass::backward;
  schema.max_seqlen = backend == cuda::Backend::gpu ? 1040 : 130;
  return schema;
}

oracle::KernelClass rung_class() { return oracle::usual_class(DType::f32); }
oracle::KernelClass rung_class(const cuda::Kernel& kernel, DType dtype) {
  return kernel.tensor_cores ? oracle::usual_class(dtype) : rung_class();
}

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
