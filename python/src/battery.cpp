// _core.battery: the oracle's battery on a kernel that is a Python callable.
#include "oracle/battery.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>

#include "python/src/argument.h"
#include "python/src/declared.h"
#include "python/src/functions.h"
#include "python/src/question.h"
#include "python/src/verdict.h"

namespace attnlab::python {
namespace {

// Ends the battery: Ctrl-C and its like are no failures of a case. Not a std::exception, so that nobody takes
// it for one.
struct Interrupted {};

// The callable and what ended it. Shared, since std::function copies what it holds.
class Callable {
 public:
  Callable(nb::object kernel, nb::object progress)
      : kernel_(std::move(kernel)), progress_(std::move(progress)) {}

  void run(const oracle::Call& call) {
    const nb::gil_scoped_acquire held;
    if (ended_) throw Interrupted();
    try {
      kernel_(arguments(call));
    } catch (nb::python_error& error) {
      if (error.matches(PyExc_NotImplementedError)) throw oracle::Unsupported(text(error));
      if (error.matches(PyExc_Exception)) throw std::runtime_error(text(error));
      ended_.emplace(error);
      throw Interrupted();
    }
  }

  void progress(Index done, Index total, int failures) {
    const nb::gil_scoped_acquire held;
    if (ended_) throw Interrupted();
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (!progress_.is_none()) progress_(done, total, failures);
    } catch (nb::python_error& error) {
      ended_.emplace(error);
      throw Interrupted();
    }
  }

  void raise_if_ended() {
    if (ended_) throw nb::python_error(*ended_);
  }

 private:
  // "ValueError: ...", one line.
  static std::string text(const nb::python_error& error) {
    std::string line = nb::cast<std::string>(nb::object(error.type().attr("__name__"))) + ": " +
                       nb::cast<std::string>(nb::str(error.value()));
    return line.substr(0, line.find('\n'));
  }

  // Pages as a tensor of their own: [num_pages, heads, page_size, dim].
  static Tensor pages_of(Tensor tensor) {
    if (tensor.paged()) tensor.batch = tensor.num_pages, tensor.seqlen = tensor.page_size;
    return tensor;
  }

  static nb::object block_table_of(const oracle::Call& call) {
    if (!call.k.paged()) return nb::none();
    const std::size_t shape[] = {static_cast<std::size_t>(call.k.batch),
                                 static_cast<std::size_t>(call.k.block_table_stride)};
    return nb::cast(nb::ndarray<nb::numpy, const std::int32_t>(call.k.block_table, 2, shape, nb::handle()),
                    nb::rv_policy::copy);
  }

  static nb::dict arguments(const oracle::Call& call) {
    nb::dict d;
    d["q"] = borrowed(call.q);
    d["k"] = borrowed(pages_of(call.k));
    d["v"] = borrowed(pages_of(call.v));
    d["dout"] = borrowed(call.dout);
    d["out"] = borrowed(call.o);
    d["lse"] = borrowed(call.lse, 3);
    d["dq"] = borrowed(call.dq);
    d["dk"] = borrowed(call.dk);
    d["dv"] = borrowed(call.dv);
    d["saved_out"] = borrowed(call.saved_o);
    d["saved_lse"] = borrowed(call.saved_lse, 3);
    nb::dict options = options_of(call.problem);
    options["block_table"] = block_table_of(call);
    options["page_size"] = call.k.page_size;
    options["seqlen_kv"] = call.problem.seqlen_kv;
    d["options"] = options;
    return d;
  }

