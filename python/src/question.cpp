#include "python/src/question.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "cuda/golden/golden.h"
#include "python/src/argument.h"

namespace attnlab::python {
namespace {

using attention::Problem;
using Side = std::optional<Index>;

template <class T>
T get(const nb::dict& arguments, const char* key, T otherwise) {
  if (!arguments.contains(key)) return otherwise;
  const nb::object value = arguments[key];
  return value.is_none() ? otherwise : argument_as<T>(key, value);
}

bool given(const nb::dict& arguments, const char* key) {
  return arguments.contains(key) && !nb::object(arguments[key]).is_none();
}

Index longest(const std::vector<Index>& cu_seqlens) {
  Index result = 0;
  for (std::size_t b = 1; b < cu_seqlens.size(); ++b)
    result = std::max(result, cu_seqlens[b] - cu_seqlens[b - 1]);
  return result;
}

class Reader {
 public:
  Reader(const nb::dict& arguments, Question& question) : arguments_(arguments), q_(question) {}

  void read() {
    q_.layout = parse_layout(get<std::string>(arguments_, "layout", "bhsd"));
    q_.threads = threads_of(nb::object(arguments_["threads"]));
    q_.golden = cuda::golden_source(get<std::string>(arguments_, "golden", "auto"));
    q_.inputs.q = required("q");
    q_.inputs.k = required("k");
    q_.inputs.v = required("v");
    options();
    sizes();
    page_table();
    q_.inputs.dout = optional("dout");
    q_.outputs.o = optional("out");
    q_.outputs.dq = optional("dq");
    q_.outputs.dk = optional("dk");
    q_.outputs.dv = optional("dv");
    if (given(arguments_, "lse")) q_.outputs.lse = lse_of(kept(typed_array("lse", arguments_["lse"])));
    for (const auto& [name, tensor] :
         {std::pair{"q_descale", &q_.inputs.q}, {"k_descale", &q_.inputs.k}, {"v_descale", &q_.inputs.v}}) {
      if (given(arguments_, name)) tensor->scale = floats_of(name, keep(name));
    }
    validate(q_.problem);
    require_fit(q_.problem, q_.inputs, q_.outputs);
  }

 private:
  const TypedArray& kept(TypedArray&& typed) {
    q_.kept.push_back(typed.array);
    last_ = std::move(typed);
    return last_;
  }
  const Array& keep(const char* key) {
    q_.kept.push_back(nb::cast<Array>(nb::object(arguments_[key])));
    return q_.kept.back();
  }

  Tensor required(const char* key) {
    const Tensor tensor = optional(key);
    if (!tensor) throw InvalidArgument(key, "None", "an array");
    return tensor;
  }
  Tensor optional(const char* key) {
    if (!given(arguments_, key)) return {};
    const TypedArray& typed = kept(typed_array(key, arguments_[key]));
    const std::string_view name = key;
    if (name == "q") q_.dimensions = typed.array.ndim();
    const bool paged = given(arguments_, "block_table") && (name == "k" || name == "v");
    const std::size_t expected = paged ? 4 : q_.dimensions;
    if (typed.array.ndim() != expected) {
      throw InvalidArgument(key, std::to_string(typed.array.ndim()) + " dimensions",
                            std::to_string(expected) + (paged ? " of pages" : ", as q has"));
    }
    return tensor_of(typed, q_.layout);
  }

  void options() {
    Problem& p = q_.problem;
    p.causal = get<bool>(arguments_, "causal", false);
    std::tie(p.window.left, p.window.right) =
        get<std::pair<Side, Side>>(arguments_, "window", {std::nullopt, std::nullopt});
    if (given(arguments_, "softmax_scale")) p.softmax_scale = get<double>(arguments_, "softmax_scale", 0);
    p.softcap = get<double>(arguments_, "softcap", 0);
    p.alibi_slopes = get<std::vector<double>>(arguments_, "alibi_slopes", {});
    p.sinks = get<std::vector<double>>(arguments_, "sinks", {});
    p.q_lens = get<std::vector<Index>>(arguments_, "q_lens", {});
    p.kv_lens = get<std::vector<Index>>(arguments_, "kv_lens", {});
    p.cu_seqlens_q = get<std::vector<Index>>(arguments_, "cu_seqlens_q", {});
    p.cu_seqlens_kv = get<std::vector<Index>>(arguments_, "cu_seqlens_kv", {});
    p.dropout.p = get<double>(arguments_, "dropout_p", 0);
    if (!(p.dropout.p >= 0 && p.dropout.p < 1)) {
      throw InvalidArgument("dropout_p", std::to_string(p.dropout.p), "0 <= p < 1");
    }
    p.dropout.seed = get<std::uint64_t>(arguments_, "dropout_seed", 0);
    p.dropout.offset = get<std::uint32_t>(arguments_, "dropout_offset", 0);
    if (given(arguments_, "mask")) p.mask = mask_of("mask", keep("mask"));
    if (given(arguments_, "bias")) p.bias = floats_of("bias", keep("bias"));
  }

