#include "answers/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "answers/problem_json.h"
#include "answers/random_blocks.h"
#include "reference/core/errors.h"
#include "reference/core/threads.h"

namespace attnlab::answers {
namespace {

using attention::Problem;

// Of the whole run: tensors as files hold them and as numbers, and the matrices of scores that are alive at
// once.
double bytes_needed(const RunQuestion& question, const Problem& p, DType dtype) {
  const double batches = static_cast<double>(p.tensor_batches());
  const double q_rows = batches * static_cast<double>(p.num_heads) * static_cast<double>(p.tensor_rows_q());
  const double kv_rows =
      batches * static_cast<double>(p.num_kv_heads) * static_cast<double>(p.tensor_rows_kv());
  const double d = static_cast<double>(p.head_dim), dv = static_cast<double>(p.head_dim_v);
  const double inputs = q_rows * d + kv_rows * (d + dv) + (question.backward ? q_rows * dv : 0);
  const double outputs = q_rows * (dv + 1) + (question.backward ? q_rows * d + kv_rows * (d + dv) : 0);
  const double number = question.in_double ? 8 : 4, stored = bits(dtype) / 8.0;
  // Standard attention's matrices of a head; the others' tiles, whose default sizes are below 1024.
  const bool whole = question.algorithm->materialises_scores;
  const auto side = [&](Index tile, Index all) {
    return static_cast<double>(whole ? all : std::min(tile == 0 ? 1024 : tile, all));
  };
  const double matrices = whole ? (question.backward ? 5 : 3) : 2;
  const double workers = std::min(static_cast<double>(worker_count(INT64_MAX, question.threads)),
                                  static_cast<double>(p.batch) * static_cast<double>(p.num_heads));
  const double scores =
      workers * matrices * side(question.tiles.br, p.seqlen_q) * side(question.tiles.bc, p.seqlen_kv);
  return (inputs + outputs) * (number + stored) + scores * number;
}

// A tensor's elements as numbers to compute with, and room for results of a form.
template <class T>
struct Numbers {
  std::vector<T> values;
  TensorView<T> view;