  nb::object kernel_, progress_;
  std::optional<nb::python_error> ended_;
};

template <class T>
T get(const nb::dict& from, const char* key, const std::string& expected = expectation<T>()) {
  return argument_as<T>(key, nb::object(from[key]), expected);
}

oracle::BatteryOptions options_of(const nb::dict& from, const nb::dict& declared) {
  oracle::BatteryOptions options;
  oracle::Schema& schema = options.schema;
  schema.dtypes.clear();
  for (const std::string& name : get<std::vector<std::string>>(from, "dtypes", "a list of types' names"))
    schema.dtypes.push_back(parse_dtype(name));
  schema.head_dims = get<std::vector<Index>>(from, "head_dims", "a list of integers");
  if (schema.dtypes.empty()) throw InvalidArgument("dtypes", "none", "at least one type");
  if (schema.head_dims.empty()) throw InvalidArgument("head_dims", "none", "at least one size");
  const struct {
    const char* name;
    bool& flag;
  } flags[] = {{"causal", schema.causal},   {"gqa", schema.gqa},         {"cross", schema.cross},
               {"window", schema.window},   {"softcap", schema.softcap}, {"alibi", schema.alibi},
               {"dropout", schema.dropout}, {"padding", schema.padding}, {"packed", schema.packed},
               {"scale", schema.scale},     {"strides", schema.strides}, {"hidden_nan", schema.hidden_nan},
               {"lse", schema.lse},         {"empty", schema.empty},     {"backward", schema.backward},
               {"huge", schema.huge},       {"mask", schema.mask},       {"bias", schema.bias},
               {"sinks", schema.sinks},     {"dim_v", schema.dim_v}};
  for (const auto& [name, flag] : flags) flag = get<bool>(from, name);
  schema.page_sizes = get<std::vector<Index>>(from, "page_sizes", "a list of integers");
  schema.max_seqlen = get<Index>(from, "max_seqlen");
  options.seed = get<std::uint64_t>(from, "seed");
  options.time_limit_s = get<double>(from, "time_limit");
  options.cases = get<Index>(from, "cases");
  options.first_case = get<Index>(from, "first_case");
  options.stop_after = get<int>(from, "stop_after");
  options.shrink = get<bool>(from, "shrink");
  options.threads = threads_of(nb::object(from["threads"]));
  if (declared.size() != 0) {
    if (schema.dtypes.size() != 1) {
      throw InvalidArgument("dtypes", std::to_string(schema.dtypes.size()) + " types",
                            "one where the kernel's arithmetic is declared");
    }
    options.kernel_class = oracle::declared_class(schema.dtypes.front(), declaration_of(declared));
  }
  return options;
}

// Contiguous float32 arrays q, k and v of one shape [batch, heads, rows, dim].
std::optional<oracle::Activations> activations_of(const nb::object& given) {
  if (given.is_none()) return std::nullopt;
  const auto arrays = nb::cast<nb::tuple>(given);
  oracle::Activations real;
  real.name = nb::cast<std::string>(arrays[0]);
  const std::pair<const char*, std::vector<float>*> tensors[] = {
      {"q", &real.q}, {"k", &real.k}, {"v", &real.v}};
  for (std::size_t n = 0; n < 3; ++n) {
    const auto array = nb::cast<nb::ndarray<const float, nb::ndim<4>, nb::c_contig, nb::device::cpu>>(
        nb::object(arrays[n + 1]));
    tensors[n].second->assign(array.data(), array.data() + array.size());
    real.batch = static_cast<Index>(array.shape(0));
    real.heads = static_cast<Index>(array.shape(1));
    real.rows = static_cast<Index>(array.shape(2));
    real.dim = static_cast<Index>(array.shape(3));
  }
  return real;
}

nb::dict battery(const nb::object& kernel, const nb::dict& settings, const nb::dict& declared,
                 const nb::object& progress) {
  oracle::BatteryOptions options = options_of(settings, declared);
  const std::optional<oracle::Activations> activations = activations_of(settings["activations"]);
  if (activations) options.activations = &*activations;
  const auto callable = std::make_shared<Callable>(kernel, progress);
  options.progress = [callable](Index done, Index total, int failures) {
    callable->progress(done, total, failures);
  };
  oracle::BatteryReport report;
  try {
    const nb::gil_scoped_release released;
    report = oracle::battery([callable](const oracle::Call& call) { callable->run(call); }, options);
  } catch (const Interrupted&) {
  }
  callable->raise_if_ended();
  return dict_of(report);
}

}  // namespace

void add_battery(nb::module_& module) {
  module.def("battery", &battery, nb::arg("kernel"), nb::arg("settings"), nb::arg("declared"),
             nb::arg("progress").none());
}

}  // namespace attnlab::python
