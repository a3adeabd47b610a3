#include "cli/run_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cli/tensors.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

using files::shape_text;
using Extents = Form::Extents;

// A tensor in an open file, its data not read yet.
struct Source {
  std::shared_ptr<const files::Archive> file;
  std::string name;   // in the file
  std::string label;  // in refusals: "--q", or "x.npz: q"

  explicit operator bool() const { return file != nullptr; }
  const files::TensorInfo& info() const { return file->info(name); }
  files::Tensor load() const { return file->load(name); }
};

struct Sources {
  Source q, k, v, mask, bias, dout, o;
  std::vector<std::string> unused;
};

std::optional<DType> raw_type(const RunSources& s) {
  return s.dtype.empty() ? std::nullopt : std::optional(parse_dtype(s.dtype));
}

// The only tensor of a file given by an option of its own.
Source open_single(const std::string& option, const std::string& path, std::optional<DType> raw_as) {
  Source source{files::open(path, raw_as), {}, option};
  if (source.file->tensors().size() != 1) {
    throw InvalidArgument(option,
                          fmt::format("{}, which holds {} tensors", path, source.file->tensors().size()),
                          "a file of one tensor (or --input, for tensors named q, k, v)");
  }
  source.name = source.file->tensors()[0].name;
  return source;
}

Sources open_sources(const RunSources& s) {
  const std::optional<DType> raw_as = raw_type(s);
  Sources sources;
  if (!s.input.empty()) {
    const std::shared_ptr<const files::Archive> file = files::open(s.input, raw_as);
    const auto find = [&](const char* name) {
      return Source{file, name, fmt::format("{}: {}", s.input, name)};
    };
    sources.q = find("q"), sources.k = find("k"), sources.v = find("v");
    for (const Source* source : {&sources.q, &sources.k, &sources.v}) source->info();  // FileError if absent
    for (const files::TensorInfo& info : file->tensors()) {
      const std::array<std::pair<const char*, Source*>, 4> optional{
          {{"mask", &sources.mask}, {"bias", &sources.bias}, {"o", &sources.o}, {"dout", &sources.dout}}};
      const auto* known = std::ranges::find_if(optional, [&](const auto& o) { return info.name == o.first; });
      if (known != optional.end() && (known->second != &sources.dout || s.backward)) {
        *known->second = find(known->first);
      } else if (info.name != "q" && info.name != "k" && info.name != "v") {
        sources.unused.push_back(info.name);
      }
    }
  } else if (!s.random()) {
    for (const auto& [option, path] : {std::pair{"--q", &s.q}, {"--k", &s.k}, {"--v", &s.v}}) {
      if (path->empty()) throw InvalidArgument(option, "nothing", "a file, as --q, --k and --v go together");
    }
    sources.q = open_single("--q", s.q, raw_as);
    sources.k = open_single("--k", s.k, raw_as);
    sources.v = open_single("--v", s.v, raw_as);
  }
  const auto add = [&](const char* option, const std::string& path, Source& source) {
    if (path.empty()) return;
    if (source) throw InvalidArgument(option, path, fmt::format("nothing beside {}", source.label));
    source = open_single(option, path, raw_as);
  };
  add("--mask", s.mask, sources.mask);
  add("--bias", s.bias, sources.bias);
  add("--dout", s.dout, sources.dout);
  if (s.backward && !s.random() && !sources.dout) {
    throw InvalidArgument("--dout", "nothing", "a file, or a tensor dout in the input");
  }
  return sources;
}

[[noreturn]] void refuse_shape(const std::string& label, const std::vector<Index>& shape,
                               const std::string& expected) {
  throw InvalidArgument(label, shape_text(shape), expected);
}

Form::Order order_of(const std::string& layout, bool packed) {
  if (!layout.empty() && layout != "bhsd" && layout != "bshd") {
    throw InvalidArgument("--layout", layout, "bhsd or bshd");
  }
  if (!packed) return layout == "bshd" ? Form::Order::bshd : Form::Order::bhsd;
  if (layout == "bhsd") {
    throw InvalidArgument("--layout", layout,
                          "nothing beside --cu-seqlens-q: packed tensors are [total, heads, dim]");
  }
  return Form::Order::packed;
}

// The form that q's shape tells.
Form form_of(const std::string& label, const std::vector<Index>& shape, Form::Order order) {
  Form form{order, shape.size()};
  const bool packed = order == Form::Order::packed;
  if (packed ? form.rank == 3 : form.rank >= 2 && form.rank <= 4) return form;
  form.rank = packed ? 3 : 4;
  refuse_shape(label, shape,
               form.text("batch", "heads", packed ? "total" : "seqlen", "dim") +
                   (packed ? ", as sequences are packed"
                           : fmt::format(" ({}), without batch or without batch and heads at the least",
                                         form.name())));
}

void require_type(const Source& source, DType expected, const char* why) {
  if (source.info().dtype == expected) return;
  throw InvalidArgument(source.label, std::string(name(source.info().dtype)),
                        fmt::format("{}, {}", name(expected), why));
}

