#include "answers/run_tensors.h"

#include <fmt/format.h>

#include <optional>

#include "answers/random_tensors.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

TensorFiles open_tensors(const RunSources& s) {
  constexpr Role kNeeded[] = {Role::q, Role::k, Role::v};
  for (const Role role : kNeeded) {
    if (s.random() || !s.input.empty() || !s.file(role).empty()) continue;
    throw InvalidArgument(info(role).name, "nothing", "a file, as `q`, `k` and `v` go together");
  }
  const std::optional<DType> raw_as = parse_float_type("dtype", s.dtype);
  const auto wanted = [&](Role role) {
    return role == Role::q || role == Role::k || role == Role::v || role == Role::mask ||
           role == Role::bias || role == Role::o || (role == Role::dout && s.backward);
  };
  TensorFiles tensors = open_tensors(s, wanted, raw_as, [&](Role) { return raw_as; });
  for (const Role role : kNeeded) {
    if (s.input.empty() || tensors.of(role)) continue;
    files::open(s.input)->info(info(role).name);  // FileError, which names what there is
  }
  if (s.backward && !s.random() && !tensors.of(Role::dout)) {
    throw InvalidArgument("dout", "nothing", "a file, or a tensor dout in the input");
  }
  return tensors;
}

void require_type(const TensorSource& source, DType expected, const char* why) {
  if (source.info().dtype == expected) return;
  throw InvalidArgument(source.label, std::string(name(source.info().dtype)),
                        fmt::format("{}, {}", name(expected), why));
}

RunInputs read_files(const RunSources& s, const ProblemFields& fields, const Accept& accept) {
  const TensorFiles tensors = open_tensors(s);
  const TensorSource &q = tensors.of(Role::q), &k = tensors.of(Role::k), &v = tensors.of(Role::v);
  const TensorSource &dout = tensors.of(Role::dout), &o = tensors.of(Role::o);
  require_float(q);
  const DType dtype = q.info().dtype;
  if (const auto type = parse_float_type("dtype", s.dtype)) require_type(q, *type, "which `dtype` says");
  for (const TensorSource* other : {&k, &v, &dout}) {
    if (*other) require_type(*other, dtype, "the type of q");
  }
  const Sizes sizes = sizes_of(q, k, v, order_of("layout", s.layout, fields.packed()));
  RunInputs inputs;
  inputs.form = sizes.form;
  attention::Problem& p = inputs.problem;
  set_sizes(p, sizes.q, sizes.k, sizes.v);
  apply_to_tensors(fields, p);
  const auto require = [&](const TensorSource& source, Index heads, Index rows, Index dim) {
    if (source)
      extents_in(sizes.form, source.label, source.info().shape, {sizes.q.batch, heads, rows, dim, {}});
  };
  require(q, sizes.q.heads, p.tensor_rows_q(), sizes.q.dim);
  require(k, sizes.k.heads, p.tensor_rows_kv(), sizes.k.dim);
  require(dout, sizes.q.heads, sizes.q.seqlen, sizes.v.dim);
  require(o, sizes.q.heads, sizes.q.seqlen, sizes.v.dim);
  if (o) require_float(o);
  accept(p, dtype);
  inputs.mask_and_bias = read_mask_and_bias(tensors.of(Role::mask), tensors.of(Role::bias), p);
  inputs.q = q.load(), inputs.k = k.load(), inputs.v = v.load();
  if (dout) inputs.dout = dout.load();
  if (o) inputs.o = o.load();
  inputs.unused = tensors.unused;
  return inputs;
}

RunInputs draw(const RunSources& s, const ProblemFields& fields, const Accept& accept) {
  const bool packed = fields.packed();
  const TensorFiles tensors = open_tensors(s);
  RunInputs inputs;
  inputs.form = {order_of("layout", s.layout, packed), packed ? std::size_t{3} : 4};
  attention::Problem& p = inputs.problem;
  p = problem_of(fields);
  const DType dtype = parse_float_type("dtype", s.dtype).value_or(DType::f16);
  if (tensors.of(Role::dout)) {
    throw InvalidArgument("dout", s.file(Role::dout),
                          "nothing beside random tensors, whose dout is random too");
  }
  accept(p, dtype);
  inputs.mask_and_bias = read_mask_and_bias(tensors.of(Role::mask), tensors.of(Role::bias), p);
  const auto tensor = [&](const char* name, std::uint32_t stream, Index heads, Index rows, Index dim) {
    const Extents e{p.tensor_batches(), heads, rows, dim};
    const auto numbers = random_normal(e.batch, heads, rows, dim, dtype, s.seed, stream);
    return files::Tensor::from(std::span<const float>(numbers.values), inputs.form.shape(e), dtype, name);
  };
  inputs.q = tensor("q", 0, p.num_heads, p.tensor_rows_q(), p.head_dim);
  inputs.k = tensor("k", 1, p.num_kv_heads, p.tensor_rows_kv(), p.head_dim);
  inputs.v = tensor("v", 2, p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v);
  if (s.backward) inputs.dout = tensor("dout", 3, p.num_heads, p.tensor_rows_q(), p.head_dim_v);
  return inputs;
}

}  // namespace

Extents RunInputs::o_extents() const {
  return {problem.tensor_batches(), problem.num_heads, problem.tensor_rows_q(), problem.head_dim_v};
}

RunInputs read_inputs(const RunSources& sources, const ProblemFields& fields, const Accept& accept) {
  return sources.random() ? draw(sources, fields, accept) : read_files(sources, fields, accept);
}

}  // namespace attnlab::answers