  void sizes() {
    Problem& p = q_.problem;
    const oracle::Inputs& in = q_.inputs;
    const bool packed = p.packed() || !p.cu_seqlens_kv.empty();
    for (const auto& [name, ends] :
         {std::pair{"cu_seqlens_q", &p.cu_seqlens_q}, {"cu_seqlens_kv", &p.cu_seqlens_kv}}) {
      if (packed && ends->size() < 2) {
        throw InvalidArgument(name, ends->empty() ? "nothing" : std::to_string(ends->size()) + " numbers",
                              "0 and the end of each sequence, both for q and for k and v");
      }
    }
    set_sizes(p, extents_of(in.q), extents_of(in.k), extents_of(in.v));
    if (!packed) return;
    p.batch = static_cast<Index>(p.cu_seqlens_q.size()) - 1;
    p.seqlen_q = longest(p.cu_seqlens_q);
    p.seqlen_kv = longest(p.cu_seqlens_kv);
  }

  // Pages of K and V, [num_pages, page_size, heads, dim] or [num_pages, heads, page_size, dim], and a table
  // [batch, pages a sequence] of them.
  void page_table() {
    if (!given(arguments_, "block_table")) return;
    const auto [rows, cols, pages] =
        get<std::tuple<Index, Index, std::vector<std::int32_t>>>(arguments_, "block_table", {});
    q_.block_table = pages;
    Problem& p = q_.problem;
    for (Tensor* tensor : {&q_.inputs.k, &q_.inputs.v}) {
      tensor->block_table = q_.block_table.data();
      tensor->block_table_stride = cols;
      tensor->page_size = tensor->seqlen;
      tensor->num_pages = tensor->batch;
      tensor->batch = rows;
      tensor->seqlen = p.packed() ? p.seqlen_kv : cols * tensor->page_size;
    }
    if (!p.packed()) p.seqlen_kv = q_.inputs.k.seqlen;
  }

  const nb::dict& arguments_;
  Question& q_;
  TypedArray last_;
};

// None, or the list.
template <class T>
nb::object list_of(const std::vector<T>& values) {
  return values.empty() ? nb::none() : nb::cast(values);
}

template <class T>
nb::object array_of(const BroadcastView<T>& view) {
  if (!view) return nb::none();
  const std::size_t shape[] = {static_cast<std::size_t>(view.batch), static_cast<std::size_t>(view.heads),
                               static_cast<std::size_t>(view.rows), static_cast<std::size_t>(view.cols)};
  const std::int64_t strides[] = {view.batch_stride, view.head_stride, view.row_stride, view.col_stride};
  return nb::cast(nb::ndarray<nb::numpy, T>(const_cast<T*>(view.data), 4, shape, nb::handle(), strides),
                  nb::rv_policy::reference);
}

}  // namespace

void read_question(const nb::dict& arguments, Question& question) { Reader(arguments, question).read(); }

nb::dict options_of(const Problem& p) {
  nb::dict options;
  options["causal"] = p.causal;
  options["window"] =
      p.window.left || p.window.right ? nb::cast(std::pair{p.window.left, p.window.right}) : nb::none();
  options["softmax_scale"] = p.scale();
  options["softcap"] = p.softcap;
  options["alibi_slopes"] = list_of(p.alibi_slopes);
  options["sinks"] = list_of(p.sinks);
  options["mask"] = array_of(p.mask);
  options["bias"] = array_of(p.bias);
  options["q_lens"] = list_of(p.q_lens);
  options["kv_lens"] = list_of(p.kv_lens);
  options["cu_seqlens_q"] = list_of(p.cu_seqlens_q);
  options["cu_seqlens_kv"] = list_of(p.cu_seqlens_kv);
  options["dropout_p"] = p.dropout.p;
  options["dropout_seed"] = p.dropout.seed;
  options["dropout_offset"] = p.dropout.offset;
  return options;
}

}  // namespace attnlab::python