// Extents of a tensor whose shape must be of the form and agree with what is fixed.
struct Expected {
  std::optional<Index> batch, heads, seqlen, dim;
  std::optional<Index> heads_divide;  // heads must divide this
};

Extents require_shape(const Form& form, const std::string& label, const std::vector<Index>& shape,
                      const Expected& expected) {
  const auto word = [](std::optional<Index> extent, const char* otherwise) {
    return extent ? std::to_string(*extent) : otherwise;
  };
  const std::string heads = expected.heads_divide ? fmt::format("a divisor of {}", *expected.heads_divide)
                                                  : word(expected.heads, "heads");
  const std::string wanted = form.text(word(expected.batch, "batch"), heads,
                                       word(expected.seqlen, "any length"), word(expected.dim, "any dim"));
  if (shape.size() != form.rank) refuse_shape(label, shape, wanted);
  const Extents e = form.extents(shape);
  const auto fits = [](Index got, std::optional<Index> want) { return !want || got == *want; };
  const bool divides = !expected.heads_divide || (e.heads > 0 && *expected.heads_divide % e.heads == 0);
  if (!fits(e.batch, expected.batch) || !fits(e.heads, expected.heads) || !divides ||
      !fits(e.seqlen, expected.seqlen) || !fits(e.dim, expected.dim)) {
    refuse_shape(label, shape, wanted);
  }
  if (e.batch < 1 || e.heads < 1 || e.dim < 1) refuse_shape(label, shape, "no extent of 0 but a length");
  return e;
}

// Extents that NumPy's rules broadcast to [batch, heads, seqlen_q, seqlen_kv].
std::array<Index, 4> broadcast_extents(const Source& source, const attention::Problem& p) {
  const std::vector<Index>& shape = source.info().shape;
  const std::array<Index, 4> full{p.batch, p.num_heads, p.seqlen_q, p.seqlen_kv};
  std::array<Index, 4> extents{1, 1, 1, 1};
  bool fits = shape.size() <= 4;
  for (std::size_t n = 0; fits && n < shape.size(); ++n) {
    const std::size_t at = 4 - shape.size() + n;
    extents[at] = shape[n];
    fits = shape[n] == 1 || shape[n] == full[at];
  }
  if (!fits) {
    refuse_shape(
        source.label, shape,
        fmt::format("[batch, heads, seqlen_q, seqlen_kv] = {}, or what broadcasts to it", shape_text(full)));
  }
  return extents;
}

// 1 where an integer element is not 0.
std::vector<std::uint8_t> nonzero(const files::Tensor& tensor) {
  const auto size = static_cast<std::size_t>(bits(tensor.dtype) / 8);
  std::vector<std::uint8_t> result(tensor.data.size() / size);
  for (std::size_t n = 0; n < tensor.data.size(); ++n) {
    if (tensor.data[n] != std::byte{0}) result[n / size] = 1;
  }
  return result;
}

void read_mask_and_bias(const Sources& sources, RunInputs& inputs) {
  attention::Problem& p = inputs.problem;
  if (sources.mask) {
    const auto [b, h, r, c] = broadcast_extents(sources.mask, p);
    if (is_float(sources.mask.info().dtype)) {
      throw InvalidArgument(sources.mask.label, std::string(name(sources.mask.info().dtype)),
                            "bool or an integer type, 0 where a key is hidden (numbers to add are a bias)");
    }
    inputs.mask = nonzero(sources.mask.load());
    p.mask = attention::broadcast(inputs.mask.data(), b, h, r, c);
  }
  if (sources.bias) {
    const auto [b, h, r, c] = broadcast_extents(sources.bias, p);
    const DType type = sources.bias.info().dtype;
    if (!is_float(type) || type == DType::f64) {
      throw InvalidArgument(sources.bias.label, std::string(name(type)),
                            "fp32 or a narrower floating-point type, as biases are kept in fp32");
    }
    inputs.bias = sources.bias.load().to_float();
    p.bias = attention::broadcast(inputs.bias.data(), b, h, r, c);
  }
}

void apply_options(const ProblemOptions& options, RunInputs& inputs, const Extents& q, const Extents& k,
                   const Extents& v) {
  attention::Problem& p = inputs.problem;
  p.batch = q.batch;
  p.num_heads = q.heads;
  p.num_kv_heads = k.heads;
  p.seqlen_q = q.seqlen;
  p.seqlen_kv = k.seqlen;
  p.head_dim = q.dim;
  p.head_dim_v = v.dim;
  if (inputs.form.order == Form::Order::packed) {
    p.seqlen_q = longest_sequence(parse_list("--cu-seqlens-q", options.cu_seqlens_q));
    p.seqlen_kv = longest_sequence(parse_list("--cu-seqlens-kv", options.cu_seqlens_kv));
  }
  apply_mask_options(options, p);
}

