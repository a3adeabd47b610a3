// _core.run: an algorithm of the reference on arrays, in the CPU's memory or in the metered one; and the
// random inputs that the commands use.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answers/io.h"
#include "answers/random_blocks.h"
#include "answers/random_tensors.h"
#include "python/src/argument.h"
#include "python/src/functions.h"
#include "python/src/question.h"
#include "reference/attention/tiles.h"
#include "simulator/device/device.h"
#include "simulator/io/account.h"
#include "simulator/io/metered_attention.h"

namespace attnlab::python {
namespace {

using answers::OwnedTensor;

struct Settings {
  const attention::AlgorithmInfo* algorithm = nullptr;
  bool in_double = false;
  attention::Tiles tiles;  // 0: what suits the machine
  attention::BlockMask block_mask;
  bool metered = false;
  DType dtype = DType::f16;  // of what is counted
  std::int64_t sram_elements = 0;
};

template <class T>
T setting(const nb::dict& settings, const char* key, T otherwise) {
  const nb::object value = settings[key];
  return value.is_none() ? otherwise : argument_as<T>(key, value);
}

// A positive count; 0 where none is given.
Index size_of(const nb::dict& settings, const char* key, const char* expected) {
  if (nb::object(settings[key]).is_none()) return 0;
  const Index size = argument_as<Index>(key, nb::object(settings[key]));
  if (size < 1) throw InvalidArgument(key, std::to_string(size), expected);
  return size;
}

Settings settings_of(const nb::dict& from) {
  Settings settings;
  settings.algorithm = &attention::find_algorithm(setting<std::string>(from, "algorithm", ""));
  const auto precision = setting<std::string>(from, "precision", "float");
  if (precision != "float" && precision != "double") {
    throw InvalidArgument("precision", precision, "float or double");
  }
  settings.in_double = precision == "double";
  settings.tiles.br = size_of(from, "br", "a positive number of rows");
  settings.tiles.bc = size_of(from, "bc", "a positive number of keys");
  settings.metered = setting<bool>(from, "metered", false);
  settings.dtype = parse_dtype(setting<std::string>(from, "dtype", "fp16"));
  const device::Device device = device::load(setting<std::string>(from, "device", ""));
  const Index sram = size_of(from, "sram_bytes", "a positive number of bytes");
  settings.sram_elements = (sram != 0 ? sram : static_cast<Index>(device.sram_bytes_per_sm)) /
                           static_cast<Index>(io::ElementSizes(settings.dtype)(Hbm::Q));
  return settings;
}

// The mask of tiles, kept by `array`.
attention::BlockMask block_mask_of(const Array& array) {
  const auto mask = mask_of("block_mask", array);
  if (array.ndim() != 2 || (mask.cols > 1 && mask.col_stride != 1) ||
      (mask.rows > 1 && mask.row_stride != mask.cols)) {
    throw InvalidArgument("block_mask", std::to_string(array.ndim()) + " dimensions",
                          "a contiguous array [row tiles, column tiles]");
  }
  attention::BlockMask blocks;
  blocks.row_blocks = mask.rows;
  blocks.col_blocks = mask.cols;
  blocks.data = mask.data;
  return blocks;
}

template <class T, class Tensor>
OwnedTensor<T> numbers_of(const Tensor& tensor) {
  OwnedTensor<T> numbers(tensor.batch, tensor.heads, tensor.seqlen, tensor.dim);
  std::vector<double> head(static_cast<std::size_t>(tensor.seqlen * tensor.dim));
  T* to = numbers.values.data();
  for (Index b = 0; b < tensor.batch; ++b) {
    for (Index h = 0; h < tensor.heads; ++h) {
      read(tensor, b, h, {0, tensor.seqlen}, {head.data(), tensor.seqlen, tensor.dim, tensor.dim});
      for (const double value : head) *to++ = static_cast<T>(value);
    }
  }
  return numbers;
}

answers::Json to_json(const io::Traffic& traffic, DType dtype) {
  const io::ElementSizes sizes(dtype);
  const io::Bytes bytes = io::bytes(traffic, sizes);
  return {{"hbm_read_bytes", answers::json_count(bytes.read)},
          {"hbm_write_bytes", answers::json_count(bytes.written)},
          {"hbm_bytes", answers::json_count(bytes.total())},
          {"matrix_bytes", answers::json_count(io::matrix_bytes(traffic, sizes).total())},
          {"by_tensor", answers::by_tensor(traffic, dtype)},
          {"sram_peak_bytes", answers::json_count(traffic.sram_peak * sizes(Hbm::Q))},
          {"sram_peak_elements", answers::json_count(traffic.sram_peak)},
          {"flops", answers::json_count(traffic.flop(Flop::matmul))},
          {"flops_by_kind", answers::flops_by_kind(traffic)}};
}

template <class T>
struct Results {
  OwnedTensor<T> o, lse;
  std::optional<OwnedTensor<T>> dq, dk, dv;
  std::optional<io::Traffic> traffic;
};

template <class T>
Results<T> computed(const Question& question, const Settings& settings) {
  const attention::Problem& p = question.problem;
  const attention::Algorithm algorithm = settings.algorithm->id;
  const auto q = numbers_of<T>(question.inputs.q), k = numbers_of<T>(question.inputs.k),
             v = numbers_of<T>(question.inputs.v);
  Results<T> r;
  r.o = {q.batch, q.heads, q.seqlen, v.dim};
  r.lse = {q.batch, q.heads, q.seqlen, 1};
  attention::Options options;
  options.threads = question.threads;
  options.block_mask = settings.block_mask;
  const auto tiles_of = [&](io::Pass pass) {
    attention::Tiles tiles = settings.tiles;
    if (settings.metered && (tiles.br == 0 || tiles.bc == 0)) {
      const attention::Tiles rule =
          io::paper_tiles(algorithm, pass, head_of(p, 0, 0), settings.sram_elements);
      tiles = {tiles.br == 0 ? rule.br : tiles.br, tiles.bc == 0 ? rule.bc : tiles.bc};
    }
    return tiles;
  };
  const attention::ForwardTensors<T> forward{q.view(), k.view(), v.view(), r.o.view(), r.lse.view()};
  options.tiles = tiles_of(io::Pass::forward);
  if (settings.metered) {
    r.traffic = io::metered_forward<T>(algorithm, p, forward, options, settings.sram_elements);
  } else {
    attention::forward<T>(algorithm, p, forward, options);
  }
  if (!question.inputs.dout) return r;

  const auto dout = numbers_of<T>(question.inputs.dout);
  r.dq = {q.batch, q.heads, q.seqlen, q.dim};
  r.dk = {k.batch, k.heads, k.seqlen, k.dim};
  r.dv = {v.batch, v.heads, v.seqlen, v.dim};
  const attention::BackwardTensors<T> backward{q.view(),     k.view(),     v.view(),
                                               r.o.view(),   r.lse.view(), dout.view(),
                                               r.dq->view(), r.dk->view(), r.dv->view()};
  options.tiles = tiles_of(io::Pass::backward);
  if (settings.metered) {
    *r.traffic += io::metered_backward<T>(algorithm, p, backward, options, settings.sram_elements);
  } else {
    attention::backward<T>(algorithm, p, backward, options);
  }
  return r;
}

template <class T>
nb::dict run_in(const Question& question, const Settings& settings) {
  Results<T> results;
  {
    const nb::gil_scoped_release released;
    results = computed<T>(question, settings);
  }
  nb::dict named;
  const auto add = [&](const char* name, OwnedTensor<T>& tensor, Index dim) {
    named[name] = numpy_of(std::move(tensor.values), tensor.batch, tensor.heads, tensor.seqlen, dim);
  };
  add("o", results.o, results.o.dim);
  add("lse", results.lse, 0);
  if (results.dq) {
    add("dq", *results.dq, results.dq->dim);
    add("dk", *results.dk, results.dk->dim);
    add("dv", *results.dv, results.dv->dim);
  }
  if (results.traffic) named["traffic"] = answers::dump(to_json(*results.traffic, settings.dtype));
  return named;
}

nb::dict run(const nb::dict& arguments, const nb::dict& from) {
  Question question;
  read_question(arguments, question);
  if (question.inputs.k.paged()) {
    throw InvalidArgument("block_table", "pages",
                          "none: attnlab.attention takes them, an algorithm does not");
  }
  question.problem.mask_pass = setting<bool>(from, "mask_pass", false);
  Settings settings = settings_of(from);
  Array blocks;
  if (!nb::object(from["block_mask"]).is_none()) {
    blocks = nb::cast<Array>(nb::object(from["block_mask"]));
    settings.block_mask = block_mask_of(blocks);
  }
  return settings.in_double ? run_in<double>(question, settings) : run_in<float>(question, settings);
}

std::vector<std::string> algorithms() {
  std::vector<std::string> names;
  for (const auto& info : attention::algorithms()) names.emplace_back(info.name);
  return names;
}

nb::object random_normal(Index count, const std::string& dtype, std::uint64_t seed, std::uint32_t stream) {
  constexpr Index kMost = Index{1} << 34;
  if (count < 0 || count > kMost) {
    throw InvalidArgument("shape", std::to_string(count) + " numbers", "at most 2^34");
  }
  OwnedTensor<float> tensor = answers::random_normal(1, 1, 1, count, parse_dtype(dtype), seed, stream);
  return numpy_of(std::move(tensor.values), 1, 1, count, 0);
}

nb::object random_blocks(Index rows, Index cols, double density) {
  if (rows < 1 || cols < 1) {
    throw InvalidArgument("rows, cols", std::to_string(rows) + " x " + std::to_string(cols),
                          "1 or more of each");
  }
  if (!(density >= 0 && density <= 1)) {
    throw InvalidArgument("density", std::to_string(density), "a share from 0 to 1");
  }
  return numpy_of(answers::random_blocks(rows, cols, density), 1, rows, cols, 0);
}

}  // namespace

void add_run(nb::module_& module) {
  module.def("run", &run, nb::arg("arguments"), nb::arg("settings"));
  module.def("algorithms", &algorithms);
  module.def("random_normal", &random_normal, nb::arg("count"), nb::arg("dtype"), nb::arg("seed"),
             nb::arg("stream"));
  module.def("random_blocks", &random_blocks, nb::arg("rows"), nb::arg("cols"), nb::arg("density"));
}

}  // namespace attnlab::python
