#include "answers/run_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "answers/random_tensors.h"
#include "answers/tensor_source.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

using Extents = Form::Extents;

struct Sources {
  TensorSource q, k, v, mask, bias, dout, o;
  std::vector<std::string> unused;
};

Sources open_sources(const RunSources& s) {
  const std::optional<DType> raw_as = parse_float_type("dtype", s.dtype);
  Sources sources;
  if (!s.input.empty()) {
    const std::shared_ptr<const files::Archive> file = files::open(s.input, raw_as);
    const auto find = [&](const char* name) {
      return TensorSource{file, name, fmt::format("{}: {}", s.input, name), raw_as};
    };
    sources.q = find("q"), sources.k = find("k"), sources.v = find("v");
    for (const TensorSource* source : {&sources.q, &sources.k, &sources.v})
      source->info();  // FileError if absent
    for (const files::TensorInfo& info : file->tensors()) {
      const std::array<std::pair<const char*, TensorSource*>, 4> optional{
          {{"mask", &sources.mask}, {"bias", &sources.bias}, {"o", &sources.o}, {"dout", &sources.dout}}};
      const auto* known = std::ranges::find_if(optional, [&](const auto& o) { return info.name == o.first; });
      if (known != optional.end() && (known->second != &sources.dout || s.backward)) {
        *known->second = find(known->first);
      } else if (info.name != "q" && info.name != "k" && info.name != "v") {
        sources.unused.push_back(info.name);
      }
    }
  } else if (!s.random()) {
    for (const auto& [field, path] : {std::pair{"q", &s.q}, {"k", &s.k}, {"v", &s.v}}) {
      if (path->empty()) throw InvalidArgument(field, "nothing", "a file, as `q`, `k` and `v` go together");
    }
    sources.q = open_single("q", s.q, raw_as);
    sources.k = open_single("k", s.k, raw_as);
    sources.v = open_single("v", s.v, raw_as);
  }
  const auto add = [&](const char* field, const std::string& path, TensorSource& source) {
    if (path.empty()) return;
    if (source) throw InvalidArgument(field, path, fmt::format("nothing beside {}", source.label));
    source = open_single(field, path, raw_as);
  };
  add("mask", s.mask, sources.mask);
  add("bias", s.bias, sources.bias);
  add("dout", s.dout, sources.dout);
  if (s.backward && !s.random() && !sources.dout) {
    throw InvalidArgument("dout", "nothing", "a file, or a tensor dout in the input");
  }
  return sources;
}

void require_type(const TensorSource& source, DType expected, const char* why) {
  if (source.info().dtype == expected) return;
  throw InvalidArgument(source.label, std::string(name(source.info().dtype)),
                        fmt::format("{}, {}", name(expected), why));
}

void apply_fields(const ProblemFields& fields, RunInputs& inputs, const Extents& q, const Extents& k,
                  const Extents& v) {
  attention::Problem& p = inputs.problem;
  p.batch = q.batch;
  p.num_heads = q.heads;
  p.num_kv_heads = k.heads;
  p.seqlen_q = q.seqlen;
  p.seqlen_kv = k.seqlen;
  p.head_dim = q.dim;
  p.head_dim_v = v.dim;
  apply_to_tensors(fields, p);
}

RunInputs read_files(const RunSources& s, const ProblemFields& fields, const Accept& accept) {
  const bool packed = fields.packed();
  const Sources sources = open_sources(s);
  RunInputs inputs;
  const files::TensorInfo q = sources.q.info(), k = sources.k.info(), v = sources.v.info();
  require_float(sources.q);
  if (const auto type = parse_float_type("dtype", s.dtype))
    require_type(sources.q, *type, "which `dtype` says");
  for (const TensorSource* other : {&sources.k, &sources.v, &sources.dout}) {
    if (*other) require_type(*other, q.dtype, "the type of q");
  }
  inputs.form = form_of(sources.q.label, q.shape, order_of("layout", s.layout, packed));
  const Form& form = inputs.form;
  const Extents qe = require_shape(form, sources.q.label, q.shape, {});
  const std::optional<Index> batch = qe.batch;
  const Extents ke = require_shape(form, sources.k.label, k.shape, {batch, {}, {}, qe.dim, qe.heads});
  const Extents ve = require_shape(form, sources.v.label, v.shape, {batch, ke.heads, ke.seqlen, {}, {}});
  apply_fields(fields, inputs, qe, ke, ve);
  attention::Problem& p = inputs.problem;
  if (packed) {
    require_shape(form, sources.q.label, q.shape, {batch, qe.heads, p.tensor_rows_q(), qe.dim, {}});
    require_shape(form, sources.k.label, k.shape, {batch, ke.heads, p.tensor_rows_kv(), ke.dim, {}});
  }
  for (const TensorSource* like_o : {&sources.dout, &sources.o}) {
    if (*like_o) {
      require_shape(form, like_o->label, like_o->info().shape, {batch, qe.heads, qe.seqlen, ve.dim, {}});
    }
  }
  if (sources.o) require_float(sources.o);
  accept(p, q.dtype);
  inputs.mask_and_bias = read_mask_and_bias(sources.mask, sources.bias, p);
  inputs.q = sources.q.load(), inputs.k = sources.k.load(), inputs.v = sources.v.load();
  if (sources.dout) inputs.dout = sources.dout.load();
  if (sources.o) inputs.o = sources.o.load();
  inputs.unused = sources.unused;
  return inputs;
}

RunInputs draw(const RunSources& s, const ProblemFields& fields, const Accept& accept) {
  const bool packed = fields.packed();
  const Sources sources = open_sources(s);
  RunInputs inputs;
  inputs.form = {order_of("layout", s.layout, packed), packed ? std::size_t{3} : 4};
  attention::Problem& p = inputs.problem;
  p = problem_of(fields);
  const DType dtype = parse_float_type("dtype", s.dtype).value_or(DType::f16);
  if (sources.dout)
    throw InvalidArgument("dout", s.dout, "nothing beside random tensors, whose dout is random too");
  accept(p, dtype);
  inputs.mask_and_bias = read_mask_and_bias(sources.mask, sources.bias, p);
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