RunInputs read_files(const RunSources& s, const ProblemOptions& options, bool packed, const Accept& accept) {
  const Sources sources = open_sources(s);
  RunInputs inputs;
  const files::TensorInfo &q = sources.q.info(), &k = sources.k.info(), &v = sources.v.info();
  if (!is_float(q.dtype)) {
    throw InvalidArgument(sources.q.label, std::string(name(q.dtype)), "a floating-point type");
  }
  if (const auto type = raw_type(s)) require_type(sources.q, *type, "which --dtype says");
  for (const Source* other : {&sources.k, &sources.v, &sources.dout}) {
    if (*other) require_type(*other, q.dtype, "the type of q");
  }
  inputs.form = form_of(sources.q.label, q.shape, order_of(s.layout, packed));
  const Form& form = inputs.form;
  const Extents qe = require_shape(form, sources.q.label, q.shape, {});
  const std::optional<Index> batch = qe.batch;
  const Extents ke = require_shape(form, sources.k.label, k.shape, {batch, {}, {}, qe.dim, qe.heads});
  const Extents ve = require_shape(form, sources.v.label, v.shape, {batch, ke.heads, ke.seqlen, {}, {}});
  apply_options(options, inputs, qe, ke, ve);
  const attention::Problem& p = inputs.problem;
  if (packed) {
    require_shape(form, sources.q.label, q.shape, {batch, qe.heads, p.tensor_rows_q(), qe.dim, {}});
    require_shape(form, sources.k.label, k.shape, {batch, ke.heads, p.tensor_rows_kv(), ke.dim, {}});
  }
  for (const Source* like_o : {&sources.dout, &sources.o}) {
    if (*like_o) {
      require_shape(form, like_o->label, like_o->info().shape, {batch, qe.heads, qe.seqlen, ve.dim, {}});
    }
  }
  if (sources.o && !is_float(sources.o.info().dtype)) {
    throw InvalidArgument(sources.o.label, std::string(name(sources.o.info().dtype)),
                          "a floating-point type");
  }
  accept(p, q.dtype);
  read_mask_and_bias(sources, inputs);
  inputs.q = sources.q.load(), inputs.k = sources.k.load(), inputs.v = sources.v.load();
  if (sources.dout) inputs.dout = sources.dout.load();
  if (sources.o) inputs.o = sources.o.load();
  inputs.unused = sources.unused;
  return inputs;
}

RunInputs draw(const RunSources& s, const ProblemOptions& options, bool packed, const Accept& accept) {
  const Sources sources = open_sources(s);
  RunInputs inputs;
  inputs.form = {order_of(s.layout, packed), packed ? std::size_t{3} : 4};
  attention::Problem& p = inputs.problem;
  p = problem_of(options);
  const DType dtype = s.dtype.empty() ? DType::f16 : parse_dtype(s.dtype);
  if (!is_float(dtype)) throw InvalidArgument("--dtype", s.dtype, "a floating-point type");
  if (sources.dout)
    throw InvalidArgument("--dout", s.dout, "nothing beside random tensors, whose dout is random too");
  accept(p, dtype);
  read_mask_and_bias(sources, inputs);
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

Extents Form::extents(const std::vector<Index>& shape) const {
  std::vector<Index> full(4 - shape.size(), 1);
  full.insert(full.end(), shape.begin(), shape.end());
  // One head of bshd: [seqlen, dim] has its heads between.
  if (order != Order::bhsd && rank == 2) return {1, 1, shape[0], shape[1]};
  if (order == Order::bhsd) return {full[0], full[1], full[2], full[3]};
  return {full[0], full[2], full[1], full[3]};
}

std::vector<Index> Form::shape(const Extents& e) const {
  std::vector<Index> full{e.batch, e.heads, e.seqlen, e.dim};
  if (order != Order::bhsd && rank != 2) std::swap(full[1], full[2]);
  return {full.end() - static_cast<std::ptrdiff_t>(rank), full.end()};
}

std::vector<Index> Form::lse_shape(const Extents& e) const {
  const std::vector<Index> full{e.batch, e.heads, e.seqlen};
  return {full.end() - static_cast<std::ptrdiff_t>(rank - 1), full.end()};
}

std::string Form::text(const std::string& batch, const std::string& heads, const std::string& seqlen,
                       const std::string& dim) const {
  std::vector<std::string> full{batch, heads, seqlen, dim};
  if (order != Order::bhsd && rank != 2) std::swap(full[1], full[2]);
  return fmt::format("[{}]", fmt::join(full.end() - static_cast<std::ptrdiff_t>(rank), full.end(), ", "));
}

const char* Form::name() const {
  switch (order) {
    case Order::bhsd:
      return "bhsd";
    case Order::bshd:
      return "bshd";
    case Order::packed:
      return "packed";
  }
  return "";
}

Extents RunInputs::o_extents() const {
  return {problem.tensor_batches(), problem.num_heads, problem.tensor_rows_q(), problem.head_dim_v};
}

RunInputs read_inputs(const RunSources& sources, const ProblemOptions& options, const Accept& accept) {
  const bool packed = !options.cu_seqlens_q.empty() || !options.cu_seqlens_kv.empty();
  return sources.random() ? draw(sources, options, packed, accept)
                          : read_files(sources, options, packed, accept);
}

}  // namespace attnlab::cli