  Numbers() = default;
  Numbers(const Form& form, const Extents& e)
      : values(static_cast<std::size_t>(e.batch * e.heads * e.seqlen * e.dim)),
        view(form.view(values.data(), e)) {}
  Numbers(const Form& form, const files::Tensor& tensor) {
    if constexpr (std::is_same_v<T, double>) {
      values = tensor.to_double();
    } else {
      values = tensor.to_float();
    }
    view = form.view(values.data(), form.extents(tensor.shape));
  }
};

Json agreement_json(const Agreement& agreement) {
  return {{"max_abs_error", agreement.worst},
          {"max_abs", agreement.largest},
          {"nonfinite_mismatches", agreement.mismatches}};
}

// null: what suits the CPU.
Json tile_json(Index size) { return size == 0 ? Json() : Json(size); }

template <class Body>
double seconds_of(Body body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The rows of o that belong to a sequence beside those of the input's o.
template <class T>
Agreement beside_file(const RunInputs& inputs, const TensorView<T>& o) {
  const Problem& p = inputs.problem;
  Numbers<double> theirs(inputs.form, *inputs.o);
  Agreement agreement;
  for (Index index = 0; index < p.batch * p.num_heads; ++index) {
    const Index b = index / p.num_heads, h = index % p.num_heads, tb = p.tensor_batch(b);
    const auto mine = o.head(tb, h, p.q_rows(b));
    const auto other = theirs.view.head(tb, h, p.q_rows(b));
    for (Index r = 0; r < mine.rows; ++r) {
      for (Index c = 0; c < mine.cols; ++c) agreement.add(static_cast<double>(mine(r, c)), other(r, c));
    }
  }
  return agreement;
}

template <class T>
RunAnswer run(const RunQuestion& question, const RunInputs& inputs) {
  const Problem& p = inputs.problem;
  const Form& form = inputs.form;
  const attention::Algorithm algorithm = question.algorithm->id;
  RunAnswer result;

  attention::Options options;
  options.threads = question.threads;
  options.tiles = question.tiles;
  std::vector<std::uint8_t> blocks;
  if (question.algorithm->block_mask) {
    constexpr Index kBlock = 64;
    if (options.tiles.br == 0) options.tiles.br = kBlock;
    if (options.tiles.bc == 0) options.tiles.bc = kBlock;
    if (question.density < 1) {
      attention::BlockMask& mask = options.block_mask;
      mask.row_blocks = attention::ceil_div(p.seqlen_q, options.tiles.br);
      mask.col_blocks = attention::ceil_div(p.seqlen_kv, options.tiles.bc);
      blocks = random_blocks(mask.row_blocks, mask.col_blocks, question.density);
      mask.data = blocks.data();
    }
  }
  result.tiles = options.tiles;
  result.threads = worker_count(p.batch * p.num_heads, options.threads);

  const Extents oe = inputs.o_extents();
  Numbers<T> q(form, inputs.q), k(form, inputs.k), v(form, inputs.v), o(form, oe), dout, dq, dk, dv;
  std::vector<T> lse(static_cast<std::size_t>(oe.batch * oe.heads * oe.seqlen));
  RunViews<T> views{q.view, k.view, v.view, {}, o.view, bhsd(lse.data(), oe.batch, oe.heads, oe.seqlen, 1),
                    {},     {},     {}};
  result.forward_seconds = seconds_of([&] {
    attention::forward<T>(algorithm, p, {views.q, views.k, views.v, views.o, views.lse}, options);
  });
  if (question.backward) {
    dout = {form, *inputs.dout};
    dq = {form, inputs.q_extents()}, dk = {form, inputs.k_extents()}, dv = {form, inputs.v_extents()};
    views.dout = dout.view;
    views.dq = dq.view, views.dk = dk.view, views.dv = dv.view;
    result.backward_seconds = seconds_of([&] {
      attention::backward<T>(
          algorithm, p,
          {views.q, views.k, views.v, views.o, views.lse, views.dout, views.dq, views.dk, views.dv}, options);
    });
  }

  Numbers<T> rounded = o;
  rounded.view = form.view(rounded.values.data(), oe);
  round_to(inputs.dtype(), std::span<T>(rounded.values));
  result.not_finite = static_cast<std::uint64_t>(
      std::ranges::count_if(rounded.values, [](T value) { return !std::isfinite(value); }));
  const auto stored = [&](const Numbers<T>& numbers, const Extents& e, const char* name) {
    return files::Tensor::from(std::span<const T>(numbers.values), form.shape(e), inputs.dtype(), name);
  };
  result.o = stored(rounded, oe, "o");
  result.lse = files::Tensor::from(std::span<const T>(lse), form.lse_shape(oe),
                                   question.in_double ? DType::f64 : DType::f32, "lse");
  if (question.backward) {
    result.dq = stored(dq, inputs.q_extents(), "dq");
    result.dk = stored(dk, inputs.k_extents(), "dk");
    result.dv = stored(dv, inputs.v_extents(), "dv");
  }

  result.rows = count_rows(p, options);
  if (inputs.o) result.from_file = beside_file(inputs, o.view);
  const Index heads = question.check_heads ? *question.check_heads : affordable_heads(p, question.backward);
  if (heads > 0) result.check = check<T>(p, views, rounded.view, options, heads);
  return result;
}

}  // namespace

void validate(const RunQuestion& question, const Problem& problem, DType dtype) {
  if (dtype == DType::f64 && !question.in_double) {
    throw InvalidArgument("precision", "float", "double for fp64 tensors");
  }
  if (question.backward && !question.algorithm->backward) {
    throw InvalidArgument("algorithm", question.algorithm->name,
                          "one with a backward pass, as there is a dO (attnlab list)");
  }
  if (question.density != 1 && !question.algorithm->block_mask) {
    throw InvalidArgument("density", fmt::format("{}", question.density),
                          "1 unless `algorithm` is " + block_mask_algorithms());
  }
  require_memory(bytes_needed(question, problem, dtype));
}

Work work_of(const RunQuestion& question, const Problem& p, DType dtype) {
  // A core's seconds for a product of two numbers in float, for a score beside its products (mask, exponential), for a
  // random number, and for a product in the check in float64.
  constexpr double kProduct = 8e-11, kScore = 4e-9, kDraw = 8e-8, kCheckProduct = 2e-10;
  const double dims = static_cast<double>(p.head_dim + p.head_dim_v);
  const double scores = score_count(p, question.algorithm->skips_hidden_tiles) * question.density;
  const double heads = static_cast<double>(p.batch) * static_cast<double>(p.num_heads);
  const double passes = (question.backward ? 3 : 1) * (question.in_double ? 2 : 1);
  const double checked =
      static_cast<double>(question.check_heads.value_or(0)) / heads * score_count(p, false);
  const double numbers = heads * static_cast<double>(p.tensor_rows_q() + p.tensor_rows_kv()) * dims;
  const double seconds = scores * (dims * kProduct + kScore) * passes +
                         std::min(checked, score_count(p, false)) * dims * kCheckProduct;
  return {seconds / worker_count(p.batch * p.num_heads, question.threads) + numbers * kDraw,
          bytes_needed(question, p, dtype)};
}

RunAnswer answer(const RunQuestion& question, const RunInputs& inputs) {
  return question.in_double ? run<double>(question, inputs) : run<float>(question, inputs);
}

Json to_json(const RunQuestion& question, const RunInputs& inputs, const RunAnswer& a,
             const std::vector<std::string>& written) {
  Json json;
  json["algorithm"] = question.algorithm->name;
  json["problem"] = problem_json(inputs.problem, inputs.dtype());
  json["layout"] = inputs.form.name();
  json["precision"] = question.in_double ? "double" : "float";
  json["tiles"] = {{"br", tile_json(a.tiles.br)}, {"bc", tile_json(a.tiles.bc)}};
  json["density"] = question.algorithm->block_mask ? Json(question.density) : Json();
  json["threads"] = a.threads;
  json["seconds"] = {{"forward", a.forward_seconds},
                     {"backward", question.backward ? Json(a.backward_seconds) : Json()}};
  json["check"] = nullptr;
  if (a.check) {
    json["check"] = {{"heads", a.check->heads},
                     {"of_heads", inputs.problem.batch * inputs.problem.num_heads},
                     {"o", agreement_json(a.check->o)},
                     {"o_rounded", agreement_json(a.check->rounded)},
                     {"lse", agreement_json(a.check->lse)}};
    if (question.backward) {
      json["check"]["dq"] = agreement_json(a.check->dq);
      json["check"]["dk"] = agreement_json(a.check->dk);
      json["check"]["dv"] = agreement_json(a.check->dv);
    }
  }
  json["from_file_o"] = a.from_file ? agreement_json(*a.from_file) : Json();
  json["rows"] = a.rows.rows;
  json["rows_without_keys"] = a.rows.without_keys;
  json["nonfinite_outputs"] = a.not_finite;
  json["unused_tensors"] = inputs.unused;
  json["written"] = written;
  return json;
}

}  // namespace attnlab::answers
